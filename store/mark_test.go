package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// A mark that was taken of a log is found again however long the log has grown, and isn't if any entry below it was altered.
func TestMark(t *testing.T) {
	engine := &altering{Engine: memory(t)}
	s := openOn(t, engine, &clock{})
	defer s.Close()
	ref := parlance.Ref{Workspace: "w", Conversation: "c"}
	if m, err := s.Mark(t.Context(), ref); err != nil || m != (store.Mark{}) {
		t.Fatalf("Mark of a conversation that isn't there: %v, %v", m, err)
	}
	if _, err := s.Create(t.Context(), ref.Workspace, parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	const n = 150 // more than two stored hashes
	marks := make([]store.Mark, n+1)
	for i := 1; i <= n; i++ {
		m := parlance.Message{ID: parlance.MessageID(fmt.Sprint(i)), Sender: "a", Created: parlance.Time(i), Text: fmt.Sprintf("message %d.", i)}
		if _, err := s.Mirror(t.Context(), ref, nil, m); err != nil {
			t.Fatal(err)
		}
		var err error
		if marks[i], err = s.Mark(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range marks {
		if got, err := s.MarkAt(t.Context(), ref, uint64(i)); err != nil || got != want || got.Number != uint64(i) {
			t.Errorf("MarkAt(%d): %v, %v, want %v", i, got, err, want)
		}
	}
	if _, err := s.MarkAt(t.Context(), ref, n+1); !errors.Is(err, parlance.NotFound) {
		t.Errorf("MarkAt above the end: %v", err)
	}
	engine.from, engine.to = []byte("message 3."), []byte("massage 3.")
	if got, err := s.MarkAt(t.Context(), ref, 2); err != nil || got != marks[2] {
		t.Errorf("MarkAt below what was altered: %v, %v", got, err)
	}
	for _, at := range []uint64{3, 64, 140} {
		if got, err := s.MarkAt(t.Context(), ref, at); err != nil || got == marks[at] {
			t.Errorf("MarkAt(%d) doesn't see that entry 3 was altered: %v, %v", at, got, err)
		}
	}
}

// An altering engine gives rows with some bytes of theirs replaced.
type altering struct {
	driver.Engine
	from, to []byte
}

func (a *altering) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return func(yield func(driver.Row, error) bool) {
		for row, err := range a.Engine.Scan(ctx, p, r) {
			if a.from != nil {
				row.Value = bytes.Replace(row.Value, a.from, a.to, 1)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
