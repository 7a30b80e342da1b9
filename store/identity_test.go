package store_test

import (
	"errors"
	"slices"
	"testing"

	"parlance"
	"parlance/store"
)

// TestCreateKeepsConversationsApart gives Create ids that others have: the error names them, and the rest are made.
func TestCreateKeepsConversationsApart(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	shop := parlance.Conversation{ID: "b", Kind: parlance.Shop, Platform: parlance.Shopline}
	room := parlance.Conversation{ID: "a", Kind: parlance.Room, Title: "as it was"}
	if _, err := s.Create(ctx, "w", room, shop); err != nil {
		t.Fatal(err)
	}
	_, err := s.Create(ctx, "w",
		parlance.Conversation{ID: "new", Kind: parlance.Room},
		parlance.Conversation{ID: "a", Kind: parlance.Shop, Customer: "ann"},
		parlance.Conversation{ID: "b", Kind: parlance.Shop, Platform: parlance.IMetaStore, Customer: "ann"},
		parlance.Conversation{ID: "new", Kind: parlance.Order},
	)
	var taken *store.Taken
	if !errors.As(err, &taken) || !errors.Is(err, parlance.Conflict) || !slices.Equal(taken.Conversations, []parlance.ConversationID{"a", "b", "new"}) {
		t.Fatalf("%v", err)
	}
	if n, err := s.CountConversations(ctx, "w", store.List{Kind: parlance.Room}); err != nil || n != 2 {
		t.Errorf("%d rooms, %v", n, err)
	}
	for id, want := range map[parlance.ConversationID]parlance.Conversation{"a": room, "b": shop} {
		got, err := s.Conversation(ctx, parlance.Ref{Workspace: "w", Conversation: id})
		if want.Created = got.Created; err != nil || got.Kind != want.Kind || got.Title != want.Title || got.Platform != want.Platform || got.Customer != "" {
			t.Errorf("%+v, %v", got, err)
		}
	}

	// The customer that was lacking is named once, and is fixed then, as the platform is.
	made, err := s.Create(ctx, "w", parlance.Conversation{ID: "b", Kind: parlance.Shop, Platform: parlance.Shopline, Customer: "ann"})
	if err != nil || made[0].New || made[0].Conversation.Customer != "ann" {
		t.Errorf("%+v, %v", made, err)
	}
	if _, err := s.Create(ctx, "w", parlance.Conversation{ID: "b", Kind: parlance.Shop, Customer: "bob"}); !errors.Is(err, parlance.Conflict) {
		t.Errorf("another customer: %v", err)
	}
	c, err := s.UpdateConversation(ctx, parlance.Ref{Workspace: "w", Conversation: "b"}, func(c *parlance.Conversation) error {
		c.Kind, c.Platform, c.Customer, c.OrderID, c.Title = parlance.Room, parlance.IMKit, "bob", "o", "t"
		return nil
	})
	if err != nil || c.Kind != parlance.Shop || c.Platform != parlance.Shopline || c.Customer != "ann" || c.OrderID != "" || c.Title != "t" {
		t.Errorf("%+v, %v", c, err)
	}
}
