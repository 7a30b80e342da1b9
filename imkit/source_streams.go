package imkit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"parlance"
	"parlance/history"
	"parlance/internal/upstream"
)

// Rooms are asked for a page at a time, and pages overlap, so that a room that leaves the list while it is read pulls no
// other one past the reader.
const (
	roomsPerPage = 100
	roomsOverlap = 10
)

// Streams lists the rooms, newest activity first: IMKit Mirror, rooms.
func (s *Source) Streams(ctx context.Context) iter.Seq2[history.Stream, error] {
	if len(s.rooms) > 0 {
		return s.named(ctx)
	}
	return func(yield func(history.Stream, error) bool) {
		l := roomList{client: s.client, seen: map[string]bool{}, limit: roomsPerPage}
		// A room in which something is written moves to the top, past a reader who is on the way down. So the list is
		// read until a reading brings no room that wasn't known.
		for l.found = 1; l.found > 0; {
			if !l.read(ctx, len(l.seen) > 0, yield) {
				return
			}
		}
		// A list that counts more than it gives is read once more, and is a gap if it stays so.
		if len(l.seen) < l.total && !l.read(ctx, false, yield) {
			return
		}
		if len(l.seen) < l.total {
			yield(history.Stream{Err: parlance.Errorf(parlance.Invalid, "it says that there are %d rooms and gives %d", l.total, len(l.seen))}, nil)
		}
	}
}

// A roomList is a reading of the list of rooms.
type roomList struct {
	client *Client
	seen   map[string]bool
	found  int // rooms that this reading brought
	total  int // as the list says; -1 if it doesn't
	limit  int // how many rooms may be asked for: fewer where pages were too large
}

// read reads the list once, from its top to its end; with again it stops at the first page that brings
// nothing. It returns false if that was all: yield has had enough, or an error.
func (l *roomList) read(ctx context.Context, again bool, yield func(history.Stream, error) bool) (more bool) {
	l.found = 0
	for skip, stalled := 0, 0; stalled < 2; {
		page, err := l.client.roomRows(ctx, RoomsQuery{Skip: skip, Limit: l.limit, Sort: "-lastMessage"})
		switch {
		case errors.Is(err, upstream.ErrTooLarge) && l.limit > 1:
			l.limit /= 2
			continue
		case errors.Is(err, upstream.ErrTooLarge):
			// This one room is too large to be read. The others aren't to suffer.
			if !l.give(fmt.Sprintf("too large %d", skip), history.Stream{Err: parlance.Wrap(parlance.Invalid, err, "item %d can't be read", skip+1)}, yield) {
				return false
			}
			skip++
			continue
		case err != nil:
			yield(history.Stream{}, err)
			return false
		}
		l.total = page.total
		if len(page.rows) == 0 {
			return true
		}
		before := l.found
		for _, row := range page.rows {
			name, stream := readStream(row)
			if !l.give(name, stream, yield) {
				return false
			}
		}
		overlap := min(roomsOverlap, l.limit/2)
		if page.size < parlance.MaxUpstreamBody/8 {
			l.limit = min(2*l.limit, roomsPerPage)
		}
		if l.found > before {
			stalled = 0
			skip += max(1, len(page.rows)-overlap)
			continue
		}
		if again {
			return true
		}
		// The overlap alone; or a server that gives the same page whatever is asked for, which must not be followed for ever.
		stalled++
		skip += len(page.rows)
	}
	return true
}

// give gives a stream unless one of that name was given before. It returns false if yield did.
func (l *roomList) give(name string, s history.Stream, yield func(history.Stream, error) bool) bool {
	if l.seen[name] {
		return true
	}
	l.seen[name] = true
	l.found++
	return yield(s, nil)
}

// readStream reads an item of the list, and returns a name by which it is known again: a room's id, or something that is none.
func readStream(row json.RawMessage) (name string, s history.Stream) {
	r, err := readRoom(row)
	if err == nil {
		err = parlance.CheckID("the room's id", r.ID)
	}
	if err != nil {
		sum := sha256.Sum256(row)
		return "\x00" + string(sum[:]), history.Stream{Err: parlance.Wrap(parlance.Invalid, err, "a room can't be read")}
	}
	return r.ID, streamOf(&r)
}

// named gives the rooms that the source was told of. One that can't be read is given by its id, since what is
// wrong with it concerns the walk of that room alone.
func (s *Source) named(ctx context.Context) iter.Seq2[history.Stream, error] {
	return func(yield func(history.Stream, error) bool) {
		for _, id := range s.rooms {
			stream := history.Stream{ID: history.StreamID(id), Conversation: parlance.Conversation{ID: parlance.ConversationID(id)}}
			r, err := s.client.Room(ctx, id)
			switch {
			case ctx.Err() != nil || errors.Is(err, parlance.Unauthenticated):
			case err == nil && r.ID != id:
				stream.Err = parlance.Errorf(parlance.Invalid, "asked for one room, the platform gave another")
			case err == nil:
				stream = streamOf(&r)
			case errors.Is(err, parlance.Broken) || errors.Is(err, parlance.Invalid):
				stream.Err, err = parlance.Wrap(parlance.Invalid, err, "what the room is called, and who is in it, can't be read"), nil
			default: // the walk meets the same
				err = nil
			}
			if !yield(stream, err) || err != nil {
				return
			}
		}
	}
}

// streamOf returns what a room's record tells.
func streamOf(r *Room) history.Stream {
	id := parlance.ConversationID(r.ID)
	s := history.Stream{ID: history.StreamID(id), Hint: hint(r)}
	c := &s.Conversation
	*c = parlance.Conversation{
		ID: id, Kind: parlance.Room, Title: r.Name, Platform: parlance.IMKit, Description: r.Description,
		Cover: r.Cover, Tags: r.RoomTags, Frozen: r.Status == 0,
		Native: parlance.Native{Dialect: parlance.IMKit, JSON: lastingRoom(r.Raw)},
	}
	if t := parlance.Time(r.CreatedTimeMS); t >= leastMillis && t <= parlance.MaxTime {
		c.Created = t
	}
	if r.Owner != nil {
		if err := parlance.CheckID("the room's owner", r.Owner.ID); err != nil {
			s.Err, r.Owner = err, nil
		}
	}
	if r.Owner != nil {
		c.Owner = parlance.AccountID(r.Owner.ID)
		s.Accounts = append(s.Accounts, accountOf(r.Owner))
	}
	people := r.Members.Users
	for _, id := range r.Members.IDs {
		people = append(people, User{ID: id})
	}
	if r.RoomType == "direct" || r.RoomType == "" && len(people) <= 2 {
		c.Kind = parlance.Direct
	}
	s.Guessed = r.RoomType != "direct" && r.RoomType != "group"
	roles := rolesOf(r)
	known := map[string]bool{}
	for i := range people {
		u := &people[i]
		if err := parlance.CheckID("a member of the room", u.ID); err != nil {
			s.Err = cmp.Or(s.Err, err)
			continue
		}
		if known[u.ID] {
			continue
		}
		known[u.ID] = true
		role := roles[u.ID]
		if role == "" {
			role = parlance.MemberRole
		}
		s.Members = append(s.Members, parlance.Member{Account: parlance.AccountID(u.ID), Name: u.Nickname, Role: role})
		if u.IDAgain != "" && (r.Owner == nil || r.Owner.ID != u.ID) { // else only the id is known
			s.Accounts = append(s.Accounts, accountOf(u))
		}
	}
	return s
}

// rolesOf returns the roles of a room's members that are more than members.
func rolesOf(r *Room) map[string]parlance.Role {
	roles := map[string]parlance.Role{}
	for _, p := range r.MemberProperties {
		switch p.Role {
		case "owner":
			roles[p.Client] = parlance.Owner
		case "manager", "admin":
			roles[p.Client] = parlance.Manager
		case "customer", "merchant", "agent", "bot": // of a shop's conversations, where another Parlance is mirrored
			roles[p.Client] = parlance.Role(p.Role)
		}
	}
	for _, id := range r.Managers {
		roles[id] = parlance.Manager
	}
	if r.Owner != nil {
		roles[r.Owner.ID] = parlance.Owner
	}
	return roles
}

// lastingRoom returns a room's record less what differs from reader to reader and from day to day, so that it stays
// the same, byte for byte, while the room does: IMKit Mirror, rooms.
func lastingRoom(raw json.RawMessage) []byte {
	o, err := parseForeign(raw)
	if err != nil {
		return nil
	}
	return o.without(func(name string) bool {
		switch name {
		case "unread", "badge", "muted", "isMentioned", "isSuperuser", "pref", "quittedAt", "memberProperties",
			"members", "owner", "__v":
			return true
		}
		return strings.HasPrefix(name, "lastMessage") || strings.HasPrefix(name, "updated")
	}).append(nil)
}

// hint returns what changes when a room's last message does. A room without messages has a hint too; one
// whose record doesn't speak of a last message has none.
func hint(r *Room) string {
	o, err := parseForeign(r.Raw)
	if err != nil {
		return ""
	}
	for _, f := range o {
		if f.name != "lastMessage" {
			continue
		}
		last, err := parseForeign(f.value)
		if err != nil {
			return string(f.value) // an id, or null
		}
		name, _ := last.text("messageType")
		return idOf(last) + " " + string(last.get("updatedAtMS")) + " " + name
	}
	return ""
}
