package imkit

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"strconv"
	"strings"

	"parlance"
)

// A view writes messages of one room as one reader sees them. It is for one request.
type view struct {
	server  *Server
	ref     parlance.Ref
	private bool                                 // the reader sees the staff's notes
	hidden  map[parlance.MessageID]parlance.Time // what the reader hid
	senders map[senderKey][]byte                 // written before
	replies map[parlance.MessageID][]byte        // likewise; empty for those that aren't shown
}

type senderKey struct {
	id   parlance.AccountID
	name string
}

func (s *Server) view(m *room, hidden map[parlance.MessageID]parlance.Time) *view {
	return &view{server: s, ref: m.ref, private: m.private, hidden: hidden, senders: map[senderKey][]byte{}, replies: map[parlance.MessageID][]byte{}}
}

// messageForm says how a message is written.
type messageForm uint8

const (
	listed messageForm = iota // in full
	nested                    // as the reply of another one: without a reply of its own
	posted                    // as POST /messages answers: the sender is an id
)

// appendMessage appends m. The order of its fields is that of IMKit's own answers.
func (v *view) appendMessage(ctx context.Context, b []byte, m *parlance.Message, form messageForm) ([]byte, error) {
	native, whole := nativeOf(m)
	if whole && !m.Native.Stale && form != posted {
		return v.appendNative(ctx, b, m, native, form)
	}
	name, rest, derive := shown(m, native.without(isBase))

	b = append(b, `{"reactions":`...)
	b = appendReactions(b, m.Reactions)
	b = append(b, `,"_id":`...)
	b = appendString(b, m.ID)
	b = append(b, `,"message":`...)
	b = appendString(b, shownText(m, name, derive))
	b = append(b, `,"room":`...)
	b = appendString(b, v.ref.Conversation)
	b = append(b, `,"sender":`...)
	var err error
	if form == posted {
		b = appendString(b, m.Sender)
	} else if b, err = v.appendSender(ctx, b, m); err != nil {
		return nil, err
	}
	b = append(b, `,"messageType":`...)
	b = appendString(b, name)
	if len(m.Mentions) > 0 && m.State != parlance.Recalled {
		b = appendMentions(append(b, `,"mentions":`...), m.Mentions)
	}
	if m.Reply != "" && form != nested && m.State != parlance.Recalled {
		if b, err = v.appendReply(ctx, b, m.Reply); err != nil {
			return nil, err
		}
	}
	if derive {
		b = appendDerived(b, m, name, rest)
	}
	for _, f := range rest {
		b = append(b, ',')
		b = appendString(b, f.name)
		b = append(b, ':')
		b = append(b, f.value...)
	}
	b = append(b, `,"id":`...)
	b = appendString(b, m.ID)
	b = append(b, `,"messageTimeMS":`...)
	b = strconv.AppendInt(b, int64(m.Sent), 10)
	b = append(b, `,"updatedAtMS":`...)
	b = strconv.AppendInt(b, int64(m.Updated), 10)
	b = append(b, `,"createdAtMS":`...)
	b = strconv.AppendInt(b, int64(m.Created), 10)
	if !m.Edited.IsZero() && m.State != parlance.Recalled {
		b = append(b, `,"editedAt":"`...)
		b = append(m.Edited.Append(b), '"')
	}
	b = append(b, `,"reactionCount":`...)
	b = strconv.AppendInt(b, int64(len(m.Reactions)), 10)
	if _, hidden := v.hidden[m.ID]; hidden && form == listed {
		b = append(b, `,"isDeleted":true`...)
	}
	return append(b, '}'), nil
}

// nativeOf returns m's IMKit form, and whether it is a whole message, as mirrored, or
// only the fields that the common form lacks.
func nativeOf(m *parlance.Message) (o object, whole bool) {
	if m.Native.Dialect != parlance.IMKit || len(m.Native.JSON) == 0 {
		return nil, false
	}
	o, err := parseObject(m.Native.JSON)
	if err != nil {
		return nil, false
	}
	return o, o.has("_id")
}

func appendMentions(b []byte, ids []parlance.AccountID) []byte {
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, id)
	}
	return append(b, ']')
}

func appendReactions(b []byte, rs []parlance.Reaction) []byte {
	b = append(b, '[')
	for i, r := range rs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"client":`...)
		b = appendString(b, r.Account)
		b = append(b, `,"reaction":`...)
		b = appendString(b, r.Emoji)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendReply appends the message that another one answers, if the reader may see it.
func (v *view) appendReply(ctx context.Context, b []byte, id parlance.MessageID) ([]byte, error) {
	written, ok := v.replies[id]
	if !ok {
		var err error
		if written, err = v.reply(ctx, id); err != nil {
			return nil, err
		}
		if v.replies == nil {
			v.replies = map[parlance.MessageID][]byte{}
		}
		v.replies[id] = written
	}
	return append(b, written...), nil
}

// reply returns what appendReply appends; a large message is shown cut.
func (v *view) reply(ctx context.Context, id parlance.MessageID) ([]byte, error) {
	e, err := v.server.store.Message(ctx, v.ref, id)
	if errors.Is(err, parlance.NotFound) || err == nil && e.Message.Private() && !v.private {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := e.Message
	if sizeOf(&m) > parlance.MaxReply {
		m = cut(&m, parlance.MaxReply)
	}
	return v.appendMessage(ctx, []byte(`,"reply":`), &m, nested)
}

// appendSender appends m's sender, always as an object.
func (v *view) appendSender(ctx context.Context, b []byte, m *parlance.Message) ([]byte, error) {
	key := senderKey{m.Sender, m.SenderName}
	written, ok := v.senders[key]
	if !ok {
		u, err := v.server.userOf(ctx, v.ref.Workspace, m.Sender, m.SenderName)
		if err != nil {
			return nil, err
		}
		written = appendUser(nil, &u)
		v.senders[key] = written
	}
	return append(b, written...), nil
}

// userOf returns the account id as clients read it. An account that isn't known has
// only its id and the name that was shown with it.
func (s *Server) userOf(ctx context.Context, ws parlance.WorkspaceID, id parlance.AccountID, shown string) (User, error) {
	u := User{ID: string(id), IDAgain: string(id), Nickname: parlance.Cut(shown, parlance.MaxName)}
	if id == "" {
		return u, nil
	}
	a, err := s.store.Account(ctx, ws, id)
	if errors.Is(err, parlance.NotFound) {
		return u, nil
	}
	if err != nil {
		return User{}, err
	}
	if a.Name != "" {
		u.Nickname = a.Name
	}
	u.Description, u.AvatarURL, u.IsRobot = a.Description, a.Avatar, a.Bot
	u.LastLoginTimeMS = int64(a.LastLogin)
	cutUser(&u)
	return u, nil
}

func appendUser(b []byte, u *User) []byte {
	b = append(b, `{"_id":`...)
	b = appendString(b, u.ID)
	b = append(b, `,"nickname":`...)
	b = appendString(b, u.Nickname)
	b = append(b, `,"description":`...)
	b = appendString(b, u.Description)
	b = append(b, `,"avatarUrl":`...)
	b = appendString(b, u.AvatarURL)
	b = append(b, `,"id":`...)
	b = appendString(b, u.IDAgain)
	b = append(b, `,"lastLoginTimeMS":`...)
	b = strconv.AppendInt(b, u.LastLoginTimeMS, 10)
	if u.IsRobot {
		b = append(b, `,"isRobot":true`...)
	}
	return append(b, '}')
}

// shownText returns the text that a person reads. What a message from elsewhere holds
// and its IMKit type has no place for is told at the end of it.
func shownText(m *parlance.Message, name string, derive bool) string {
	if m.State == parlance.Recalled {
		return ""
	}
	if !derive {
		return m.Text
	}
	var lines []string
	if m.Text != "" {
		lines = append(lines, m.Text)
	}
	main := mainAttachment(m)
	for i := range m.Attachments {
		a := &m.Attachments[i]
		switch images := name == "image" || name == "mixed"; {
		case images && a.Type == parlance.TypeImage && a.URL != "": // among the images
		case !images && a == main:
			if m.Text == "" {
				lines = append(lines, fileName(a))
			}
		case a.URL != "" && !strings.Contains(m.Text, a.URL):
			lines = append(lines, a.URL)
		case a.URL == "" && a.Name != "":
			lines = append(lines, a.Name)
		}
	}
	return strings.Join(lines, "\n")
}

// fileName returns a's name, or the last part of its address.
func fileName(a *parlance.Attachment) string {
	if a.Name != "" {
		return a.Name
	}
	address, _, _ := strings.Cut(a.URL, "?")
	return path.Base(address)
}

// appendDerived appends the fields of m's type that rest lacks, made from the common form.
func appendDerived(b []byte, m *parlance.Message, name string, rest object) []byte {
	put := func(field string, value []byte) {
		if !rest.has(field) {
			b = append(b, ',')
			b = appendString(b, field)
			b = append(b, ':')
			b = append(b, value...)
		}
	}
	putText := func(field, value string) {
		if value != "" {
			put(field, appendString(nil, value))
		}
	}
	putNumber := func(field string, n int) {
		if n > 0 {
			put(field, strconv.AppendInt(nil, int64(n), 10))
		}
	}
	main := mainAttachment(m)
	switch name {
	case "image", "mixed", "video":
		if name != "video" {
			put("images", appendImages(nil, m.Attachments))
		}
		putText("originalUrl", main.URL)
		putText("thumbnailUrl", main.Thumb)
		putNumber("width", main.Width)
		putNumber("height", main.Height)
	case "file", "audio":
		putText("originalUrl", main.URL)
	case "location":
		put("latitude", strconv.AppendFloat(nil, m.Location.Latitude, 'f', -1, 64))
		put("longitude", strconv.AppendFloat(nil, m.Location.Longitude, 'f', -1, 64))
	case "sticker":
		putText("sticker", m.Sticker)
	}
	switch name {
	case "audio", "video":
		putNumber("duration", int((main.Duration+500)/1000)) // whole seconds: one client reads no others
		fallthrough
	case "file":
		put("extra", appendFileExtra(nil, main))
	}
	return b
}

func appendImages(b []byte, as []parlance.Attachment) []byte {
	b = append(b, '[')
	for i := range as {
		a := &as[i]
		if a.Type != parlance.TypeImage || a.URL == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, `{"originalUrl":`...)
		b = appendString(b, a.URL)
		if a.Thumb != "" {
			b = append(b, `,"thumbnailUrl":`...)
			b = appendString(b, a.Thumb)
		}
		if a.Width > 0 && a.Height > 0 {
			b = append(b, `,"width":`...)
			b = strconv.AppendInt(b, int64(a.Width), 10)
			b = append(b, `,"height":`...)
			b = strconv.AppendInt(b, int64(a.Height), 10)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendFileExtra(b []byte, a *parlance.Attachment) []byte {
	name := fileName(a)
	ext := strings.TrimPrefix(path.Ext(name), ".")
	b = append(b, `{"fileName":`...)
	b = appendString(b, strings.TrimSuffix(name, "."+ext))
	b = append(b, `,"fileExtension":`...)
	b = appendString(b, ext)
	b = append(b, `,"mimeType":`...)
	b = appendString(b, a.MIME)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, a.Size, 10)
	return append(b, '}')
}

// message returns m as this view shows it, by itself.
func (v *view) message(ctx context.Context, m *parlance.Message, form messageForm) (json.RawMessage, error) {
	return v.appendMessage(ctx, nil, m, form)
}
