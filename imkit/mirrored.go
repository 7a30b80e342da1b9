package imkit

import (
	"bytes"
	"encoding/json"

	"parlance"
)

// A mirrored is a message of another IMKit server in its common form.
type mirrored struct {
	message parlance.Message
	sender  *parlance.Account // nil if only the id was told

	// created and updated are the times by which the other server sorts. Zero where the message can't be read.
	created, updated parlance.Time

	seconds  bool // times were in seconds and have been converted
	orphaned bool // there is no sender
}

// unknownSender is the sender of messages that have none any more, since a message must have one.
const unknownSender parlance.AccountID = "unknown"

// mirror reads a message of the room as the platform wrote it: IMKit Mirror, messages. The error is of kind Invalid;
// the id is read even then, if there is one.
func mirror(raw json.RawMessage, room parlance.ConversationID) (mirrored, error) {
	var x mirrored
	raw = bytes.TrimSpace(raw)
	if len(raw) > parlance.MaxMessage {
		return x, parlance.Errorf(parlance.Invalid, "the message is %d bytes long, at most %d are allowed", len(raw), parlance.MaxMessage)
	}
	o, err := parseForeign(raw)
	if err != nil {
		return x, parlance.Wrap(parlance.Invalid, err, "read a message")
	}
	m := &x.message
	id := parlance.MessageID(idOf(o))
	if err := parlance.CheckID("message id", id); err != nil {
		return x, err
	}
	m.ID = id
	if in := o.get("room"); in != nil && roomOf(in) != string(room) {
		return x, errForeignRow
	}
	if err := x.setTimes(o); err != nil {
		return x, err
	}
	if err := x.setSender(o); err != nil {
		return mirrored{message: parlance.Message{ID: id}}, err
	}
	// Everybody's reading of mentions differs; one that can't be read must not cost the message.
	if err := content(m, o.without(func(name string) bool { return name == "mentions" })); err != nil {
		return mirrored{message: parlance.Message{ID: id}}, parlance.Wrap(parlance.Invalid, err, "read a message")
	}
	for _, id := range readIDs(o.get("mentions")) {
		if parlance.CheckID("mention", id) == nil {
			m.Mentions = append(m.Mentions, parlance.AccountID(id))
		}
	}
	for _, r := range readReactions(o.get("reactions")) {
		if parlance.CheckID("reaction's client", r.Account) == nil {
			m.Reactions = append(m.Reactions, r)
		}
	}
	if reply := readReply(o.get("reply")); reply != nil && parlance.CheckID("reply", reply.ID) == nil {
		m.Reply = parlance.MessageID(reply.ID)
	}
	if at, ok := readMoment(o.get("editedAt")); ok {
		m.Edited = at
	}
	if name, _ := o.text("messageType"); name == "recall" {
		m.Type, m.Text, m.State = parlance.TypeText, "", parlance.Recalled
		m.Removed = m.Updated
	}
	m.Native = parlance.Native{Dialect: parlance.IMKit, JSON: withID(raw, o, id)}
	return x, nil
}

// errForeignRow is the error of a message that says it belongs to another room than the one that was asked for.
var errForeignRow = parlance.Errorf(parlance.Invalid, "the message belongs to another room")

// roomOf returns the room that a message names: its id, or an object that has one. What is neither is no room's.
func roomOf(v json.RawMessage) string {
	u, _ := readUser(v)
	return u.ID
}

// withID returns raw, and puts the id into one that has it under another name: a native form without _id is taken
// for a part of a message.
func withID(raw []byte, o object, id parlance.MessageID) []byte {
	if o.has("_id") {
		return bytes.Clone(raw)
	}
	o.set("_id", appendString(nil, id))
	return o.append(nil)
}

// setTimes reads the three times. One of them is enough.
func (x *mirrored) setTimes(o object) error {
	m := &x.message
	for _, t := range []struct {
		number, text string
		to           *parlance.Time
	}{
		{"createdAtMS", "createdAt", &x.created},
		{"updatedAtMS", "updatedAt", &x.updated},
		{"messageTimeMS", "messageTime", &m.Sent},
	} {
		at, seconds, err := readTime(o, t.number, t.text)
		if err != nil {
			m.Sent, x.created, x.updated = 0, 0, 0
			return err
		}
		*t.to = at
		x.seconds = x.seconds || seconds
	}
	if x.created == 0 {
		x.created = m.Sent
	}
	if x.created == 0 {
		x.created = x.updated
	}
	if x.created == 0 {
		return parlance.Errorf(parlance.Invalid, "the message has no time")
	}
	if x.updated == 0 {
		x.updated = x.created
	}
	if m.Sent == 0 {
		m.Sent = x.created
	}
	m.Created, m.Updated = x.created, max(x.created, x.updated)
	return nil
}

// The numbers that can be times of messages: IMKit Mirror, units. Between the first two lie seconds
// since 1973, above them milliseconds since 1973.
const (
	leastSeconds = 1e8
	leastMillis  = 1e11
)

// readTime reads a time of a message: Unix milliseconds under one name, or else ISO-8601 under another. It is
// zero if there is neither.
func readTime(o object, number, text string) (t parlance.Time, seconds bool, err error) {
	v := o.get(number)
	if v == nil {
		if t, ok := readMoment(o.get(text)); ok && t >= leastMillis {
			return t, false, nil
		}
		return 0, false, nil
	}
	n, ok := wholeNumber(v)
	switch {
	case ok && n == 0:
		return 0, false, nil
	case ok && n >= leastMillis && n <= int64(parlance.MaxTime):
		return parlance.Time(n), false, nil
	case ok && n >= leastSeconds && n < leastMillis:
		return parlance.TimeOfSeconds(n), true, nil
	}
	return 0, false, parlance.Errorf(parlance.Invalid, "%s can't be a time in milliseconds", number)
}

// readMoment reads a time that may be text or a number.
func readMoment(v json.RawMessage) (parlance.Time, bool) {
	var s string
	if v == nil {
		return 0, false
	}
	if json.Unmarshal(v, &s) == nil {
		return parseTime(s)
	}
	n, ok := wholeNumber(v)
	t := parlance.Time(n)
	return t, ok && t >= parlance.MinTime && t <= parlance.MaxTime
}

// setSender reads who wrote the message. IMKit writes null where the user was deleted.
func (x *mirrored) setSender(o object) error {
	v := o.get("sender")
	if v == nil {
		x.message.Sender, x.message.Synthetic = unknownSender, []string{"sender"}
		x.orphaned = true
		return nil
	}
	u, ok := readUser(v)
	if !ok {
		return parlance.Errorf(parlance.Invalid, "the message's sender has no id")
	}
	if err := parlance.CheckID("sender", u.ID); err != nil {
		return err
	}
	x.message.Sender, x.message.SenderName = parlance.AccountID(u.ID), u.Nickname
	if v[0] == '{' {
		a := accountOf(&u)
		x.sender = &a
	}
	return nil
}

// accountOf returns what the platform tells of a user.
func accountOf(u *User) parlance.Account {
	a := parlance.Account{
		ID: parlance.AccountID(u.ID), Name: u.Nickname, Avatar: u.AvatarURL,
		Description: u.Description, Bot: u.IsRobot,
	}
	if t := parlance.Time(u.LastLoginTimeMS); t >= leastMillis && t <= parlance.MaxTime {
		a.LastLogin = t
	}
	return a
}

// SameMessage reports whether two forms of a mirrored message say the same. What a reading of the same message shows differently from
// day to day doesn't count: how people are called and look and when they were last there, what the
// reader hid, and all of a quoted message but its text. IMKit Mirror, what counts as a change.
func SameMessage(a, b *parlance.Message) bool {
	return bytes.Equal(lasting(a), lasting(b))
}

// lasting returns what of a mirrored message lasts while it isn't changed, as bytes to compare.
func lasting(m *parlance.Message) []byte {
	common := *m
	common.SenderName, common.Native.JSON, common.Missing = "", nil, 0
	b, err := appendJSON(nil, &common)
	if err != nil { // a place on earth that is no number
		b = nil
	}
	o, _ := nativeOf(m)
	return append(b, lastingObject(o).append(nil)...)
}

// userFields are the fields of a message that hold users, as they are now.
var userFields = map[string]bool{"sender": true, "member": true}

func lastingObject(o object) object {
	var kept object
	for _, f := range o {
		switch {
		case f.name == "isDeleted" || f.name == "__v":
			continue
		case userFields[f.name]:
			u, _ := readUser(f.value)
			f.value = appendString(nil, u.ID)
		case f.name == "reply":
			if reply := readReply(f.value); reply != nil {
				f.value = appendString(append(appendString(nil, reply.ID), ' '), reply.MessageType+" "+reply.Message)
			}
		}
		kept = append(kept, f)
	}
	return kept
}
