package imkit

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"parlance"
)

// A roomRequest is the body of the calls that make or change a room.
type roomRequest struct {
	ID            string          `json:"_id"`
	Name          *string         `json:"name"`
	Cover         *string         `json:"cover"`
	Description   *string         `json:"description"`
	RoomType      string          `json:"roomType"` // group, direct or custom
	RoomTags      *[]string       `json:"roomTags"`
	Members       []string        `json:"members"` // user ids
	Owner         *string         `json:"owner"`   // user id
	Managers      *[]string       `json:"managers"`
	Invitee       oneOrMore       `json:"invitee"` // user ids
	SystemMessage bool            `json:"systemMessage"`
	Status        *int            `json:"status"`  // 0 freezes
	Opening       json.RawMessage `json:"opening"` // this and the rest are kept as sent
	ExtParams     json.RawMessage `json:"extParams"`
	Webhook       json.RawMessage `json:"webhook"`
	BotMode       json.RawMessage `json:"botMode"`
	BotState      json.RawMessage `json:"botState"`
	Encrypted     json.RawMessage `json:"encrypted"`
	ServiceStatus json.RawMessage `json:"serviceStatus"`
}

// oneOrMore reads an array of strings, or a string as an array of one.
type oneOrMore []string

// UnmarshalJSON reads either form.
func (l *oneOrMore) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		if *l = nil; one != "" {
			*l = oneOrMore{one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// kept returns what is kept as sent, in the order of [roomFields].
func (q *roomRequest) kept() []json.RawMessage {
	return []json.RawMessage{q.Opening, q.ExtParams, q.Webhook, q.BotMode, q.BotState, q.Encrypted, q.ServiceStatus}
}

// bytes returns how large they are.
func (q *roomRequest) bytes() (n int) {
	for _, v := range q.kept() {
		n += len(v)
	}
	return n
}

var errRoomFields = badBody("opening, extParams, webhook, botMode, botState, encrypted and serviceStatus are too large together")

// apply changes c as the request says. Fields that aren't given stay.
func (q *roomRequest) apply(c *parlance.Conversation) error {
	for from, to := range map[*string]*string{q.Name: &c.Title, q.Cover: &c.Cover, q.Description: &c.Description} {
		if from != nil {
			*to = *from
		}
	}
	if q.RoomTags != nil {
		c.Tags = slices.Clone(*q.RoomTags)
	}
	if q.Owner != nil {
		c.Owner = parlance.AccountID(*q.Owner)
	}
	if q.Status != nil {
		c.Frozen = *q.Status == 0
	}
	if c.Native.Dialect != "" && c.Native.Dialect != parlance.IMKit {
		// Another platform's record, or an import's, has no place for these fields, and isn't lost for them.
		if q.bytes() > 0 || q.RoomType == "custom" {
			return errForeign
		}
		return nil
	}
	native := nativeRoom(c).without(func(name string) bool {
		return name != "roomType" && !slices.Contains(roomFields, name)
	})
	for i, v := range q.kept() {
		if v != nil {
			native.set(roomFields[i], v)
		}
	}
	if q.RoomType == "custom" {
		native.set("roomType", json.RawMessage(`"custom"`))
	}
	c.Native = parlance.Native{}
	if q.bytes() > 0 && len(native.append(nil)) > parlance.MaxRoomFields {
		return errRoomFields
	}
	if len(native) > 0 {
		c.Native = parlance.Native{Dialect: parlance.IMKit, JSON: native.append(nil)}
	}
	return nil
}

// check refuses what can't be.
func (q *roomRequest) check() error {
	switch q.RoomType {
	case "", "group", "direct", "custom":
	default:
		return badBody("roomType must be group, direct or custom")
	}
	if q.ID != "" && (roomWords[q.ID] || parlance.CheckID("_id", q.ID) != nil) {
		return badBody("_id can't be a room's id")
	}
	for i, v := range q.kept() {
		name := roomFields[i]
		if v == nil || string(v) == "null" {
			continue
		}
		if _, fits := roomShapes[name].read(v); fits == wrong {
			return badBody(name + " must be " + roomShapes[name].kind)
		}
	}
	if err := q.bounded(); err != nil {
		return err
	}
	ids := slices.Concat(q.Members, q.Invitee)
	if q.Owner != nil && *q.Owner != "" {
		ids = append(ids, *q.Owner)
	}
	if q.Managers != nil {
		ids = append(ids, *q.Managers...)
	}
	for _, id := range ids {
		if parlance.CheckID("user id", id) != nil {
			return badRequest("INVALID_USER_ID", "What can't be a user's id is among the members")
		}
	}
	return nil
}

// bounded refuses what is larger or more than a room takes.
func (q *roomRequest) bounded() error {
	for _, t := range []struct {
		name string
		text *string
		most int
	}{
		{"name", q.Name, parlance.MaxName},
		{"cover", q.Cover, parlance.MaxAddress},
		{"description", q.Description, parlance.MaxDescription},
	} {
		if t.text != nil && len(*t.text) > t.most {
			return badBody(t.name + " is longer than " + strconv.Itoa(t.most) + " bytes")
		}
	}
	switch {
	case q.bytes() > parlance.MaxRoomFields:
		return errRoomFields
	case len(q.Members)+len(q.Invitee) > parlance.MaxMembers-1: // and who makes it
		return badBody("A room has at most " + strconv.Itoa(parlance.MaxMembers) + " members")
	case q.Managers != nil && len(*q.Managers) > parlance.MaxManagers:
		return badBody("A room has at most " + strconv.Itoa(parlance.MaxManagers) + " managers")
	case q.RoomTags != nil && len(*q.RoomTags) > parlance.MaxTags:
		return badBody("A room has at most " + strconv.Itoa(parlance.MaxTags) + " tags")
	case q.RoomTags != nil && slices.ContainsFunc(*q.RoomTags, func(t string) bool { return len(t) > parlance.MaxName }):
		return badBody("A tag is longer than " + strconv.Itoa(parlance.MaxName) + " bytes")
	}
	return nil
}

// directID is the id of the room of two people that has no other: clients work it out
// by themselves. IMKit Rooms, direct rooms.
func directID(a, b string) string {
	pair := []string{strings.ToLower(a), strings.ToLower(b)}
	slices.Sort(pair)
	sum := md5.Sum([]byte(pair[0] + "_" + pair[1]))
	return hex.EncodeToString(sum[:])
}

// createRoom answers POST /rooms. The caller doesn't become a member. A room that
// exists stays as it is.
func (s *Server) createRoom(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	var q roomRequest
	if err := readInto(r, &q); err != nil {
		return err
	}
	if q.Owner == nil && !c.admin {
		owner := string(c.account)
		q.Owner = &owner
	}
	id, made, err := s.makeRoom(ctx, c, &q, q.Members)
	if err != nil {
		return err
	}
	if made && q.SystemMessage && len(q.Members) > 0 {
		m, err := s.room(ctx, caller{workspace: c.workspace, account: c.account, admin: true}, id)
		if err != nil {
			return err
		}
		if err := s.tellAdded(ctx, &m, accountIDs(q.Members)); err != nil {
			return err
		}
	}
	viewer := c
	viewer.admin = viewer.admin || made // who made a room may read the answer
	o, err := s.roomByID(ctx, viewer, id)
	if err != nil {
		return err
	}
	if c.admin {
		o.Members.IDs = []string{}
		for _, u := range o.Members.Users {
			o.Members.IDs = append(o.Members.IDs, u.ID)
		}
	}
	return succeed(w, o)
}

// makeRoom makes the room that q describes with these members, unless it exists.
func (s *Server) makeRoom(ctx context.Context, c caller, q *roomRequest, members []string) (id string, made bool, err error) {
	if err := q.check(); err != nil {
		return "", false, err
	}
	room := parlance.Conversation{ID: parlance.ConversationID(q.ID), Kind: parlance.Room, Platform: parlance.IMKit, Created: s.store.Now()}
	if q.opensDirect(members) {
		room.Kind = parlance.Direct
		if len(members) != 2 || members[0] == members[1] {
			return "", false, badBody("A direct room has two members")
		}
		if !c.admin && !slices.Contains(members, string(c.account)) {
			return "", false, errRole // only two people themselves open a room between them
		}
		if room.ID == "" {
			room.ID = parlance.ConversationID(directID(members[0], members[1]))
		}
	}
	if room.ID != "" {
		if !c.admin {
			room.Maker = c.account // and chose the id
		}
		exists, finished, err := s.standing(ctx, c, q, &room, members)
		if exists || err != nil {
			return string(room.ID), finished, err
		}
		if !c.mayChoose(&room, members) {
			return "", false, errChosenID
		}
	} else {
		room.ID = parlance.ConversationID(s.ids.At(room.Created))
	}
	if err := q.apply(&room); err != nil {
		return "", false, err
	}
	created, err := s.store.Create(ctx, c.workspace, room)
	if errors.Is(err, parlance.Conflict) || err == nil && !created[0].New {
		// Somebody else was faster.
		_, finished, err := s.standing(ctx, c, q, &room, members)
		return string(room.ID), finished, err
	}
	if err != nil {
		return "", false, err
	}
	return string(room.ID), true, s.seat(ctx, c, q, &room, members)
}

// seat adds the first members of a room.
func (s *Server) seat(ctx context.Context, c caller, q *roomRequest, room *parlance.Conversation, members []string) error {
	var joined []parlance.Member
	managers := q.managers()
	for _, account := range accountIDs(members) {
		joined = append(joined, parlance.Member{Account: account, Role: roleIn(room, managers, account), Joined: room.Created})
	}
	if len(joined) == 0 {
		return nil
	}
	return s.store.AddMembers(ctx, parlance.Ref{Workspace: c.workspace, Conversation: room.ID}, joined...)
}

// opensDirect reports whether the room is one of two people: it is said to be, or the id is the one that clients
// work out for such a room.
func (q *roomRequest) opensDirect(members []string) bool {
	return q.RoomType == "direct" || q.RoomType == "" && len(members) == 2 && q.ID == directID(members[0], members[1])
}

// mayChoose reports whether the caller may give a new room its id: IMKit Rooms, chosen ids.
func (c *caller) mayChoose(room *parlance.Conversation, members []string) bool {
	id := string(room.ID)
	switch {
	case room.Kind == parlance.Direct && id == directID(members[0], members[1]):
		return true
	case c.admin:
		// What an administrator gives a room may be any id that IMKit has; those of the workspace's own buyers it hasn't.
		return !strings.HasPrefix(id, string(c.seller)+":") || parlance.DerivedForm(room.ID) == ""
	}
	return parlance.DerivedForm(room.ID) == ""
}

// standing reports whether a conversation stands under the id of the room that q asks for, and whether it lacked its
// members until now. If it is another one than that, the error says so.
func (s *Server) standing(ctx context.Context, c caller, q *roomRequest, room *parlance.Conversation, members []string) (exists, finished bool, err error) {
	ref := parlance.Ref{Workspace: c.workspace, Conversation: room.ID}
	stands, err := s.store.Conversation(ctx, ref)
	if errors.Is(err, parlance.NotFound) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	if stands.Kind == room.Kind && len(members) > 0 && c.finishes(&stands, members) {
		unfinished, err := s.unfinished(ctx, ref)
		if err == nil && unfinished {
			err = s.seat(ctx, c, q, &stands, members)
		}
		if err != nil || unfinished {
			return true, unfinished, err
		}
	}
	if stands.Kind != parlance.Room {
		// Who isn't in it doesn't learn what it is.
		if _, err := s.room(ctx, c, string(room.ID)); err != nil {
			return true, false, err
		}
	}
	if (q.RoomType != "" || room.Kind == parlance.Direct) && stands.Kind != room.Kind {
		return true, false, errOtherRoom
	}
	if room.Kind != parlance.Direct {
		return true, false, nil
	}
	return true, false, s.isBetween(ctx, ref, accountIDs(members))
}

// finishes reports whether the caller, asking for a room with these members, may be who began to make it.
func (c *caller) finishes(stands *parlance.Conversation, members []string) bool {
	return stands.Platform == parlance.IMKit &&
		(c.admin || stands.Maker == c.account || stands.Kind == parlance.Direct && string(stands.ID) == directID(members[0], members[1]))
}

// unfinished reports whether whoever made a room stopped before its members were added: it has none. Where something was said,
// members have been there and have left.
func (s *Server) unfinished(ctx context.Context, ref parlance.Ref) (bool, error) {
	members, err := s.store.Members(ctx, ref)
	if err != nil || len(members) > 0 {
		return false, err
	}
	last, err := s.store.Mark(ctx, ref)
	return last.Number == 0, err
}

// isBetween refuses a room of two people that isn't between those two, although it has the id that is worked out for them: letters are
// compared there without case, and where one name ends and the other begins is lost. One whom both invited may be in it as well, and one
// of the two may have left.
func (s *Server) isBetween(ctx context.Context, ref parlance.Ref, two []parlance.AccountID) error {
	members, err := s.store.Members(ctx, ref)
	if err != nil {
		return err
	}
	found, others := 0, 0
	for i := range members {
		if slices.Contains(two, members[i].Account) {
			found++
		} else {
			others++
		}
	}
	if found < len(two) && others > 0 {
		return errOtherRoom
	}
	return nil
}

// managers returns the accounts that the request makes managers.
func (q *roomRequest) managers() map[parlance.AccountID]bool {
	if q.Managers == nil {
		return nil
	}
	set := make(map[parlance.AccountID]bool, len(*q.Managers))
	for _, id := range *q.Managers {
		set[parlance.AccountID(id)] = true
	}
	return set
}

func roleIn(c *parlance.Conversation, managers map[parlance.AccountID]bool, account parlance.AccountID) parlance.Role {
	switch {
	case account == c.Owner:
		return parlance.Owner
	case managers[account]:
		return parlance.Manager
	}
	return parlance.MemberRole
}

// accountIDs returns ids as accounts, each once.
func accountIDs(ids []string) []parlance.AccountID {
	var accounts []parlance.AccountID
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			accounts = append(accounts, parlance.AccountID(id))
		}
	}
	return accounts
}

// createAndJoin answers POST /rooms/createAndJoin: the caller becomes a member, of a
// room that exists too. Invitees join at once: IMKit Rooms, invitations.
func (s *Server) createAndJoin(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := s.user(r)
	if err != nil {
		return err
	}
	var q roomRequest
	if err := readInto(r, &q); err != nil {
		return err
	}
	self := string(c.account)
	invitees := slices.DeleteFunc(slices.Concat([]string(q.Invitee), q.Members), func(id string) bool { return id == self })
	if q.Owner == nil || !c.admin {
		q.Owner = &self
	}
	id, made, err := s.makeRoom(ctx, c, &q, append([]string{self}, invitees...))
	if err != nil {
		return err
	}
	if !made {
		if _, err := s.join(ctx, c, id, q.SystemMessage); err != nil {
			return err
		}
	}
	o, err := s.roomByID(ctx, c, id)
	if err != nil {
		return err
	}
	if made && q.SystemMessage && len(invitees) > 0 {
		m, err := s.room(ctx, c, id)
		if err != nil {
			return err
		}
		if err := s.tellAdded(ctx, &m, accountIDs(invitees)); err != nil {
			return err
		}
		if o, err = s.roomObject(ctx, &m); err != nil {
			return err
		}
	}
	return succeed(w, o)
}
