package imkit

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"parlance"
	"parlance/store"
)

// A named is a user as system messages show one.
type named struct {
	ID        string `json:"_id"`
	IDAgain   string `json:"id"` // the same as _id
	Nickname  string `json:"nickname"`
	AvatarURL string `json:"avatarUrl"`
}

// toldAtOnce is how many accounts one system message names at most, and how many messages are written at once.
const toldAtOnce = 100

// tellAdded writes that accounts were added to m: IMKit Messages, system messages.
func (s *Server) tellAdded(ctx context.Context, m *room, accounts []parlance.AccountID) error {
	for some := range slices.Chunk(accounts, toldAtOnce) {
		users, names, err := s.named(ctx, m, some)
		if err != nil {
			return err
		}
		fields := map[string]any{"extra": map[string]any{"invitees": users}}
		name := "addMembers"
		if len(users) == 1 {
			name, fields["member"] = "addMember", users[0]
		}
		if err := s.tell(ctx, m, m.speaker(some[0]), name, names, fields); err != nil {
			return err
		}
	}
	return nil
}

// tellRemoved writes that accounts were removed from m, in one message for each: the
// clients know no other.
func (s *Server) tellRemoved(ctx context.Context, m *room, accounts []parlance.AccountID) error {
	for some := range slices.Chunk(accounts, toldAtOnce) {
		var ms []parlance.Message
		for _, id := range some {
			users, names, err := s.named(ctx, m, []parlance.AccountID{id})
			if err != nil {
				return err
			}
			fields := map[string]any{"member": users[0], "extra": map[string]any{"members": users}}
			told, err := systemMessage(m.speaker(id), "deleteMember", names, fields)
			if err != nil {
				return err
			}
			ms = append(ms, told)
		}
		if err := s.putTold(ctx, m, ms...); err != nil {
			return err
		}
	}
	return nil
}

// speaker returns in whose name a system message is written: who acts, else the
// room's owner, else the one it is about.
func (m *room) speaker(about parlance.AccountID) parlance.AccountID {
	switch {
	case m.account != "":
		return m.account
	case m.conversation.Owner != "":
		return m.conversation.Owner
	}
	return about
}

// named returns the accounts as users, and their names in one text.
func (s *Server) named(ctx context.Context, m *room, accounts []parlance.AccountID) ([]named, string, error) {
	users := make([]named, len(accounts))
	names := make([]string, len(accounts))
	for i, id := range accounts {
		u, err := s.userOf(ctx, m.workspace, id, "")
		if err != nil {
			return nil, "", err
		}
		users[i] = named{ID: u.ID, IDAgain: u.ID, Nickname: u.Nickname, AvatarURL: u.AvatarURL}
		if names[i] = u.Nickname; names[i] == "" {
			names[i] = u.ID
		}
	}
	return users, strings.Join(names, ", "), nil
}

// tell writes a system message of the IMKit type name.
func (s *Server) tell(ctx context.Context, m *room, sender parlance.AccountID, name, text string, fields map[string]any) error {
	told, err := systemMessage(sender, name, text, fields)
	if err != nil {
		return err
	}
	return s.putTold(ctx, m, told)
}

func systemMessage(sender parlance.AccountID, name, text string, fields map[string]any) (parlance.Message, error) {
	if fields == nil {
		fields = map[string]any{}
	}
	fields["messageType"] = name
	native, err := json.Marshal(fields)
	return parlance.Message{
		Sender: sender, Role: parlance.SystemRole, Type: parlance.TypeSystem, Text: text,
		Native: parlance.Native{Dialect: parlance.IMKit, JSON: native},
	}, err
}

// putTold writes system messages. A frozen room takes none; what was to be told has happened all the same.
func (s *Server) putTold(ctx context.Context, m *room, ms ...parlance.Message) error {
	_, err := s.store.Put(ctx, m.ref, store.Send, ms...)
	if errors.Is(err, parlance.Forbidden) {
		return nil
	}
	return err
}
