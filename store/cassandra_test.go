package store_test

import (
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parlance/internal/enginetest"
	"parlance/store"
)

// TestModelOnCassandra is TestModel with two processes' stores on one real cluster. How often it
// runs is a matter of time there: for a minute, or as long as PARLANCE_TEST_TIME says.
func TestModelOnCassandra(t *testing.T) {
	engine := enginetest.Cassandra(t)
	budget, err := time.ParseDuration(os.Getenv("PARLANCE_TEST_TIME"))
	if err != nil {
		budget = time.Minute
	}
	end, runs := time.Now().Add(budget), 0
	rapid.Check(t, func(t *rapid.T) {
		if time.Now().After(end) {
			return
		}
		runs++
		clock := &clock{now: start}
		e := enginetest.Part(engine)
		w := newWorld(t, clock, false, func() *store.Store { return openOn(t, kept{e}, clock) }, 2)
		w.run()
		w.settle(w.stores...)
	})
	t.Logf("%d runs", runs)
}
