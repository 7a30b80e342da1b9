package search_test

import (
	"testing"

	"parlance/internal/enginetest"
)

// TestAnswersOnCassandra is TestSeveralBuilders on a real cluster: two processes write, build, merge and search in turns.
func TestAnswersOnCassandra(t *testing.T) {
	engine := enginetest.Cassandra(t)
	one := newWorldOn(t, 11, shared{Engine: enginetest.Part(engine)})
	two := one.on(one.engine)
	for i := range 20 {
		w := one
		if i%2 == 1 {
			w = two
		}
		for range 1 + w.r.IntN(4) {
			w.do()
		}
		one.check(2)
		two.check(2)
		one.clock.now += 130_000
		if err := w.build(1); err != nil {
			t.Fatal(err)
		}
	}
	one.verify()
	s, err := two.index.Status(t.Context(), "w")
	if err != nil || s.Pending > 0 || s.Blocks >= 16 {
		t.Errorf("at the end: %+v, %v", s, err)
	}
}
