package store_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// trip is what a distant engine takes for a round trip.
const trip = time.Millisecond

// A distant engine is shared and takes its time for each round trip, so that the time
// of a test's bubble counts the round trips that wait for one another.
type distant struct {
	driver.Engine
	calls atomic.Int64
}

func (*distant) Bounds() driver.Bounds { return driver.Bounds{Rows: 100_000, BatchBytes: 40 << 10} }

func (e *distant) travel() {
	e.calls.Add(1)
	time.Sleep(trip)
}

func (e *distant) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	e.travel()
	return e.Engine.Get(ctx, p, keys)
}

func (e *distant) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return func(yield func(driver.Row, error) bool) {
		e.travel()
		e.Engine.Scan(ctx, p, r)(yield)
	}
}

func (e *distant) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	e.travel()
	return e.Engine.Write(ctx, ops, v)
}

func (e *distant) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	e.travel()
	if len(ops) > 0 {
		time.Sleep(trip)
	}
	return e.Engine.Claim(ctx, p, claims, ops, v)
}

// TestRoundTrips counts how often a reader or writer waits for an engine that is far away.
func TestRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := memory(t)
		defer memory.Close()
		e := &distant{Engine: kept{memory}}
		ref := parlance.Ref{Workspace: "w", Conversation: "room"}
		clock := &clock{now: start}
		s := openOn(t, e, clock)
		if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "room", Kind: parlance.Room}); err != nil {
			t.Fatal(err)
		}
		ms := make([]parlance.Message, 3000)
		for i := range ms {
			ms[i] = parlance.Message{ID: parlance.MessageID(fmt.Sprintf("%06d", i)), Sender: "a", Sent: start + parlance.Time(i)}
		}
		put(t, s, ref, store.Import, ms...)
		expect := func(what string, want int, do func()) {
			t.Helper()
			began := time.Now()
			do()
			if got := int(time.Since(began) / trip); got != want {
				t.Errorf("%s takes %d round trips, want %d", what, got, want)
			}
		}
		page := func(s *store.Store, q store.Query) func() {
			return func() {
				q.Limit = 20
				if p, err := s.Page(t.Context(), ref, q); err != nil || len(p.Entries) != 20 {
					t.Errorf("Page = %d entries, %v", len(p.Entries), err)
				}
			}
		}
		newest, deep := store.Query{}, store.Query{To: parlance.At(start + 500)}

		other := openOn(t, e, clock)
		expect("the first page of a conversation that this process doesn't know", 3, page(other, newest))
		expect("a page", 2, page(other, newest))
		expect("the first page below the newest range", 4, page(other, deep))
		deep.To = parlance.At(start + 400)
		expect("a page far back", 2, page(other, deep))
		expect("a message", 3, func() { put(t, s, ref, store.Send, parlance.Message{Sender: "a"}) })
		expect("a page after another process wrote", 3, page(other, newest))
		expect("a page of which the caller has the answer", 1, func() {
			_, err := other.Page(t.Context(), ref, store.Query{Limit: 20, Unless: func(store.State) bool { return true }})
			if err != nil {
				t.Error(err)
			}
		})

		// The newest range is full after 72 more, and the next one begins.
		for range 75 {
			put(t, s, ref, store.Send, parlance.Message{Sender: "a"})
		}
		page(other, newest)()
		expect("a page that lies in two ranges", 2, page(other, newest))
		deep.To = parlance.At(start + 1024 + 5)
		expect("a page far back that begins near the end of a range", 2, page(other, deep))
		forth := store.Query{From: parlance.At(start + 1024 - 5), Ascending: true}
		expect("a page forth that begins near the end of a range", 2, page(other, forth))

		before := e.calls.Load()
		// Who comes after a reading began waits for the next one.
		expect("the same page for a hundred readers", 4, func() {
			var all sync.WaitGroup
			for range 100 {
				all.Go(page(other, newest))
			}
			all.Wait()
		})
		if n := e.calls.Load() - before; n > 8 {
			t.Errorf("a hundred readers of the same page make %d calls", n)
		}
		for _, s := range []*store.Store{s, other} {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestNoOldPage finds that who shares a reading of a page doesn't get one that began before
// they asked, which might lack what they were just told is stored.
func TestNoOldPage(t *testing.T) {
	t.Parallel()
	e := bounded{memory(t), driver.Bounds{Rows: 100_000, BatchBytes: 40 << 10}}
	ref := parlance.Ref{Workspace: "w", Conversation: "room"}
	s := openOn(t, e, &clock{now: start})
	t.Cleanup(func() { s.Close() })
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "room", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 20 {
				out, err := s.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "a"})
				if err != nil {
					t.Error(err)
					return
				}
				p, err := s.Page(t.Context(), ref, store.Query{Limit: 400})
				if err != nil {
					t.Error(err)
					return
				}
				mine := func(e store.Entry) bool { return e.Message.ID == out[0].Entry.Message.ID }
				if !slices.ContainsFunc(p.Entries, mine) {
					t.Errorf("a page lacks message %s, which was stored before it was asked for", out[0].Entry.Message.ID)
				}
			}
		})
	}
	all.Wait()
}
