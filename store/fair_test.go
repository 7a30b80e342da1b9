package store_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parlance"
	"parlance/store"
)

// TestNobodyStarves has two processes write to one conversation as fast as they can. Neither keeps the
// other from writing.
func TestNobodyStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := memory(t)
		defer memory.Close()
		ref := parlance.Ref{Workspace: "w", Conversation: "room"}
		clock := &clock{now: start}
		var stores [2]*store.Store
		for i := range stores {
			stores[i] = openOn(t, &distant{Engine: kept{memory}}, clock)
		}
		if _, err := stores[0].Create(t.Context(), "w", parlance.Conversation{ID: "room", Kind: parlance.Room}); err != nil {
			t.Fatal(err)
		}

		// One writer each: time stands still in the bubble while one waits for another's lock.
		began := time.Now()
		var put, longest [2]int
		var busy sync.WaitGroup
		for i, s := range stores {
			busy.Go(func() {
				for time.Since(began) < 2000*trip {
					asked := time.Now()
					if _, err := s.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "a", Text: fmt.Sprint(i, put[i])}); err != nil {
						t.Errorf("Put: %v", err)
						return
					}
					put[i]++
					longest[i] = max(longest[i], int(time.Since(asked)/trip))
				}
			})
		}
		busy.Wait()
		all := put[0] + put[1]
		for i := range stores {
			t.Logf("store %d: %d of %d messages, the longest took %d round trips", i, put[i], all, longest[i])
			if put[i] < all/6 {
				t.Errorf("store %d put %d of %d messages: want a sixth at least", i, put[i], all)
			}
		}
		for _, s := range stores {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
