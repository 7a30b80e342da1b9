package store_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// A slow engine's first answer about a conversation's head comes late; its claims can be
// made to fail.
type slow struct {
	driver.Engine
	asked, answer chan struct{} // nil once it was late
	fail          bool
}

func (e *slow) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	values, err := e.Engine.Get(ctx, p, keys)
	if p.Key[0] == 'h' && e.asked != nil && bytes.Equal(keys[0], nil) {
		asked := e.asked
		e.asked = nil
		close(asked)
		<-e.answer
	}
	return values, err
}

func (e *slow) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	if e.fail {
		return parlance.Errorf(parlance.Unavailable, "the disk is full")
	}
	return e.Engine.Claim(ctx, p, claims, ops, v)
}

// TestLateAnswer finds that what a slow reader learns late doesn't replace what is known
// better, even if a write failed meanwhile.
func TestLateAnswer(t *testing.T) {
	e := &slow{Engine: memory(t), asked: make(chan struct{}), answer: make(chan struct{})}
	s := openOn(t, e, &clock{now: start})
	defer s.Close()
	ref := parlance.Ref{Workspace: "w", Conversation: "room"}
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "room", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	asked, late := e.asked, make(chan struct{})
	go func() {
		defer close(late)
		if _, err := s.State(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}()
	<-asked
	put(t, s, ref, store.Send, parlance.Message{Sender: "a"})
	e.fail = true
	if _, err := s.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "a"}); !errors.Is(err, parlance.Unavailable) {
		t.Fatal(err)
	}
	e.fail = false
	close(e.answer)
	<-late
	if st, err := s.State(t.Context(), ref); err != nil || st.Number != 1 {
		t.Errorf("State = %+v, %v; want 1 message", st, err)
	}
}
