package imkit

import (
	"bytes"
	"encoding/json"
)

// An envelope holds every answer that succeeded. RC is 0 then.
type envelope[T any] struct {
	RC     int    `json:"RC"`
	RM     string `json:"RM"`
	Result T      `json:"result"`
}

// An errorEnvelope holds every refusal. RC is the HTTP status.
type errorEnvelope struct {
	RC    int         `json:"RC"`
	RM    string      `json:"RM"`
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// A flatErrorEnvelope is the other form of a refusal: IMKit Errors, flat form.
type flatErrorEnvelope struct {
	RC         int    `json:"RC"`
	RM         string `json:"RM"`
	Error      string `json:"error"` // the code
	Message    string `json:"message"`
	RetryAfter int    `json:"retryAfter,omitempty"` // seconds
}

// A MessagePage is the result of a room's history. Inspect is for people.
type MessagePage struct {
	TotalCount     int       `json:"totalCount"` // of the room, not of the page
	Inspect        Inspect   `json:"inspect"`
	Data           []Message `json:"data"`
	UserDeletedIDs []string  `json:"userDeletedIDs"` // what the caller hid in this room
}

// An Inspect tells how a query was carried out.
type Inspect struct {
	Query  json.RawMessage `json:"query"`
	TookMS int64           `json:"tookMS"` // milliseconds
}

// A Message is one message of a room. Times are Unix milliseconds. Fields of single
// message types beyond images, files, places and stickers are not listed here.
type Message struct {
	ID            string          `json:"_id"`
	IDAgain       string          `json:"id"` // the same as _id
	Room          string          `json:"room"`
	MessageType   string          `json:"messageType"`
	Message       string          `json:"message"`
	Sender        User            `json:"sender"`
	Mentions      []string        `json:"mentions,omitempty"` // user ids
	Reply         *Message        `json:"reply,omitempty"`    // expanded one level
	Reactions     []Reaction      `json:"reactions"`
	ReactionCount int             `json:"reactionCount"`
	MessageTimeMS int64           `json:"messageTimeMS"` // when it was sent
	UpdatedAtMS   int64           `json:"updatedAtMS"`   // when it was last changed
	CreatedAtMS   int64           `json:"createdAtMS"`   // when the server took it
	EditedAt      string          `json:"editedAt,omitempty"`
	IsDeleted     bool            `json:"isDeleted,omitempty"` // hidden by the caller
	Images        []Image         `json:"images,omitempty"`
	OriginalURL   string          `json:"originalUrl,omitempty"`
	ThumbnailURL  string          `json:"thumbnailUrl,omitempty"`
	Width         int             `json:"width,omitempty"`    // pixels
	Height        int             `json:"height,omitempty"`   // pixels
	Duration      float64         `json:"duration,omitempty"` // seconds
	Latitude      float64         `json:"latitude,omitempty"` // degrees
	Longitude     float64         `json:"longitude,omitempty"`
	Sticker       string          `json:"sticker,omitempty"`
	Extra         json.RawMessage `json:"extra,omitempty"` // an object, or text that holds one

	// Raw is the whole object as it came, with all that has no field here. Only a [Client] sets it.
	Raw json.RawMessage `json:"-"`
}

// An Image is a picture of an image or mixed message. Sizes are pixels.
type Image struct {
	OriginalURL  string `json:"originalUrl"`
	ThumbnailURL string `json:"thumbnailUrl,omitempty"`
	Width        int    `json:"width,omitempty"`
	Height       int    `json:"height,omitempty"`
}

// A FileExtra describes the file of a file, audio or video message.
type FileExtra struct {
	FileName      string `json:"fileName"`
	FileExtension string `json:"fileExtension"` // without the dot
	MIMEType      string `json:"mimeType"`
	Bytes         int64  `json:"bytes"`
}

// A Reaction is one user's reaction.
type Reaction struct {
	Client   string `json:"client"` // user id
	Reaction string `json:"reaction"`
}

// A User is an account, as sender, as member or by itself.
type User struct {
	ID              string `json:"_id"`
	Nickname        string `json:"nickname"`
	Description     string `json:"description"`
	AvatarURL       string `json:"avatarUrl"`
	IDAgain         string `json:"id"`                   // the same as _id
	LastLoginTimeMS int64  `json:"lastLoginTimeMS"`      // Unix milliseconds; 0 if not known
	IsRobot         bool   `json:"isRobot,omitempty"`    // of bots
	ClientType      string `json:"clientType,omitempty"` // of members: "user"; elsewhere also "group"
}

// A ClientRecord is a user as the administration calls show one.
type ClientRecord struct {
	User
	AppID          string   `json:"appID"`
	UpdatedAt      string   `json:"updatedAt,omitempty"` // ISO-8601
	Mute           []string `json:"mute"`                // room ids
	Token          string   `json:"token,omitempty"`
	ExpirationDate string   `json:"expirationDate,omitempty"` // ISO-8601, of the token
}

// A Self is a user as GET /me shows the caller.
type Self struct {
	User
	NotificationEnabled bool `json:"notificationEnabled"`
}

// A Room is a room as one caller sees it.
type Room struct {
	ID               string           `json:"_id"`
	IDAgain          string           `json:"id"` // the same as _id
	Name             string           `json:"name"`
	Cover            string           `json:"cover"`
	Description      string           `json:"description"`
	RoomType         string           `json:"roomType"` // group, direct or custom
	CreatedTimeMS    int64            `json:"createdTimeMS"`
	Status           int              `json:"status"` // 1, or 0 if frozen
	Opening          json.RawMessage  `json:"opening"`
	RoomTags         []string         `json:"roomTags"`
	ExtParams        string           `json:"extParams"` // a JSON object as text
	Owner            *User            `json:"owner,omitempty"`
	Managers         []string         `json:"managers"` // user ids
	Members          MemberList       `json:"members"`
	MemberProperties []MemberProperty `json:"memberProperties"`
	LastMessage      json.RawMessage  `json:"lastMessage"` // a message, or null
	Unread           int              `json:"unread"`      // of the caller
	Muted            bool             `json:"muted"`
	IsMentioned      bool             `json:"isMentioned"` // in what the caller hasn't read
	IsSuperuser      bool             `json:"isSuperuser"` // the caller may run the room
	Pref             RoomPreference   `json:"pref"`
	Webhook          json.RawMessage  `json:"webhook,omitempty"`
	BotMode          json.RawMessage  `json:"botMode,omitempty"`
	BotState         json.RawMessage  `json:"botState,omitempty"`
	Encrypted        json.RawMessage  `json:"encrypted,omitempty"`
	ServiceStatus    json.RawMessage  `json:"serviceStatus,omitempty"`

	// Raw is the whole object as it came, with all that has no field here. Only a [Client] sets it.
	Raw json.RawMessage `json:"-"`
}

// A MemberList is a room's members: as users, or as their ids alone.
type MemberList struct {
	Users []User
	IDs   []string // if not nil, this form is written
}

// MarshalJSON writes an array of users, or of ids.
func (l MemberList) MarshalJSON() ([]byte, error) {
	if l.IDs != nil {
		return appendJSON(nil, l.IDs)
	}
	return appendJSON(nil, l.Users)
}

// UnmarshalJSON reads either form.
func (l *MemberList) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(bytes.TrimLeft(b, "[ \t\r\n"), []byte(`"`)) {
		return json.Unmarshal(b, &l.IDs)
	}
	return json.Unmarshal(b, &l.Users)
}

// A MemberProperty is what a room knows of one member.
type MemberProperty struct {
	Client   string `json:"client"`             // user id
	Badge    *int   `json:"badge,omitempty"`    // unread messages; of the caller only
	LastRead string `json:"lastRead,omitempty"` // message id; absent: nothing read
	Role     string `json:"role"`
}

// A RoomPreference is how the caller files the room. Nothing can be filed yet.
type RoomPreference struct {
	Tags        []string          `json:"tags"`
	TagColors   map[string]string `json:"tagColors"`
	Sticky      bool              `json:"sticky"`
	Hidden      bool              `json:"hidden"`
	Muted       bool              `json:"muted"`
	Folder      string            `json:"folder"`
	Translation bool              `json:"translation"`
}

// A RoomPage is the result of a list of rooms.
type RoomPage struct {
	TotalCount int     `json:"totalCount"` // of all that match
	Data       []Room  `json:"data"`
	Inspect    Inspect `json:"inspect"`
}
