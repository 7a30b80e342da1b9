package imkit

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"parlance"
)

// A membersRequest is the body of the calls that add or remove members.
type membersRequest struct {
	Invitees      oneOrMore `json:"invitees"` // user ids
	Members       oneOrMore `json:"members"`  // user ids
	SystemMessage bool      `json:"systemMessage"`
}

// addMembers answers POST /rooms/{id}/members.
func (s *Server) addMembers(w http.ResponseWriter, r *http.Request) error {
	var q membersRequest
	return s.changeMembers(w, r, &q, func(ctx context.Context, m *room) error {
		if len(q.Invitees) == 0 {
			return missing("invitees")
		}
		return s.invite(ctx, m, q.Invitees, q.SystemMessage)
	})
}

// addMember answers POST /rooms/{id}/members/{user}.
func (s *Server) addMember(w http.ResponseWriter, r *http.Request) error {
	var q membersRequest
	return s.changeMembers(w, r, &q, func(ctx context.Context, m *room) error {
		return s.invite(ctx, m, []string{r.PathValue("user")}, q.SystemMessage)
	})
}

// removeMembers answers POST /rooms/{id}/delete/members.
func (s *Server) removeMembers(w http.ResponseWriter, r *http.Request) error {
	var q membersRequest
	return s.changeMembers(w, r, &q, func(ctx context.Context, m *room) error {
		if len(q.Members) == 0 {
			return missing("members")
		}
		return s.expel(ctx, m, q.Members, q.SystemMessage)
	})
}

// removeMember answers DELETE /rooms/{id}/members/{user}.
func (s *Server) removeMember(w http.ResponseWriter, r *http.Request) error {
	var q membersRequest
	return s.changeMembers(w, r, &q, func(ctx context.Context, m *room) error {
		return s.expel(ctx, m, []string{r.PathValue("user")}, q.SystemMessage)
	})
}

// joinRoom answers POST /rooms/{id}/join.
func (s *Server) joinRoom(w http.ResponseWriter, r *http.Request) error {
	c, err := s.user(r)
	if err != nil {
		return err
	}
	var q membersRequest
	if err := readInto(r, &q); err != nil {
		return err
	}
	m, err := s.join(r.Context(), c, r.PathValue("id"), q.SystemMessage)
	if err != nil {
		return err
	}
	o, err := s.roomObject(r.Context(), &m)
	if err != nil {
		return err
	}
	return succeed(w, o)
}

// changeMembers reads the request into q, does change in the room and answers with the
// room as it was seen by a caller who may have left it.
func (s *Server) changeMembers(w http.ResponseWriter, r *http.Request, q *membersRequest, change func(context.Context, *room) error) error {
	ctx := r.Context()
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	if err := readInto(r, q); err != nil {
		return err
	}
	m, err := s.room(ctx, c, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := change(ctx, &m); err != nil {
		return err
	}
	o, err := s.roomObject(ctx, &m)
	if err != nil {
		return err
	}
	return succeed(w, o)
}

// mayChangeMembers reports whether the caller may add and remove others: every member
// of a room, and only the staff where a customer talks with a shop.
func (m *room) mayChangeMembers() bool {
	switch m.conversation.Kind {
	case parlance.Room, parlance.Direct:
		return true
	}
	return m.private
}

// invite makes the accounts members of m.
func (s *Server) invite(ctx context.Context, m *room, ids []string, tell bool) error {
	if !m.mayChangeMembers() {
		return errRole
	}
	if len(ids) > parlance.MaxAtOnce {
		return badBody("Too many members at once")
	}
	var added []parlance.Member
	joined := s.store.Now()
	for _, id := range accountIDs(ids) {
		if parlance.CheckID("user id", id) != nil {
			return badRequest("INVALID_USER_ID", "What can't be a user's id is among the invitees")
		}
		_, err := s.store.Member(ctx, m.ref, id)
		if err == nil {
			continue
		}
		if !errors.Is(err, parlance.NotFound) {
			return err
		}
		added = append(added, parlance.Member{Account: id, Role: roleIn(&m.conversation, nil, id), Joined: joined})
	}
	if len(added) == 0 {
		return nil
	}
	if err := s.roomFor(ctx, m.ref, len(added)); err != nil {
		return err
	}
	if err := s.store.AddMembers(ctx, m.ref, added...); err != nil {
		return err
	}
	if !tell {
		return nil
	}
	accounts := make([]parlance.AccountID, len(added))
	for i := range added {
		accounts[i] = added[i].Account
	}
	return s.tellAdded(ctx, m, accounts)
}

// roomFor refuses n more members where there would be too many.
func (s *Server) roomFor(ctx context.Context, ref parlance.Ref, n int) error {
	members, err := s.store.Members(ctx, ref)
	if err == nil && len(members)+n > parlance.MaxMembers {
		err = badBody("A room has at most " + strconv.Itoa(parlance.MaxMembers) + " members")
	}
	return err
}

// expel removes the accounts from m. Who removes themself leaves.
func (s *Server) expel(ctx context.Context, m *room, ids []string, tell bool) error {
	if len(ids) > parlance.MaxAtOnce {
		return badBody("Too many members at once")
	}
	accounts := accountIDs(ids)
	for _, id := range accounts {
		if id == m.account {
			continue
		}
		if !m.mayChangeMembers() || id == m.conversation.Owner && !m.admin {
			return errRole
		}
		if _, err := s.store.Member(ctx, m.ref, id); err != nil {
			return notMember(err)
		}
	}
	// The message goes first, since it is the last that those who go can read.
	if others := slices.DeleteFunc(slices.Clone(accounts), func(id parlance.AccountID) bool { return id == m.account }); tell && len(others) > 0 {
		if err := s.tellRemoved(ctx, m, others); err != nil {
			return err
		}
	}
	if tell && m.isMember && slices.Contains(accounts, m.account) {
		if err := s.tell(ctx, m, m.account, "leaveRoom", "", nil); err != nil {
			return err
		}
	}
	for _, id := range accounts {
		if err := s.store.RemoveMember(ctx, m.ref, id); err != nil {
			return notMember(err)
		}
		if id == m.account {
			m.isMember = false
		}
	}
	return nil
}

// notMember returns what to answer when err says that an account is no member.
func notMember(err error) error {
	if errors.Is(err, parlance.NotFound) {
		return errNoUser
	}
	return err
}

// join makes c a member of the room named id and returns it. Only rooms of many are
// open to everybody: what a customer says to a shop, or two people to each other, isn't.
func (s *Server) join(ctx context.Context, c caller, id string, tell bool) (room, error) {
	m, err := s.room(ctx, c, id)
	if err == nil && m.isMember {
		return m, nil
	}
	if err != nil && !errors.Is(err, errNotMember) {
		return room{}, err
	}
	ref := parlance.Ref{Workspace: c.workspace, Conversation: parlance.ConversationID(id)}
	conversation, err := s.store.Conversation(ctx, ref)
	if err != nil {
		return room{}, err
	}
	if conversation.Kind != parlance.Room && !c.admin {
		return room{}, errNotMember
	}
	if err := s.roomFor(ctx, ref, 1); err != nil {
		return room{}, err
	}
	err = s.store.AddMembers(ctx, ref, parlance.Member{
		Account: c.account, Role: roleIn(&conversation, nil, c.account), Joined: s.store.Now(),
	})
	if err != nil {
		return room{}, err
	}
	if m, err = s.room(ctx, c, id); err != nil {
		return room{}, err
	}
	if tell {
		if err := s.tell(ctx, &m, c.account, "joinRoom", "", nil); err != nil {
			return room{}, err
		}
	}
	return m, nil
}
