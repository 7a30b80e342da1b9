package imetastore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"parlance"
	"parlance/access"
	"parlance/store"
)

// conversationsOf returns the shop and order conversations whose buyer is the account, the
// last active first as of some earlier time.
func (s *Server) conversationsOf(ctx context.Context, ws access.Workspace, account parlance.AccountID) ([]parlance.Conversation, error) {
	// Which they are changes with conversations and members only, and each such change
	// changes the epoch.
	key := "buyer\x00" + string(ws.ID) + "\x00" + string(account) + "\x00" + strconv.FormatUint(s.store.Epoch(ws.ID), 36)
	if b, ok := s.answers.Get(key); ok {
		return s.named(ctx, ws, string(b))
	}
	var cs []parlance.Conversation
	var names []string
	for sum, err := range s.store.Recent(ctx, ws.ID, store.List{Account: account}) {
		if err != nil {
			return nil, fmt.Errorf("list a buyer's conversations: %w", err)
		}
		if c := sum.Conversation; isChat(c.Kind) && buyerOf(&c) == account {
			cs, names = append(cs, c), append(names, string(c.ID))
		}
	}
	// A conversation without a known customer lists nobody as one.
	own, err := s.store.Conversation(ctx, parlance.Ref{Workspace: ws.ID, Conversation: parlance.ConversationID(account)})
	switch {
	case errors.Is(err, parlance.NotFound):
	case err != nil:
		return nil, fmt.Errorf("look up a buyer's conversation: %w", err)
	case isChat(own.Kind) && own.Customer == "":
		if !contains(cs, own.ID) {
			cs, names = append(cs, own), append(names, string(own.ID))
		}
	}
	s.answers.Put(key, []byte(strings.Join(names, "\x00"))) // no id holds a NUL
	return cs, nil
}

// named returns the conversations of these names, which NULs separate.
func (s *Server) named(ctx context.Context, ws access.Workspace, names string) ([]parlance.Conversation, error) {
	var cs []parlance.Conversation
	for id := range strings.SplitSeq(names, "\x00") {
		if id == "" {
			continue
		}
		c, err := s.store.Conversation(ctx, parlance.Ref{Workspace: ws.ID, Conversation: parlance.ConversationID(id)})
		if err != nil {
			return nil, fmt.Errorf("look up a buyer's conversation: %w", err)
		}
		cs = append(cs, c)
	}
	return cs, nil
}

func contains(cs []parlance.Conversation, id parlance.ConversationID) bool {
	for i := range cs {
		if cs[i].ID == id {
			return true
		}
	}
	return false
}

// isChat reports whether conversations of this kind are seen here.
//
// iMetaStore accounts, conversations: shop and order only.
func isChat(k parlance.Kind) bool { return k == parlance.Shop || k == parlance.Order }

// buyerAccount returns the account that a buyerId names.
//
// iMetaStore accounts, buyerId: a positive number, exactly.
func (s *Server) buyerAccount(ctx context.Context, ws access.Workspace, id Integer) (parlance.AccountID, error) {
	if id <= 0 {
		return "", parlance.Errorf(parlance.Invalid, "Field buyerId: want an integer above 0.")
	}
	account, err := s.store.AccountOfNumber(ctx, ws.ID, int64(id))
	if err != nil {
		return "", fmt.Errorf("look up a buyer: %w", err)
	}
	return account, nil
}
