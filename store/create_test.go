package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// A stuckClaim makes the first claim of more than 100 rows wait until it is let go.
type stuckClaim struct {
	driver.Engine
	once     sync.Once
	at, wait chan struct{}
}

func (e *stuckClaim) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	if len(claims) > 100 {
		e.once.Do(func() {
			close(e.at)
			<-e.wait
		})
	}
	return e.Engine.Claim(ctx, p, claims, ops, v)
}

// TestNobodyWaitsForAnothersConversations makes one conversation, and meets one that stands, while another caller's thousands are
// being made: neither waits for them.
func TestNobodyWaitsForAnothersConversations(t *testing.T) {
	clock := &clock{now: start}
	e := &stuckClaim{Engine: memory(t), at: make(chan struct{}), wait: make(chan struct{})}
	s := openOn(t, e, clock)
	ctx := t.Context()
	stands := parlance.Conversation{ID: "stands", Kind: parlance.Room}
	if _, err := s.Create(ctx, "w", stands); err != nil {
		t.Fatal(err)
	}
	many := make([]parlance.Conversation, 3000)
	for i := range many {
		many[i] = parlance.Conversation{ID: parlance.ConversationID(fmt.Sprint("many ", i)), Kind: parlance.Room}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Create(ctx, "w", many...); err != nil {
			t.Error(err)
		}
	})
	<-e.at
	for _, c := range []parlance.Conversation{stands, {ID: "new", Kind: parlance.Room}} {
		if _, err := s.Create(ctx, "w", c); err != nil { // hangs where it waits
			t.Errorf("%s: %v", c.ID, err)
		}
	}
	close(e.wait)
	wg.Wait()
	if n, err := s.CountConversations(ctx, "w", store.List{Kind: parlance.Room}); err != nil || n != len(many)+2 {
		t.Errorf("%d conversations, %v; want %d", n, err, len(many)+2)
	}
}
