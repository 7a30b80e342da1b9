package imkit

import (
	"context"
	"encoding/json"

	"parlance"
	"parlance/internal/inflight"
	"parlance/store"
)

// readAtOnce is how many bytes of messages are read before those are cut that a page has no room for.
const readAtOnce = 4 << 20

// perByte is what a byte of a page costs, roughly: as a row, as a message and in the answer.
const perByte = 3

// A pageRoom is what is left of a page that isn't to become larger than [parlance.MaxPage]. Each row that is still to come has
// [parlance.MaxShown] bytes for certain, so one that isn't larger is never cut.
type pageRoom struct {
	bytes int
	rows  int // that may still come
}

func newPageRoom(rows int) *pageRoom { return &pageRoom{parlance.MaxPage, rows} }

// take takes a row in, which is cut if there is no room for the whole of it.
func (p *pageRoom) take(ctx context.Context, e *store.Entry) error {
	p.rows--
	size := e.Size()
	if size > p.bytes-p.rows*parlance.MaxShown && size > parlance.MaxShown {
		*e = store.Entry{Number: e.Number, First: e.First, Message: cut(&e.Message, parlance.MaxShown)}
		size = parlance.MaxShown
	}
	p.bytes -= size
	return inflight.Take(ctx, perByte*int64(size))
}

// cutMark is the native form of what is shown cut: IMKit Messages, cut.
var cutMark = parlance.Native{Dialect: parlance.IMKit, JSON: []byte(`{"truncated":true}`)}

// cut returns m without what is large: as a text of so many bytes at most.
func cut(m *parlance.Message, bytes int) parlance.Message {
	c := parlance.Message{
		ID: m.ID, Sender: m.Sender, SenderName: parlance.Cut(m.SenderName, parlance.MaxName), Role: m.Role, Type: parlance.TypeText,
		Text: parlance.Cut(m.Text, bytes/2), Reply: m.Reply, State: m.State,
		Sent: m.Sent, Created: m.Created, Updated: m.Updated, Edited: m.Edited, Removed: m.Removed, Native: cutMark,
	}
	if m.Private() {
		c.Type = m.Type
	}
	return c
}

// cutRoom takes out of a room what clients couldn't have written: it was mirrored or imported, and is kept as it came.
func cutRoom(o *Room) {
	o.Name, o.Description = parlance.Cut(o.Name, parlance.MaxName), parlance.Cut(o.Description, parlance.MaxDescription)
	if len(o.Cover) > parlance.MaxAddress {
		o.Cover = ""
	}
	o.RoomTags = o.RoomTags[:min(len(o.RoomTags), parlance.MaxTags)]
	for i, t := range o.RoomTags {
		if len(t) > parlance.MaxName {
			tags := append([]string(nil), o.RoomTags...) // the record's own stay
			tags[i] = parlance.Cut(t, parlance.MaxName)
			o.RoomTags = tags
		}
	}
	if len(o.ExtParams) > parlance.MaxRoomFields {
		o.ExtParams = "{}"
	}
	for _, v := range []*json.RawMessage{&o.Opening, &o.Webhook, &o.BotMode, &o.BotState, &o.Encrypted, &o.ServiceStatus} {
		if len(*v) > parlance.MaxRoomFields {
			*v = nil
		}
	}
	if o.Opening == nil {
		o.Opening = json.RawMessage("1")
	}
}

// cutUser does what cutRoom does, for a user.
func cutUser(u *User) {
	u.Nickname, u.Description = parlance.Cut(u.Nickname, parlance.MaxName), parlance.Cut(u.Description, parlance.MaxDescription)
	if len(u.AvatarURL) > parlance.MaxAddress {
		u.AvatarURL = ""
	}
}

// fewMembers is how many members a room of a list shows that has become large.
const fewMembers = 20

// shownMembers returns those of a room's members that are shown: at most as many as clients could have added, the caller among them.
func (m *room) shownMembers(all []parlance.Member) []parlance.Member {
	most := parlance.MaxMembers
	if m.brief {
		most = fewMembers
	}
	if len(all) <= most {
		return all
	}
	shown := append([]parlance.Member(nil), all[:most]...)
	for i := range all {
		if all[i].Account == m.account && i >= most {
			shown[most-1] = all[i]
		}
	}
	return shown
}

// lastReads tells what members have read as the reader of a room may see it: IMKit Messages, private notes.
type lastReads struct {
	server *Server
	room   *room
	notes  bool // there are some that the reader may not see
	known  map[parlance.Position]string
}

func (s *Server) lastReads(ctx context.Context, m *room) (*lastReads, error) {
	l := &lastReads{server: s, room: m, known: map[parlance.Position]string{}}
	if m.private {
		return l, nil
	}
	state, err := s.store.State(ctx, m.ref)
	l.notes = state.Private > 0
	return l, err
}

// maxLastReads is how many different places are looked up for one room.
const maxLastReads = 100

// of returns the id of the last message up to a place that the reader may see; empty if there is none.
func (l *lastReads) of(ctx context.Context, at parlance.Position) (string, error) {
	if !l.notes || at == (parlance.Position{}) {
		return string(at.ID), nil
	}
	id, ok := l.known[at]
	if ok || len(l.known) >= maxLastReads {
		return id, nil
	}
	page, err := l.server.store.Page(ctx, l.room.ref, store.Query{To: at.Next(), Limit: 1})
	if err != nil {
		return "", err
	}
	if len(page.Entries) > 0 {
		id = string(page.Entries[0].Message.ID)
	}
	l.known[at] = id
	return id, nil
}
