package imkit

import (
	"encoding/json"
	"errors"
	"math/big"
	"strconv"
	"strings"

	"parlance"
)

// What is read here comes from another server. A field that isn't what it should be is left out of
// the wire type and still stands in Raw: IMKit Client, tolerance.

// readMessage reads a message. It is an error if raw isn't an object, or has no id.
func readMessage(raw json.RawMessage) (Message, error) {
	o, err := parseForeign(raw)
	if err != nil {
		return Message{}, err
	}
	m := Message{Raw: raw, ID: idOf(o), Message: textOf(o.get("message")), Reply: readReply(o.get("reply"))}
	if m.ID == "" {
		return Message{}, errors.New("a message without an id")
	}
	m.IDAgain = m.ID
	m.Room, _ = o.text("room")
	m.MessageType, _ = o.text("messageType")
	m.Sender, _ = readUser(o.get("sender"))
	m.Mentions = readIDs(o.get("mentions"))
	for _, r := range readReactions(o.get("reactions")) {
		m.Reactions = append(m.Reactions, Reaction{Client: string(r.Account), Reaction: r.Emoji})
	}
	m.ReactionCount = len(m.Reactions)
	for name, to := range map[string]*int64{"messageTimeMS": &m.MessageTimeMS, "updatedAtMS": &m.UpdatedAtMS, "createdAtMS": &m.CreatedAtMS} {
		*to, _ = wholeNumber(o.get(name))
	}
	m.EditedAt, _ = o.text("editedAt")
	m.IsDeleted = string(o.get("isDeleted")) == "true"
	for _, i := range readImages(o.get("images")) {
		m.Images = append(m.Images, Image{OriginalURL: i.OriginalURL, ThumbnailURL: i.ThumbnailURL, Width: pixels(i.Width), Height: pixels(i.Height)})
	}
	m.OriginalURL, _ = o.text("originalUrl")
	m.ThumbnailURL, _ = o.text("thumbnailUrl")
	m.Width, m.Height = pixels(number(o.get("width"))), pixels(number(o.get("height")))
	m.Duration, m.Latitude, m.Longitude = number(o.get("duration")), number(o.get("latitude")), number(o.get("longitude"))
	m.Sticker, _ = o.text("sticker")
	m.Extra = o.get("extra")
	return m, nil
}

// readReply reads the message that another one answers: the whole of it, or its id alone.
func readReply(v json.RawMessage) *Message {
	var id string
	if v == nil {
		return nil
	}
	if json.Unmarshal(v, &id) == nil && id != "" {
		return &Message{ID: id, IDAgain: id, Raw: v}
	}
	m, err := readMessage(v)
	if err != nil {
		return nil
	}
	return &m
}

// readUser reads a user: the whole of it, or its id alone.
func readUser(v json.RawMessage) (User, bool) {
	var id string
	if v == nil {
		return User{}, false
	}
	if json.Unmarshal(v, &id) == nil {
		return User{ID: id, IDAgain: id}, id != ""
	}
	o, err := parseForeign(v)
	if err != nil {
		return User{}, false
	}
	u := User{ID: idOf(o)}
	u.IDAgain = u.ID
	for name, to := range map[string]*string{
		"nickname": &u.Nickname, "description": &u.Description, "avatarUrl": &u.AvatarURL, "clientType": &u.ClientType,
	} {
		*to, _ = o.text(name)
	}
	u.LastLoginTimeMS, _ = wholeNumber(o.get("lastLoginTimeMS"))
	u.IsRobot = string(o.get("isRobot")) == "true"
	return u, u.ID != ""
}

// readRoom reads a room. It is an error if raw isn't an object, or has no id.
func readRoom(raw json.RawMessage) (Room, error) {
	o, err := parseForeign(raw)
	if err != nil {
		return Room{}, err
	}
	r := Room{Raw: raw, ID: idOf(o), Status: 1}
	if r.ID == "" {
		return Room{}, errors.New("a room without an id")
	}
	r.IDAgain = r.ID
	for name, to := range map[string]*string{
		"name": &r.Name, "cover": &r.Cover, "description": &r.Description, "roomType": &r.RoomType, "extParams": &r.ExtParams,
	} {
		*to, _ = o.text(name)
	}
	r.CreatedTimeMS, _ = wholeNumber(o.get("createdTimeMS"))
	if n, ok := wholeNumber(o.get("status")); ok {
		r.Status = int(n)
	}
	if n, ok := wholeNumber(o.get("unread")); ok {
		r.Unread = int(n)
	}
	r.RoomTags, r.Managers = readIDs(o.get("roomTags")), readIDs(o.get("managers"))
	if owner, ok := readUser(o.get("owner")); ok {
		r.Owner = &owner
	}
	r.Members = readMembers(o.get("members"))
	var properties []json.RawMessage
	readList(o.get("memberProperties"), &properties)
	for _, v := range properties {
		if p, err := parseForeign(v); err == nil {
			r.MemberProperties = append(r.MemberProperties, readMemberProperty(p))
		}
	}
	r.LastMessage = o.get("lastMessage")
	for name, to := range map[string]*bool{"muted": &r.Muted, "isMentioned": &r.IsMentioned, "isSuperuser": &r.IsSuperuser} {
		*to = string(o.get(name)) == "true"
	}
	for name, to := range map[string]*json.RawMessage{
		"opening": &r.Opening, "webhook": &r.Webhook, "botMode": &r.BotMode,
		"botState": &r.BotState, "encrypted": &r.Encrypted, "serviceStatus": &r.ServiceStatus,
	} {
		*to = o.get(name)
	}
	return r, nil
}

// readMembers reads a room's members. A group of users is a member, and so is each of its users.
func readMembers(v json.RawMessage) MemberList {
	var list MemberList
	var values []json.RawMessage
	readList(v, &values)
	for _, v := range values {
		u, ok := readUser(v)
		switch {
		case !ok:
		case v[0] == '"':
			list.IDs = append(list.IDs, u.ID)
		default:
			list.Users = append(list.Users, u)
			if o, err := parseForeign(v); err == nil {
				list.Users = append(list.Users, readMembers(o.get("members")).Users...)
			}
		}
	}
	return list
}

func readMemberProperty(o object) MemberProperty {
	var p MemberProperty
	u, _ := readUser(o.get("client"))
	p.Client = u.ID
	p.LastRead, _ = o.text("lastRead")
	p.Role, _ = o.text("role")
	if n, ok := wholeNumber(o.get("badge")); ok {
		badge := int(n)
		p.Badge = &badge
	}
	return p
}

// readReactions reads who gave which reaction.
func readReactions(v json.RawMessage) []parlance.Reaction {
	var values []json.RawMessage
	readList(v, &values)
	var found []parlance.Reaction
	for _, v := range values {
		o, err := parseForeign(v)
		if err != nil {
			continue
		}
		by, known := readUser(o.get("client"))
		emoji, _ := o.text("reaction")
		if known && emoji != "" {
			found = append(found, parlance.Reaction{Emoji: emoji, Account: parlance.AccountID(by.ID)})
		}
	}
	return found
}

// readIDs reads a list of ids, or of objects that have one; what is neither is left out.
func readIDs(v json.RawMessage) []string {
	var values []json.RawMessage
	readList(v, &values)
	var ids []string
	for _, v := range values {
		if u, ok := readUser(v); ok {
			ids = append(ids, u.ID)
		}
	}
	return ids
}

// readList reads an array; anything else is an empty one.
func readList(v json.RawMessage, to *[]json.RawMessage) {
	if v == nil || json.Unmarshal(v, to) != nil {
		*to = nil
	}
}

// idOf returns an object's id: _id, or else id.
func idOf(o object) string {
	for _, name := range []string{"_id", "id"} {
		if id, _ := o.text(name); id != "" {
			return id
		}
	}
	return ""
}

// wholeNumber returns v as a whole number, exactly, if it is one: 1602817267923, 1602817267923.0, 1.6e12, or the
// same in a string.
func wholeNumber(v json.RawMessage) (int64, bool) {
	s := strings.Trim(string(v), `"`)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	if len(s) > 32 || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	// An exponent of many digits would cost much memory and can't be a whole number of 64 bits anyway.
	if _, e, ok := strings.Cut(strings.ToLower(s), "e"); ok && len(strings.TrimLeft(e, "+-")) > 2 {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}
