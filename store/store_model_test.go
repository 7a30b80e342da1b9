package store_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"parlance/store"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// A bounded engine declares other bounds than its own, so that little data behaves like much.
type bounded struct {
	driver.Engine
	bounds driver.Bounds
}

func (b bounded) Bounds() driver.Bounds { return b.bounds }

// A kept engine outlives its store, so that another can be opened on it.
type kept struct{ driver.Engine }

func (kept) Close() error { return nil }

// tiny bounds make segments and ranges of 8 rows.
var tiny = driver.Bounds{Rows: 8, OneStep: true, Exclusive: true}

func memory(t failer) driver.Engine {
	t.Helper()
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return e
}

func openOn(t failer, e driver.Engine, c *clock) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), e, store.Options{Now: c.Now})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// TestModel does random things and compares a store with a model of it.
func TestModel(t *testing.T) {
	t.Parallel()
	engines := map[string]func(failer) driver.Engine{
		"pebble": memory,
		"tiny":   func(t failer) driver.Engine { return bounded{memory(t), tiny} },
	}
	for name, engine := range engines {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			clock := &clock{now: start}
			e := engine(t)
			defer e.Close()
			w := newWorld(t, clock, false, func() *store.Store { return openOn(t, kept{e}, clock) }, 1)
			w.run()
			w.settle(w.stores...)
		}))
	}
}

// run does a random number of random steps.
func (w *world) run() {
	w.Helper()
	for range rapid.IntRange(1, 12).Draw(w.T, "rounds") {
		for range rapid.IntRange(1, 10).Draw(w.T, "steps") {
			w.step()
		}
		if !w.faulty {
			w.check(w.store())
		}
		if w.pick("walk", 2) == 0 && !w.faulty {
			w.walk()
		}
	}
	w.importAgain()
	for _, k := range w.walks {
		k.finish()
	}
}
