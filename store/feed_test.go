package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"parlance"
	"parlance/store"
)

// changes returns what the feed has from a time on.
func changes(t testing.TB, s *store.Store, from parlance.Time) (all []store.Change) {
	t.Helper()
	for c, err := range s.Changes(context.Background(), "w", from) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// TestEveryGroupIsInTheFeed finds each write in the feed, in the order in which it was made, and nothing that wrote nothing.
func TestEveryGroupIsInTheFeed(t *testing.T) {
	for name, bounds := range fixtures {
		t.Run(name, func(t *testing.T) {
			clock := &clock{now: start}
			s := openOn(t, bounded{memory(t), bounds}, clock)
			defer s.Close()
			var want []store.Change
			for i, id := range []parlance.ConversationID{"b", "a", "c", "a"} {
				if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: id, Kind: parlance.Room}); err != nil && !errors.Is(err, parlance.Conflict) {
					t.Fatal(err)
				}
				clock.now += parlance.Time(i) * 36 * 60 * 60 * 1000 // over days and stretches
				ref := parlance.Ref{Workspace: "w", Conversation: id}
				first := uint64(1)
				if i == 3 {
					first = 3
				}
				put(t, s, ref, store.Send, parlance.Message{ID: parlance.MessageID(fmt.Sprint("x", i)), Sender: "al"}, parlance.Message{ID: parlance.MessageID(fmt.Sprint("y", i)), Sender: "al"})
				put(t, s, ref, store.Send, parlance.Message{ID: parlance.MessageID(fmt.Sprint("x", i)), Sender: "al"}) // the same again
				want = append(want, store.Change{At: clock.now, Conversation: id, First: first, Count: 2})
			}
			if got := changes(t, s, 0); !slices.Equal(got, want) {
				t.Errorf("the feed has %v, want %v", got, want)
			}
			if got := changes(t, s, want[2].At); !slices.Equal(got, want[2:]) {
				t.Errorf("from the third on the feed has %v, want %v", got, want[2:])
			}
			if got := changes(t, s, clock.now+1); len(got) != 0 {
				t.Errorf("after the last the feed has %v", got)
			}
		})
	}
}

// TestTheFeedGoesOnWhenTheClockIsSetBack finds rows above all that were there before, also in another process.
func TestTheFeedGoesOnWhenTheClockIsSetBack(t *testing.T) {
	e := memory(t)
	defer e.Close()
	clock := &clock{now: start}
	ref := parlance.Ref{Workspace: "w", Conversation: "a"}
	for i, back := range []parlance.Time{0, day, 0} {
		s := openOn(t, kept{e}, clock)
		if i == 0 {
			if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "a", Kind: parlance.Room}); err != nil {
				t.Fatal(err)
			}
		}
		settled, err := s.Settled(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		clock.now -= back
		put(t, s, ref, store.Send, parlance.Message{Sender: "al"})
		got := changes(t, s, settled)
		if len(got) == 0 || got[len(got)-1].First != uint64(i)+1 || got[len(got)-1].At < settled {
			t.Errorf("time %d: what came since %s is %v", i, settled, got)
		}
	}
}

// TestNothingAppearsBelowSettled writes to many conversations at once while a reader follows the feed: what it reads from
// each settled time on is all there is.
func TestNothingAppearsBelowSettled(t *testing.T) {
	s, err := store.Open(t.Context(), memory(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const writers, each = 8, 60
	var g sync.WaitGroup
	for w := range writers {
		id := parlance.ConversationID(fmt.Sprint("c", w))
		if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: id, Kind: parlance.Room}); err != nil {
			t.Fatal(err)
		}
		g.Go(func() {
			for range each {
				if _, err := s.Put(context.Background(), parlance.Ref{Workspace: "w", Conversation: id}, store.Send, parlance.Message{Sender: "al"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { g.Wait(); close(ended) }()
	seen := 0
	for from, last := parlance.Time(0), false; !last; {
		select {
		case <-ended:
			last = true
		default:
		}
		to, err := s.Settled(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		if last {
			to = parlance.MaxTime
		}
		for _, c := range changes(t, s, from) {
			if c.At < to {
				seen += c.Count
			}
		}
		from = to
	}
	if seen != writers*each {
		t.Errorf("a reader that follows saw %d entries, %d were written", seen, writers*each)
	}
}
