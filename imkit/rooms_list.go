package imkit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parlance"
	"parlance/internal/inflight"
	"parlance/store"
)

// A roomsQuery is what a request asks of the list of rooms: IMKit Rooms, list.
type roomsQuery struct {
	skip, limit  int         // limit 0: all
	filter       *roomFilter // nil: none
	order        []roomOrder
	unreadFirst  bool
	updatedAfter *parlance.Time // exclusive
	raw          string         // q as it came
}

// A roomOrder is one key of an order.
type roomOrder struct {
	field      string // lastMessage or createdTime
	descending bool
}

func parseRoomsQuery(raw string) (roomsQuery, error) {
	var q roomsQuery
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, badParameter("The query is not well-formed")
	}
	for name, to := range map[string]*int{"skip": &q.skip, "limit": &q.limit} {
		if v := values.Get(name); v != "" {
			if *to, err = strconv.Atoi(v); err != nil || *to < 0 {
				return q, badParameter(name + " must be a whole number, 0 or above")
			}
		}
	}
	q.raw = values.Get("q")
	if q.filter, err = parseRoomFilter(q.raw); err != nil {
		return q, err
	}
	for _, field := range strings.Fields(values.Get("sort")) {
		name, descending := strings.CutPrefix(field, "-")
		switch name {
		case "lastMessage":
		case "createdTime", "createdTimeMS":
			name = "createdTime"
		default:
			return q, badParameter("sort takes lastMessage and createdTime, with a minus sign for descending")
		}
		q.order = append(q.order, roomOrder{name, descending})
	}
	if len(q.order) == 0 {
		q.order = []roomOrder{{"lastMessage", true}}
	}
	if v := values.Get("sortUnreadFirst"); v != "" && v != "0" && v != "false" {
		q.unreadFirst = true
	}
	if v := values.Get("updatedAfter"); v != "" {
		t, ok := parseTime(v)
		if !ok {
			return q, badParameter("updatedAfter must be an ISO-8601 time or Unix milliseconds")
		}
		q.updatedAfter = &t
	}
	if v := values.Get("pref"); v != "" {
		if _, err := parseObject([]byte(v)); err != nil {
			return q, errQuery("pref is no JSON object")
		}
	}
	return q, nil
}

// A listedRoom is what a list is ordered by: of all rooms that match, what is shown is read for those on the page alone.
type listedRoom struct {
	id      parlance.ConversationID
	created parlance.Time
	active  parlance.Time // of the last message, else of creation
	unread  bool
}

// on returns those of the ordered rooms that are on q's page, which has at most so many.
func (q *roomsQuery) on(rooms []listedRoom, most int) []listedRoom {
	rooms = rooms[min(q.skip, len(rooms)):]
	if q.limit > 0 {
		most = min(most, q.limit)
	}
	return rooms[:min(most, len(rooms))]
}

// listRooms answers GET /rooms with the caller's rooms; an API key that acts for
// nobody sees all of the workspace.
func (s *Server) listRooms(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	ctx := r.Context()
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	q, err := parseRoomsQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	rooms, total, err := s.roomsOn(ctx, c, &q, parlance.MaxRooms)
	if err != nil {
		return err
	}
	page := RoomPage{TotalCount: total, Data: []Room{}}
	bytes := 0
	for i, l := range rooms {
		m, err := s.room(ctx, c, string(l.id))
		if isGone(err) {
			continue
		}
		if err != nil {
			return err
		}
		m.inList, m.brief = true, bytes > parlance.MaxPage/2
		o, err := s.roomObject(ctx, &m)
		if err != nil {
			return err
		}
		size := o.size()
		if err := inflight.Take(ctx, perByte*int64(size)); err != nil {
			return err
		}
		if bytes += size; bytes > parlance.MaxPage && i > 0 {
			break
		}
		page.Data = append(page.Data, o)
	}
	page.Inspect = Inspect{Query: inspectRooms(c, &q), TookMS: time.Since(start).Milliseconds()}
	return succeed(w, page)
}

// A RoomIDPage is the result of a list of rooms' ids.
type RoomIDPage struct {
	TotalCount int      `json:"totalCount"` // of all that match
	Data       []string `json:"data"`
	Inspect    Inspect  `json:"inspect"`
}

// listRoomIDs answers GET /rooms/ids: the list of rooms, less all but their ids.
func (s *Server) listRoomIDs(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	q, err := parseRoomsQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	rooms, total, err := s.roomsOn(r.Context(), c, &q, parlance.MaxRoomIDs)
	if err != nil {
		return err
	}
	page := RoomIDPage{TotalCount: total, Data: []string{}}
	for _, l := range rooms {
		page.Data = append(page.Data, string(l.id))
	}
	page.Inspect = Inspect{Query: inspectRooms(c, &q), TookMS: time.Since(start).Milliseconds()}
	return succeed(w, page)
}

// listInvitations answers GET /rooms/invitations. There are none: IMKit Rooms, invitations.
func (s *Server) listInvitations(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.user(r); err != nil {
		return err
	}
	return succeed(w, struct {
		TotalCount int   `json:"totalCount"`
		Data       []any `json:"data"`
	}{0, []any{}})
}

// size returns roughly how many bytes o has in an answer.
func (o *Room) size() int {
	n := 1024 + len(o.Name) + len(o.Description) + len(o.ExtParams) + len(o.LastMessage) + len(o.Webhook) + len(o.BotState)
	for i := range o.Members.Users {
		u := &o.Members.Users[i]
		n += 256 + 3*len(u.ID) + len(u.Nickname) + len(u.Description) + len(u.AvatarURL)
	}
	return n
}

// isGone reports whether a room that was listed isn't the caller's any more: left or gone meanwhile.
func isGone(err error) bool { return errors.Is(err, errNotMember) || errors.Is(err, errNoRoom) }

// roomKinds are the kinds of conversations, all of which are rooms here.
var roomKinds = [...]parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order}

// roomsOn returns the rooms on q's page, which has at most so many, and how many match in all.
func (s *Server) roomsOn(ctx context.Context, c caller, q *roomsQuery, most int) ([]listedRoom, int, error) {
	if c.account != "" || !q.asStored() {
		rooms, err := s.matchingRooms(ctx, c, q, 0)
		return q.on(rooms, most), len(rooms), err
	}
	if q.limit > 0 {
		most = min(most, q.limit)
	}
	total, err := s.store.CountActive(ctx, c.workspace, roomKinds[:]...)
	if err != nil || q.skip >= total {
		return nil, total, err
	}
	rooms, err := s.matchingRooms(ctx, c, q, q.skip+most)
	return q.on(rooms, most), total, err
}

// asStored reports whether q asks for all rooms of the workspace in the order in which the store lists them, of which no
// more has to be read than is shown.
func (q *roomsQuery) asStored() bool {
	return q.filter == nil && q.updatedAfter == nil && slices.Equal(q.order, []roomOrder{{"lastMessage", true}})
}

// matchingRooms returns the active rooms of the caller that match q, in its order; of each kind only the first ones
// that the store lists, if enough isn't 0.
func (s *Server) matchingRooms(ctx context.Context, c caller, q *roomsQuery, enough int) ([]listedRoom, error) {
	lists := []store.List{{Account: c.account}}
	if c.account == "" {
		lists = nil
		for _, k := range roomKinds {
			lists = append(lists, store.List{Kind: k})
		}
	}
	var rooms []listedRoom
	for _, list := range lists {
		first := len(rooms)
		for summary, err := range s.store.Recent(ctx, c.workspace, list) {
			if err != nil {
				return nil, err
			}
			l, ok, err := s.listed(ctx, c, q, &summary)
			if err != nil {
				return nil, err
			}
			if ok {
				rooms = append(rooms, l)
			}
			if enough > 0 && len(rooms)-first == enough {
				break
			}
		}
	}
	slices.SortStableFunc(rooms, q.compare)
	return rooms, nil
}

// listed returns summary's conversation as a room of the list, if it belongs there.
func (s *Server) listed(ctx context.Context, c caller, q *roomsQuery, summary *store.Summary) (l listedRoom, ok bool, err error) {
	if summary.Conversation.Frozen {
		return l, false, nil
	}
	ref := parlance.Ref{Workspace: c.workspace, Conversation: summary.Conversation.ID}
	matches, err := q.filter.matches(&summary.Conversation, func() ([]string, error) {
		members, err := s.store.Members(ctx, ref)
		ids := make([]string, len(members))
		for i := range members {
			ids[i] = string(members[i].Account)
		}
		return ids, err
	})
	if err != nil || !matches {
		return l, false, err
	}
	m, err := s.room(ctx, c, string(ref.Conversation))
	if isGone(err) {
		return l, false, nil
	}
	if err != nil {
		return l, false, err
	}
	l = listedRoom{id: m.ref.Conversation, created: m.conversation.Created, active: m.conversation.Created}
	last, err := s.lastSeen(ctx, &m, summary)
	if err != nil {
		return l, false, err
	}
	if last != nil {
		l.active = last.Created
	}
	if q.updatedAfter != nil && max(l.active, l.created) <= *q.updatedAfter {
		return l, false, nil
	}
	if q.unreadFirst && m.isMember && last != nil {
		unread, err := s.unread(ctx, &m)
		if err != nil {
			return l, false, err
		}
		l.unread = unread > 0
	}
	return l, true, nil
}

// lastSeen returns the newest message that the reader of m may see; notes of the staff
// must not show in the order of a customer's rooms either.
func (s *Server) lastSeen(ctx context.Context, m *room, summary *store.Summary) (*parlance.Message, error) {
	if summary.Last == nil {
		return nil, nil
	}
	if m.private || !summary.Last.Message.Private() {
		return &summary.Last.Message, nil
	}
	last, _, err := s.newest(ctx, m)
	return last, err
}

// compare orders rooms as q asks. Rooms that are equal in that are ordered by id.
func (q *roomsQuery) compare(a, b listedRoom) int {
	if q.unreadFirst && a.unread != b.unread {
		if a.unread {
			return -1
		}
		return 1
	}
	for _, o := range q.order {
		n := cmp.Compare(a.active, b.active)
		if o.field == "createdTime" {
			n = cmp.Compare(a.created, b.created)
		}
		if o.descending {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return cmp.Compare(a.id, b.id)
}

// inspectRooms returns the conditions that were applied.
func inspectRooms(c caller, q *roomsQuery) json.RawMessage {
	b := appendString([]byte(`{"appID":`), c.workspace)
	b = append(b, `,"status":1`...)
	if c.account != "" {
		b = append(b, `,"members":`...)
		b = appendString(b, c.account)
	}
	if q.filter != nil {
		b = append(b, `,"$and":[`...)
		b = append(b, q.raw...) // it was parsed, so it is JSON
		b = append(b, ']')
	}
	if q.updatedAfter != nil {
		b = append(b, `,"updatedAfter":"`...)
		b = append(q.updatedAfter.Append(b), '"')
	}
	return append(b, '}')
}
