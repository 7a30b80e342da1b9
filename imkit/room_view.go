package imkit

import (
	"context"
	"encoding/json"

	"parlance"
	"parlance/store"
)

// mentionDepth is how many of the newest unread messages are searched for a mention of the caller.
const mentionDepth = 50

// mentionBytes is how large they may be together.
const mentionBytes = 256 << 10

// roomFields are the fields of a room that the common form lacks and that are kept as sent.
var roomFields = []string{"opening", "extParams", "webhook", "botMode", "botState", "encrypted", "serviceStatus"}

// roomObject returns m as its caller sees it: IMKit Rooms, object.
func (s *Server) roomObject(ctx context.Context, m *room) (Room, error) {
	c := &m.conversation
	o := Room{
		ID: string(c.ID), IDAgain: string(c.ID),
		Name: c.Title, Cover: c.Cover, Description: c.Description, RoomType: roomType(c),
		CreatedTimeMS: int64(c.Created), Status: 1, Opening: json.RawMessage("1"),
		RoomTags: c.Tags, ExtParams: "{}", Managers: []string{},
		Members: MemberList{Users: []User{}}, MemberProperties: []MemberProperty{},
		IsSuperuser: m.runs(),
		Pref:        RoomPreference{Tags: []string{}, TagColors: map[string]string{}, Translation: true},
	}
	if c.Frozen {
		o.Status = 0
	}
	if o.RoomTags == nil {
		o.RoomTags = []string{}
	}
	setRoomFields(&o, nativeRoom(c))
	cutRoom(&o)
	var err error
	if m.isMember {
		if o.Unread, err = s.unread(ctx, m); err != nil {
			return o, err
		}
		if o.IsMentioned, err = s.mentioned(ctx, m, o.Unread); err != nil {
			return o, err
		}
	}
	if err := s.setMembers(ctx, m, &o); err != nil {
		return o, err
	}
	o.LastMessage, err = s.lastMessage(ctx, m)
	return o, err
}

// roomType returns the kind of room that IMKit's clients know c as.
func roomType(c *parlance.Conversation) string {
	if t, ok := nativeRoom(c).text("roomType"); ok && t == "custom" {
		return t
	}
	if c.Kind == parlance.Direct {
		return "direct"
	}
	return "group"
}

func nativeRoom(c *parlance.Conversation) object {
	if c.Native.Dialect != parlance.IMKit {
		return nil
	}
	o, err := parseObject(c.Native.JSON)
	if err != nil {
		return nil
	}
	return o
}

// roomShapes are what clients read in the fields of a room that are kept as sent.
var roomShapes = map[string]shape{
	"opening": flagShape, "webhook": textShape, "botMode": boolShape, "botState": textShape,
	"encrypted": boolShape, "serviceStatus": wholeShape, "extParams": paramsShape,
}

var (
	// flagShape takes true and false for 1 and 0.
	flagShape = shape{"a whole number", func(v json.RawMessage) (json.RawMessage, verdict) {
		switch string(v) {
		case "true":
			return json.RawMessage("1"), mended
		case "false":
			return json.RawMessage("0"), mended
		}
		return readWhole(v)
	}}
	// paramsShape takes an object or text. Text that is JSON's null would stop the web SDK.
	paramsShape = shape{"an object, or a string that holds one", func(v json.RawMessage) (json.RawMessage, verdict) {
		switch inner, text := held(v); {
		case text && (string(inner) == "null" || len(inner) == 0):
			return nil, mended
		case text:
			return v, fine
		case isObject(v):
			return appendString(nil, string(v)), fine
		}
		return nil, wrong
	}}
)

func setRoomFields(o *Room, native object) {
	for name, to := range map[string]*json.RawMessage{
		"opening": &o.Opening, "webhook": &o.Webhook, "botMode": &o.BotMode,
		"botState": &o.BotState, "encrypted": &o.Encrypted, "serviceStatus": &o.ServiceStatus,
	} {
		if v := native.get(name); v != nil {
			if fitted, _ := roomShapes[name].read(v); fitted != nil {
				*to = fitted
			}
		}
	}
	if v := native.get("extParams"); v != nil {
		var text string
		if fitted, _ := paramsShape.read(v); fitted != nil && json.Unmarshal(fitted, &text) == nil {
			o.ExtParams = text
		}
	}
}

// setMembers fills in who is in the room: the users, and what the room knows of each.
func (s *Server) setMembers(ctx context.Context, m *room, o *Room) error {
	members, err := s.store.Members(ctx, m.ref)
	if err != nil {
		return err
	}
	reads, err := s.lastReads(ctx, m)
	if err != nil {
		return err
	}
	for _, member := range m.shownMembers(members) {
		u, err := s.userOf(ctx, m.workspace, member.Account, member.Name)
		if err != nil {
			return err
		}
		u.ClientType = "user"
		o.Members.Users = append(o.Members.Users, u)
		lastRead, err := reads.of(ctx, member.LastRead)
		if err != nil {
			return err
		}
		p := MemberProperty{Client: u.ID, LastRead: lastRead, Role: string(member.Role)}
		if p.Role == "" {
			p.Role = string(parlance.MemberRole)
		}
		if member.Account == m.account {
			p.Badge = &o.Unread
		}
		o.MemberProperties = append(o.MemberProperties, p)
		if member.Role == parlance.Manager {
			o.Managers = append(o.Managers, u.ID)
		}
	}
	if owner := m.conversation.Owner; owner != "" {
		u, err := s.userOf(ctx, m.workspace, owner, "")
		if err != nil {
			return err
		}
		o.Owner = &u
	}
	return nil
}

// unread counts the messages above the caller's last read one, by creation.
func (s *Server) unread(ctx context.Context, m *room) (int, error) {
	return s.store.Count(ctx, m.ref, parlance.ByCreated, m.firstUnread(), nil, m.private)
}

// firstUnread returns where the messages begin that the caller hasn't read; nil if none was read.
func (m *room) firstUnread() *parlance.Position {
	if m.member.LastRead == (parlance.Position{}) {
		return nil
	}
	return m.member.LastRead.Next()
}

// mentioned reports whether one of the newest unread messages names the caller.
func (s *Server) mentioned(ctx context.Context, m *room, unread int) (bool, error) {
	if unread == 0 {
		return false, nil
	}
	page, err := s.store.Page(ctx, m.ref, store.Query{
		From: m.firstUnread(), Limit: min(unread, mentionDepth), Private: m.private, Bytes: mentionBytes,
	})
	if err != nil {
		return false, err
	}
	for _, e := range page.Entries {
		for _, id := range e.Message.Mentions {
			if id == m.account {
				return true, nil
			}
		}
	}
	return false, nil
}

// newest returns the newest message by creation that the caller sees, nil if there is none.
func (s *Server) newest(ctx context.Context, m *room) (*parlance.Message, map[parlance.MessageID]parlance.Time, error) {
	var hidden map[parlance.MessageID]parlance.Time
	if m.account != "" {
		var err error
		if hidden, err = s.store.Hidden(ctx, m.ref, m.account); err != nil {
			return nil, nil, err
		}
	}
	q := pageQuery{limit: 1, timeline: parlance.ByCreated, web: true}
	entries, _, _, err := s.rows(ctx, m, &q, span{descending: true}, hidden, nil, nil)
	if err != nil || len(entries) == 0 {
		return nil, nil, err
	}
	return &entries[0].Message, hidden, nil
}

// lastMessage returns the newest message that the caller sees, or null.
func (s *Server) lastMessage(ctx context.Context, m *room) (json.RawMessage, error) {
	last, hidden, err := s.newest(ctx, m)
	if err != nil || last == nil {
		return json.RawMessage("null"), err
	}
	if m.inList && sizeOf(last) > parlance.MaxShown {
		short := cut(last, parlance.MaxShown)
		last = &short
	}
	return s.view(m, hidden).message(ctx, last, listed)
}

// roomByID returns the room named id as c sees it.
func (s *Server) roomByID(ctx context.Context, c caller, id string) (Room, error) {
	m, err := s.room(ctx, c, id)
	if err != nil {
		return Room{}, err
	}
	return s.roomObject(ctx, &m)
}
