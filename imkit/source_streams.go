package imkit

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"

	"parlance"
	"parlance/history"
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
		l := roomList{client: s.client, seen: map[string]bool{}}
		// A room in which something is written moves to the top, past a reader who is on the way down. So the list is
		// read until a reading brings no room that wasn't known.
		for l.found = 1; l.found > 0; {
			l.found = 0
			if more, err := l.read(ctx, yield); !more {
				return
			} else if err != nil {
				yield(history.Stream{}, err)
				return
			}
		}
		if len(l.seen) < l.total {
			yield(history.Stream{}, parlance.Errorf(parlance.Broken, "the list of rooms says that there are %d and gives %d", l.total, len(l.seen)))
		}
	}
}

// A roomList is a reading of the list of rooms.
type roomList struct {
	client *Client
	seen   map[string]bool
	found  int // rooms that this reading brought
	total  int // as the list says; -1 if it doesn't
}

// read reads the list once, from its top to its end. From the second time on it stops at the first page that brings
// nothing. It returns false if yield did.
func (l *roomList) read(ctx context.Context, yield func(history.Stream, error) bool) (more bool, err error) {
	again := len(l.seen) > 0
	for skip, stalled := 0, 0; stalled < 2; {
		page, err := l.client.Rooms(ctx, RoomsQuery{Skip: skip, Limit: roomsPerPage, Sort: "-lastMessage"})
		if err != nil {
			return true, err
		}
		l.total = page.TotalCount
		if len(page.Data) == 0 {
			return true, nil
		}
		fresh := 0
		for i := range page.Data {
			if r := &page.Data[i]; !l.seen[r.ID] {
				l.seen[r.ID] = true
				fresh++
				if !yield(streamOf(r), nil) {
					return false, nil
				}
			}
		}
		l.found += fresh
		if fresh > 0 {
			stalled = 0
			skip += max(1, len(page.Data)-roomsOverlap)
			continue
		}
		if again {
			return true, nil
		}
		// The overlap alone; or a server that gives the same page whatever is asked for, which must not be followed for ever.
		stalled++
		skip += len(page.Data)
	}
	return true, nil
}

// named gives the rooms that the source was told of. One that can't be read is given by its id, since what is
// wrong with it concerns the walk of that room alone.
func (s *Source) named(ctx context.Context) iter.Seq2[history.Stream, error] {
	return func(yield func(history.Stream, error) bool) {
		for _, id := range s.rooms {
			stream := history.Stream{ID: history.StreamID(id), Conversation: parlance.Conversation{ID: parlance.ConversationID(id)}}
			r, err := s.client.Room(ctx, id)
			switch {
			case err == nil && r.ID != id:
				err = parlance.Errorf(parlance.Broken, "asked for one room and was given another")
			case err == nil:
				stream = streamOf(&r)
			case errors.Is(err, parlance.NotFound) || errors.Is(err, parlance.Forbidden):
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
		if known[u.ID] || parlance.CheckID("member", u.ID) != nil {
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
	o, err := parseObject(raw)
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
	o, err := parseObject(r.Raw)
	if err != nil {
		return ""
	}
	for _, f := range o {
		if f.name != "lastMessage" {
			continue
		}
		last, err := parseObject(f.value)
		if err != nil {
			return string(f.value) // an id, or null
		}
		name, _ := last.text("messageType")
		return idOf(last) + " " + string(last.get("updatedAtMS")) + " " + name
	}
	return ""
}
