package store_test

import (
	"slices"
	"testing"

	"parlance"
	"parlance/store"
)

// TestSettleAfterCrash finds that an import that stopped before it brought the lists up
// to date does so when it is done again, although it stores nothing then.
func TestSettleAfterCrash(t *testing.T) {
	e := memory(t)
	defer e.Close()
	var order []parlance.ConversationID
	for run := range 2 {
		s := openOn(t, kept{e}, &clock{now: start})
		for i, id := range []parlance.ConversationID{"a", "b", "c"} {
			_, err := s.Create(t.Context(), "w", parlance.Conversation{ID: id, Kind: parlance.Room, Created: start - parlance.Time(10*i)*day})
			if err != nil {
				t.Fatal(err)
			}
			put(t, s, parlance.Ref{Workspace: "w", Conversation: id}, store.Import,
				parlance.Message{ID: "m", Sender: "x", Sent: start + parlance.Time(10*i)*day})
		}
		if run == 0 {
			continue // as if the machine had stopped
		}
		if err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		for sum, err := range s.Recent(t.Context(), "w", store.List{Kind: parlance.Room}) {
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, sum.Conversation.ID)
		}
		newChecker(t, s).whole()
	}
	if want := []parlance.ConversationID{"c", "b", "a"}; !slices.Equal(order, want) {
		t.Errorf("Recent = %q, want %q", order, want)
	}
}
