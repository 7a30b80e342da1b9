package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// A barriers engine loses the answers of claims while lost is set, and makes the first barrier, which is a write of nothing, wait.
type barriers struct {
	driver.Engine
	lost     atomic.Bool
	barriers atomic.Int64
	at, wait chan struct{}
}

func (e *barriers) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	err := e.Engine.Claim(ctx, p, claims, ops, v)
	if err == nil && e.lost.Load() {
		return parlance.Errorf(parlance.Unavailable, "the answer is lost")
	}
	return err
}

func (e *barriers) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	if len(ops) == 0 && e.barriers.Add(1) == 1 {
		close(e.at)
		<-e.wait
	}
	return e.Engine.Write(ctx, ops, v)
}

// TestNothingIsAcknowledgedBeforeItIsDurable has two conversations with a message each whose write ended with a lost answer. Who sends
// the second one again isn't told that it is stored because somebody else has only begun to make both durable.
func TestNothingIsAcknowledgedBeforeItIsDurable(t *testing.T) {
	e := &barriers{Engine: memory(t), at: make(chan struct{}), wait: make(chan struct{})}
	s := openOn(t, e, &clock{now: start})
	ctx := t.Context()
	a, b := parlance.Ref{Workspace: "w", Conversation: "a"}, parlance.Ref{Workspace: "w", Conversation: "b"}
	m := parlance.Message{ID: "m", Sender: "alice"}
	for _, ref := range []parlance.Ref{a, b} {
		if _, err := s.Create(ctx, "w", parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
			t.Fatal(err)
		}
		e.lost.Store(true)
		if _, err := s.Put(ctx, ref, store.Send, m); !errors.Is(err, parlance.Unavailable) {
			t.Fatalf("a lost answer: %v", err)
		}
		e.lost.Store(false)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Put(ctx, a, store.Send, m); err != nil {
			t.Error(err)
		}
	})
	<-e.at
	out, err := s.Put(ctx, b, store.Send, m)
	if err != nil || out[0].Result != store.Same {
		t.Errorf("sent again: %+v, %v", out, err)
	}
	if n := e.barriers.Load(); n != 2 {
		t.Errorf("the second message was acknowledged after %d barriers, of which the first hasn't ended", n)
	}
	close(e.wait)
	wg.Wait()
}
