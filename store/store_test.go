package store_test

import (
	"context"
	"fmt"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/pebblestore"
)

// clock is a time that tests set.
type clock struct{ now parlance.Time }

func (c *clock) Now() parlance.Time { return c.now }

func open(t testing.TB) (*store.Store, *clock) {
	t.Helper()
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: 1_700_000_000_000}
	s, err := store.Open(context.Background(), e, store.Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

func TestSendThenRead(t *testing.T) {
	s, clock := open(t)
	ctx := context.Background()
	ref := parlance.Ref{Workspace: "w", Conversation: "c"}
	if _, err := s.Put(ctx, ref, store.Send, parlance.Message{Sender: "a"}); parlance.KindOf(err) != parlance.NotFound {
		t.Fatalf("Put into no conversation: %v", err)
	}
	if _, err := s.Create(ctx, "w", parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		out, err := s.Put(ctx, ref, store.Send, parlance.Message{Sender: "a", Type: parlance.TypeText, Text: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		if out[0].Result != store.New || len(out[0].Entry.Message.ID) != 24 {
			t.Fatalf("Put = %+v", out[0])
		}
	}
	p, err := s.Page(ctx, ref, store.Query{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Entries) != 3 || !p.More || p.State.Total != 5 || p.Entries[0].Message.Text != "4" {
		t.Fatalf("Page = %+v", p)
	}
	for i, e := range p.Entries {
		if want := clock.now + parlance.Time(4-i); e.Message.Created != want {
			t.Errorf("message %d: Created = %d, want %d", i, e.Message.Created, want)
		}
	}
	last := p.Entries[2].Message.Position(parlance.ByCreated)
	p, n, err := s.PageCount(ctx, ref, store.Query{Limit: 3, To: &last})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Entries) != 2 || p.More || n != 2 {
		t.Fatalf("second page = %+v, %d", p, n)
	}
}
