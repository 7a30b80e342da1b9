// Package dialecttest is what the tests of all dialects stand on: a store with
// a clock that is set by hand, traffic held against the dialect's openapi.yaml, and
// citations looked up in the dialect's page. It hides how a store is put together, the
// library that reads descriptions, and how a page is laid out.
//
// What a dialect promises stays in its own tests.
package dialecttest

import (
	"sync/atomic"
	"testing"
	"time"

	"parlance"
	"parlance/access"
	"parlance/internal/enginetest"
	"parlance/store"
)

// A Clock stands still until it is advanced. It may be used by many goroutines.
type Clock struct{ ms atomic.Int64 }

// Now returns the time that the clock shows.
func (c *Clock) Now() parlance.Time { return parlance.Time(c.ms.Load()) }

// Advance moves the clock by d, of which whole milliseconds count, and returns what it
// shows then.
func (c *Clock) Advance(d time.Duration) parlance.Time {
	return parlance.Time(c.ms.Add(d.Milliseconds()))
}

// Open returns an empty store on an engine of [enginetest.Open], its keeper and its clock, which shows start.
// The store is closed when the test ends.
func Open(t testing.TB, start parlance.Time) (*store.Store, *access.Keeper, *Clock) {
	t.Helper()
	clock := new(Clock)
	clock.ms.Store(int64(start))
	s, err := store.Open(t.Context(), enginetest.Open(t), store.Options{Now: clock.Now})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	k, err := access.Open(t.Context(), s, access.Options{})
	if err != nil {
		t.Fatalf("open keeper: %v", err)
	}
	return s, k, clock
}
