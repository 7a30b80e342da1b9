package imkit

import (
	"context"
	"errors"
	"net/http"

	"parlance"
	"parlance/internal/reply"
)

// A caller is who makes a request.
type caller struct {
	workspace parlance.WorkspaceID
	account   parlance.AccountID // who acts; empty for an API key that names nobody
	admin     bool               // has an API key: may do everything in the workspace
	seller    parlance.AccountID // the workspace's, as iMetaStore names it
}

// header returns the first of r's headers of these names that isn't empty.
func header(r *http.Request, names ...string) string {
	for _, n := range names {
		if v := r.Header.Get(n); v != "" {
			return v
		}
	}
	return ""
}

// caller tells who makes r: IMKit Authentication, headers.
func (s *Server) caller(r *http.Request) (caller, error) {
	c, err := s.authenticate(r)
	if err == nil {
		reply.In(r.Context(), c.workspace)
	}
	return c, err
}

// authenticate tells by r's credentials who makes it. A token decides who acts; with
// an API key alone it is whom IM-CLIENT-ID names.
func (s *Server) authenticate(r *http.Request) (caller, error) {
	token := header(r, "IM-Authorization", "Authorization")
	if key := header(r, "IM-API-KEY", "API_KEY"); key != "" {
		grant, err := s.keeper.APIKey(r.Context(), key)
		if err != nil {
			return caller{}, instead(err, errAPIKey)
		}
		c := caller{workspace: grant.Workspace.ID, admin: true, seller: grant.Workspace.Seller}
		if token == "" {
			c.account = parlance.AccountID(r.Header.Get("IM-CLIENT-ID"))
			if c.account != "" && parlance.CheckID("IM-CLIENT-ID", c.account) != nil {
				return caller{}, badParameter("IM-CLIENT-ID can't be a user's id")
			}
			return c, nil
		}
		user, err := s.keeper.UserToken(r.Context(), c.workspace, token)
		if err != nil {
			return caller{}, instead(err, errToken)
		}
		c.account = user.Account
		return c, nil
	}
	key := header(r, "IM-CLIENT-KEY", "CLIENT_KEY")
	if key == "" && token == "" {
		return caller{}, errToken
	}
	workspace, err := s.keeper.ClientKey(r.Context(), key)
	if err != nil {
		return caller{}, instead(err, errClientKey)
	}
	if token == "" {
		return caller{}, errToken
	}
	grant, err := s.keeper.UserToken(r.Context(), workspace.ID, token)
	if err != nil {
		return caller{}, instead(err, errToken)
	}
	return caller{workspace: workspace.ID, account: grant.Account, seller: workspace.Seller}, nil
}

// instead returns f where err only says that a credential is no good.
func instead(err error, f *refusal) error {
	if errors.Is(err, parlance.Unauthenticated) {
		return f
	}
	return err
}

// admin tells who makes r, and refuses whoever has no API key.
func (s *Server) admin(r *http.Request) (caller, error) {
	if header(r, "IM-API-KEY", "API_KEY") == "" {
		return caller{}, errAPIKey
	}
	return s.caller(r)
}

// user tells who makes r, and refuses an API key that acts for nobody.
func (s *Server) user(r *http.Request) (caller, error) {
	c, err := s.caller(r)
	if err == nil && c.account == "" {
		return caller{}, badRequest("INVALID_USER_ID", "Name the acting user in IM-CLIENT-ID")
	}
	return c, err
}

// A room is a conversation that a caller may read, and what the caller is there.
type room struct {
	caller
	ref          parlance.Ref
	conversation parlance.Conversation
	member       parlance.Member // zero if an API key acts for somebody who isn't one, or nobody
	isMember     bool
	private      bool // sees the staff's notes
	inList       bool // is shown among others: without what is large
	brief        bool // likewise, and with few of its members
}

// room returns the room named id as c may see it. Everything that reads or writes a
// room goes through here: IMKit Authentication, rooms.
func (s *Server) room(ctx context.Context, c caller, id string) (room, error) {
	m := room{caller: c, ref: parlance.Ref{Workspace: c.workspace, Conversation: parlance.ConversationID(id)}}
	if roomWords[id] {
		return room{}, errNotFound
	}
	if parlance.CheckID("room id", id) != nil {
		return room{}, errNoRoom
	}
	var err error
	m.conversation, err = s.store.Conversation(ctx, m.ref)
	if errors.Is(err, parlance.NotFound) {
		return room{}, errNoRoom
	}
	if err != nil {
		return room{}, err
	}
	if c.account != "" {
		m.member, err = s.store.Member(ctx, m.ref, c.account)
		switch {
		case err == nil:
			m.isMember = true
		case !errors.Is(err, parlance.NotFound):
			return room{}, err
		case !c.admin:
			return room{}, errNotMember
		}
	}
	m.private = c.admin || m.seesNotes()
	return m, nil
}

// roomToRun returns who calls and the room of r's path, which they may run; refused is the answer for those who may not.
func (s *Server) roomToRun(r *http.Request, refused error) (caller, room, error) {
	c, err := s.caller(r)
	if err != nil {
		return c, room{}, err
	}
	m, err := s.room(r.Context(), c, r.PathValue("id"))
	if err == nil && !m.runs() {
		err = refused
	}
	return c, m, err
}

// seesNotes reports whether notes of the staff are shown to m's member: IMKit Messages, private notes. A user who made the
// room is its owner by their own word alone, and so are the managers that they named.
func (m *room) seesNotes() bool {
	switch m.member.Role {
	case parlance.Merchant, parlance.Agent:
		return true
	case parlance.Owner, parlance.Manager:
		return m.conversation.Maker == ""
	}
	return false
}

// runs reports whether the caller has the rights of the room's owner or a manager.
func (m *room) runs() bool {
	return m.admin || m.member.Role == parlance.Owner || m.member.Role == parlance.Manager ||
		m.isMember && m.conversation.Owner == m.account
}
