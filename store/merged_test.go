package store_test

import (
	"context"
	"iter"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// An interrupted engine does something once in the middle of the next scan of derived rows.
type interrupted struct {
	driver.Engine
	once func()
}

func (e *interrupted) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return func(yield func(driver.Row, error) bool) {
		for row, err := range e.Engine.Scan(ctx, p, r) {
			if do := e.once; do != nil && p.Table == driver.Derived {
				e.once = nil
				do()
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// TestMergedAgain finds that a page of several conversations holds each message once also
// if one of them is written to while it is read.
func TestMergedAgain(t *testing.T) {
	e := &interrupted{Engine: memory(t)}
	s := openOn(t, e, &clock{now: start})
	t.Cleanup(func() { s.Close() })
	ref := parlance.Ref{Workspace: "w", Conversation: "shop"}
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "shop", Kind: parlance.Shop}); err != nil {
		t.Fatal(err)
	}
	put(t, s, ref, store.Send, parlance.Message{ID: "a", Sender: "x"}, parlance.Message{ID: "b", Sender: "x"})
	e.once = func() {
		_, err := s.Change(t.Context(), ref, "a", func(m *parlance.Message) error { m.Text = "changed"; return nil })
		if err != nil {
			t.Error(err)
		}
	}
	page, err := s.Merged(t.Context(), "w", []parlance.ConversationID{"shop"}, store.Query{Limit: 10})
	if err != nil || len(page.Entries) != 2 || e.once != nil {
		t.Errorf("Merged = %d entries, %v; want 2", len(page.Entries), err)
	}
}
