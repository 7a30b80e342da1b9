package imkit

import (
	"context"
	"net/http"
	"slices"

	"parlance"
)

// updateRoom answers PUT /rooms/{id}, for the room's owner, managers and API keys.
func (s *Server) updateRoom(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, m, err := s.roomToRun(r, errRole)
	if err != nil {
		return err
	}
	var q roomRequest
	if err := readInto(r, &q); err != nil {
		return err
	}
	if err := q.check(); err != nil {
		return err
	}
	if q.Status != nil && *q.Status != 0 && *q.Status != 1 {
		return badBody("status must be 0 or 1")
	}
	owner := m.conversation.Owner
	newOwner := q.Owner != nil && parlance.AccountID(*q.Owner) != owner
	if newOwner && !m.admin && m.account != owner {
		return errRole // only the owner hands the room over
	}
	for _, id := range q.named() {
		if _, err := s.store.Member(ctx, m.ref, id); err != nil {
			return notMember(err)
		}
	}
	m.conversation, err = s.store.UpdateConversation(ctx, m.ref, func(c *parlance.Conversation) error {
		if m.admin && q.Owner != nil {
			c.Maker = "" // from here on it is the administrator's: IMKit Rooms, chosen ids
		}
		return q.apply(c)
	})
	if err != nil {
		return err
	}
	if newOwner || q.Managers != nil {
		if err := s.setRoles(ctx, &m, owner, q.managers()); err != nil {
			return err
		}
	}
	o, err := s.roomByID(ctx, c, r.PathValue("id"))
	if err != nil {
		return err
	}
	return succeed(w, o)
}

// named returns the accounts that the request gives a role.
func (q *roomRequest) named() []parlance.AccountID {
	var ids []string
	if q.Managers != nil {
		ids = slices.Clone(*q.Managers)
	}
	if q.Owner != nil && *q.Owner != "" {
		ids = append(ids, *q.Owner)
	}
	return accountIDs(ids)
}

// setRoles brings the members' roles in line with the room's owner and, if given, its
// managers. Roles of the shop's people stay.
func (s *Server) setRoles(ctx context.Context, m *room, before parlance.AccountID, managers map[parlance.AccountID]bool) error {
	members, err := s.store.Members(ctx, m.ref)
	if err != nil {
		return err
	}
	for _, member := range members {
		want := member.Role
		switch {
		case member.Account == m.conversation.Owner:
			want = parlance.Owner
		case managers[member.Account]:
			want = parlance.Manager
		case member.Account == before && member.Role == parlance.Owner,
			managers != nil && member.Role == parlance.Manager:
			want = parlance.MemberRole
		}
		if want == member.Role || member.Role.Side() != parlance.SideNone {
			continue
		}
		_, err := s.store.UpdateMember(ctx, m.ref, member.Account, func(p *parlance.Member) error {
			p.Role = want
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
