package fake

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parlance"
)

func (u *Upstream) imkitEndpoint(c *call) (endpoint, bool) {
	// Rooms may have any name: the path is split before it is unescaped.
	parts := strings.Split(strings.Trim(c.URL.EscapedPath(), "/"), "/")
	for i := range parts {
		if p, err := url.PathUnescape(parts[i]); err == nil {
			parts[i] = p
		}
	}
	if len(parts) > 1 {
		c.rest = parts[1]
	}
	is := func(shape ...string) bool {
		return len(parts) == len(shape) && !slices.ContainsFunc(shape, func(s string) bool {
			i := slices.Index(shape, s)
			return s != "*" && s != parts[i]
		})
	}
	if c.Method != http.MethodGet && c.Method != http.MethodHead {
		return endpoint{}, false
	}
	switch {
	case is("me"):
		return endpoint{name: "GET /me", answer: u.imkitMe}, true
	case is("rooms"):
		return endpoint{name: "GET /rooms", answer: u.imkitRooms}, true
	case is("rooms", "*"):
		return endpoint{name: "GET /rooms/{id}", answer: u.imkitRoom}, true
	case is("rooms", "*", "messages", "v3"):
		return endpoint{name: "GET /rooms/{id}/messages/v3", answer: u.imkitMessages}, true
	case len(parts) == 3 && parts[0] == "files":
		c.rest = parts[2]
		return endpoint{name: "GET /files/{bucket}/{id}", open: c.URL.Query().Has("Expires"), answer: u.imkitFile}, true
	}
	return endpoint{}, false
}

type imkitEnvelope struct {
	RC     int    `json:"RC"`
	RM     string `json:"RM"`
	Result any    `json:"result,omitempty"`
	Error  any    `json:"error,omitempty"`
}

func imkitOK(result any) answer { return reply(http.StatusOK, imkitEnvelope{RM: "OK", Result: result}) }

func imkitError(status int, code, text string) answer {
	if status == http.StatusTooManyRequests { // the one error of this form
		return reply(status, map[string]any{"RC": status, "RM": text, "error": code, "message": text})
	}
	return reply(status, imkitEnvelope{RC: status, RM: http.StatusText(status), Error: map[string]string{"code": code, "message": text}})
}

type imkitUser struct {
	ID           string `json:"_id"`
	Nickname     string `json:"nickname"`
	AvatarURL    string `json:"avatarUrl"`
	IsRobot      bool   `json:"isRobot"`
	SameID       string `json:"id"`
	ClientType   string `json:"clientType,omitempty"`
	LastLoginMS  int64  `json:"lastLoginTimeMS"`
	Notification *bool  `json:"notificationEnabled,omitempty"`
}

func newIMKitUser(p person) imkitUser {
	return imkitUser{ID: p.id, SameID: p.id, Nickname: p.name, LastLoginMS: int64(Epoch)}
}

func (u *Upstream) imkitMe(c *call) answer {
	if c.Header.Get("IM-API-KEY") != "" {
		return imkitError(http.StatusBadRequest, "INVALID_USER_ID", "name the acting user")
	}
	me := newIMKitUser(u.world.merchant)
	me.Notification = new(bool)
	return imkitOK(me)
}

type imkitRoom struct {
	ID          string          `json:"_id"`
	SameID      string          `json:"id"`
	Name        string          `json:"name"`
	Cover       string          `json:"cover"`
	Description string          `json:"description"`
	RoomType    string          `json:"roomType"`
	CreatedMS   int64           `json:"createdTimeMS"`
	Status      int             `json:"status"`
	Tags        []string        `json:"roomTags"`
	ExtParams   string          `json:"extParams"`
	Members     []imkitUser     `json:"members"`
	Properties  []imkitProperty `json:"memberProperties"`
	LastMessage any             `json:"lastMessage"`
	Unread      int             `json:"unread"`
}

type imkitProperty struct {
	Client string `json:"client"`
	Role   string `json:"role"`
	Badge  int    `json:"badge"`
}

func (u *Upstream) imkitRoomOf(c *conversation) imkitRoom {
	kind := "group"
	if c.kind == parlance.Direct {
		kind = "direct"
	}
	r := imkitRoom{
		ID: c.id, SameID: c.id, Name: c.title, RoomType: kind, CreatedMS: u.ms(Epoch - 90*24*3600*second), Status: 1,
		Tags: []string{}, ExtParams: "{}", Members: []imkitUser{},
	}
	for _, p := range append([]person{c.customer}, c.staff...) {
		if p.id == "" { // a room that was imported may have no customer
			continue
		}
		m := newIMKitUser(p)
		m.ClientType = "user"
		r.Members = append(r.Members, m)
		r.Properties = append(r.Properties, imkitProperty{Client: p.id, Role: "member"})
	}
	if m := c.newest(); m != nil {
		r.LastMessage = rawJSON(u.render(m))
	}
	return r
}

func (u *Upstream) imkitRooms(c *call) answer {
	q := c.URL.Query()
	skip, limit, ok := numbers(q.Get("skip"), q.Get("limit"))
	if !ok {
		return imkitError(http.StatusBadRequest, "INVALID_QUERY", "skip and limit are numbers")
	}
	convs := slices.Clone(u.world.convs)
	slices.SortStableFunc(convs, newestFirst)
	rooms := []imkitRoom{}
	for _, x := range convs[min(skip, len(convs)):] {
		if limit > 0 && len(rooms) == limit {
			break
		}
		rooms = append(rooms, u.imkitRoomOf(x))
	}
	return imkitOK(map[string]any{"totalCount": len(convs), "data": rooms})
}

// newestFirst orders conversations by their newest message, those without any last.
func newestFirst(a, b *conversation) int {
	at := func(c *conversation) parlance.Time {
		if m := c.newest(); m != nil {
			return m.created
		}
		return 0
	}
	return int(max(-1, min(1, at(b)-at(a))))
}

// numbers reads two numbers of at least 0; empty texts are 0.
func numbers(a, b string) (x, y int, ok bool) {
	read := func(s string) int {
		if s == "" {
			return 0
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			return -1
		}
		return n
	}
	x, y = read(a), read(b)
	return x, y, x >= 0 && y >= 0
}

// imkitConversation returns the room that c is about, or the refusal.
func (u *Upstream) imkitConversation(c *call) (*conversation, *answer) {
	x := u.world.find(c.rest)
	if x == nil || x.gone {
		a := imkitError(http.StatusNotFound, "ROOM_NOT_FOUND", "Room not found")
		return nil, &a
	}
	return x, nil
}

func (u *Upstream) imkitRoom(c *call) answer {
	x, refusal := u.imkitConversation(c)
	if refusal != nil {
		return *refusal
	}
	return imkitOK(u.imkitRoomOf(x))
}

// imkitMessages answers the history call. Anchors are compared by their present key, (field, id).
func (u *Upstream) imkitMessages(c *call) answer {
	u.read(u.world.find(c.rest))
	x, refusal := u.imkitConversation(c)
	if refusal != nil {
		return *refusal
	}
	q := c.URL.Query()
	limit := 20
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 1 {
			return imkitError(http.StatusBadRequest, "MISSING_PARAMETER", "limit is a number above 0")
		}
		limit = n
	}
	order, asc := parlance.ByUpdated, q.Get("sortOrder") == "asc"
	switch q.Get("timeRangeField") {
	case "createdAt":
		order = parlance.ByCreated
	case "messageTime":
		order = parlance.BySent
	case "":
		if q.Has("sortOrder") || u.faults.Has(OrderCreated) {
			order = parlance.ByCreated
		}
	}
	candidates := x.ordered(order)
	for _, name := range []string{"beforeMessage", "afterMessage"} {
		id := q.Get(name)
		if id == "" || u.faults.Has(IgnoreAnchor) {
			continue
		}
		anchor := x.message(id)
		if anchor == nil {
			return imkitError(http.StatusNotFound, "MESSAGE_NOT_FOUND", "Message not found")
		}
		candidates = filter(candidates, func(m *message) bool {
			n := m.compare(anchor, order)
			switch {
			case n == 0:
				return q.Has("sortOrder") || u.faults.Has(AnchorInclusive)
			case u.faults.Has(AnchorByTime) && m.time(order) == anchor.time(order):
				return false
			}
			return n < 0 == (name == "beforeMessage")
		})
	}
	if after := q.Get("afterTime"); after != "" {
		t, ok := imkitTime(after)
		if !ok {
			return imkitError(http.StatusBadRequest, "MISSING_PARAMETER", "afterTime is a time")
		}
		candidates = filter(candidates, func(m *message) bool { return m.time(order) > t })
	}
	n := u.shorten(len(candidates), min(limit, u.page))
	page := slices.Clone(candidates[len(candidates)-n:])
	if asc || q.Has("afterMessage") && !q.Has("beforeMessage") {
		page = slices.Clone(candidates[:n])
	}
	if !asc {
		slices.Reverse(page)
	}
	if u.faults.Has(OrderAsc) {
		slices.Reverse(page)
	}
	items, raw := u.items(page)
	a := imkitOK(map[string]any{
		"totalCount": u.off(len(x.live)), "data": raw, "userDeletedIDs": []string{},
		"inspect": map[string]any{"tookMS": 5},
	})
	a.items = items
	return a
}

func filter(in []*message, keep func(*message) bool) []*message {
	var out []*message
	for _, m := range in {
		if keep(m) {
			out = append(out, m)
		}
	}
	return out
}

// imkitTime reads a time in RFC 3339 or in milliseconds.
func imkitTime(s string) (parlance.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return parlance.Time(n), true
	}
	t, err := time.Parse(time.RFC3339, s)
	return parlance.TimeOf(t), err == nil
}

func (u *Upstream) imkitFile(c *call) answer {
	if s := c.URL.Query().Get("signedUrlOnly"); s != "" && s != "0" && s != "false" {
		if u.file(c.rest) == nil {
			return imkitError(http.StatusNotFound, "NOT_FOUND", "File not found")
		}
		expires := strconv.FormatInt(u.now().Seconds()+600, 10)
		return imkitOK(map[string]string{"url": u.base + "/files/chat/" + c.rest + "?Expires=" + expires + "&Signature=practice"})
	}
	return u.serveFile(c)
}

type imkitMessage struct {
	Reactions     []imkitReaction `json:"reactions"`
	ID            string          `json:"_id"`
	AppID         string          `json:"appID"`
	Message       *string         `json:"message,omitempty"`
	Room          string          `json:"room"`
	Sender        imkitUser       `json:"sender"`
	MessageType   string          `json:"messageType"`
	Mentions      []string        `json:"mentions"`
	Images        []imkitImage    `json:"images,omitempty"`
	OriginalURL   string          `json:"originalUrl,omitempty"`
	ThumbnailURL  string          `json:"thumbnailUrl,omitempty"`
	Width         int             `json:"width,omitempty"`
	Height        int             `json:"height,omitempty"`
	Latitude      float64         `json:"latitude,omitempty"`
	Longitude     float64         `json:"longitude,omitempty"`
	Sticker       string          `json:"sticker,omitempty"`
	Extra         any             `json:"extra,omitempty"`
	Reply         any             `json:"reply,omitempty"`
	EditedAt      *string         `json:"editedAt"`
	SameID        string          `json:"id"`
	MessageTimeMS int64           `json:"messageTimeMS"`
	UpdatedAtMS   int64           `json:"updatedAtMS"`
	CreatedAtMS   int64           `json:"createdAtMS"`
	ReactionCount int             `json:"reactionCount"`
	Version       int             `json:"__v"`
}

type imkitImage struct {
	OriginalURL  string `json:"originalUrl"`
	ThumbnailURL string `json:"thumbnailUrl"`
	Width        int    `json:"width"`
	Height       int    `json:"height"`
}

type imkitReaction struct {
	Client   string `json:"client"`
	Reaction string `json:"reaction"`
}

// ms is t as IMKit writes it.
func (u *Upstream) ms(t parlance.Time) int64 {
	if u.faults.Has(Seconds) {
		return t.Seconds()
	}
	return int64(t)
}

func (u *Upstream) imkitItem(m *message) []byte {
	switch m.bad {
	case 1:
		return encode(map[string]any{"_id": m.id, "id": m.id, "room": m.conv.id, "messageType": 7, "message": map[string]any{"text": []int{3}}, "createdAtMS": "yesterday", "updatedAtMS": nil})
	case 2:
		return []byte(`"nonsense"`)
	case 3:
		return []byte(`{"message":"nobody knows this one"}`)
	}
	return u.escaped(m, encode(u.imkitMessageOf(m)))
}

func (u *Upstream) imkitMessageOf(m *message) imkitMessage {
	o := imkitMessage{
		Reactions: []imkitReaction{}, ID: m.id, SameID: m.id, AppID: "PracticeApp", Room: m.conv.id, Sender: newIMKitUser(m.sender),
		MessageType: "text", Message: &m.text, Mentions: []string{},
		MessageTimeMS: u.ms(m.sent), CreatedAtMS: u.ms(m.created), UpdatedAtMS: u.ms(m.updated), ReactionCount: len(m.reactions),
	}
	for _, r := range m.reactions {
		o.Reactions = append(o.Reactions, imkitReaction{Client: r.sender, Reaction: r.emoji})
	}
	if !m.edited.IsZero() && !m.recalled {
		o.EditedAt = new(m.edited.String())
	}
	if m.recalled {
		o.MessageType = "recall"
		return o
	}
	switch m.typ {
	case parlance.TypeImage:
		o.MessageType = "image"
		o.OriginalURL, o.ThumbnailURL = u.fileURL(m), u.base+"/files/chat-thumb/"+m.file.id
		o.Width, o.Height = side, side
		o.Images = []imkitImage{{o.OriginalURL, o.ThumbnailURL, side, side}}
		if m.text == "" {
			o.Message = nil
		}
	case parlance.TypeFile:
		o.MessageType, o.OriginalURL = "file", u.fileURL(m)
		o.Extra = map[string]any{"fileName": m.file.name, "fileExtension": "txt", "mimeType": m.file.mime, "bytes": len(m.file.body)}
	case parlance.TypeLocation:
		o.MessageType, o.Latitude, o.Longitude = "location", 25.03, 121.56
	case parlance.TypeSticker:
		o.MessageType, o.Message, o.Sticker = "sticker", nil, "FunFunFamily-12"
	case parlance.TypeCustom:
		o.MessageType, o.Message, o.Extra = "order_card", nil, rawJSON(`{"order": 1907369850568257537, "price" : 12.50, "note":"\u4f60\u597d"}`)
	case parlance.TypeSystem, parlance.TypeAnnouncement:
		o.MessageType = "announcement"
	}
	if m.reply != nil {
		o.Reply = u.imkitMessageOf(m.reply)
	}
	return o
}
