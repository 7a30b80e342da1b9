package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/driver/drivertest"
)

// harsh returns the options of a harsh engine of so many faults.
func harsh(t failer, seed uint64, rate float64) drivertest.HarshOptions {
	return drivertest.HarshOptions{Rate: rate, Seed: seed, Fail: t.Errorf, Bounded: func(p driver.Partition) bool {
		// Those of logs and of the registry. Ranges of a timeline may grow in their middle.
		return strings.ContainsAny(p.Key[:1], "LG")
	}}
}

// TestModelHarsh compares stores on an engine of several owners and small bounds with
// the model: one store, and two that take turns.
func TestModelHarsh(t *testing.T) {
	t.Parallel()
	for _, stores := range []int{1, 2} {
		t.Run(fmt.Sprint(stores), rapid.MakeCheck(func(t *rapid.T) {
			clock := &clock{now: start}
			e := drivertest.NewHarsh(memory(t), harsh(t, 1, 0))
			defer e.Close()
			w := newWorld(t, clock, false, func() *store.Store { return openOn(t, e.Share(harsh(t, 2, 0)), clock) }, stores)
			w.run()
			w.settle(w.stores...)
		}))
	}
}

// openFaulty opens a store on an engine that may fail.
func openFaulty(t failer, e *drivertest.Harsh, clock *clock) *store.Store {
	e.Next(drivertest.None, drivertest.None)
	return openOn(t, e, clock)
}

// settle lets the stores bring the lists up to date, and checks them and all else.
func (w *world) settle(ss ...*store.Store) {
	w.Helper()
	for _, s := range ss {
		if err := s.Settle(w.ctx); err != nil {
			w.Fatal(err)
		}
	}
	for _, s := range ss {
		w.check(s)
	}
	w.checker(ss[0]).lists(w.members)
	w.checker(ss[0]).whole()
	for _, s := range ss {
		if err := s.Close(); err != nil {
			w.Fatal(err)
		}
	}
}

// TestModelFaults lets half of all writes go wrong in all the ways there are. What is
// acknowledged is there once, and once everything has arrived and somebody has
// written again, everything derived is right.
func TestModelFaults(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		clock := &clock{now: start}
		clean := drivertest.NewHarsh(memory(t), harsh(t, 0, 0))
		seed := uint64(rapid.IntRange(0, 1<<20).Draw(t, "seed"))
		healer := openOn(t, clean, clock)
		w := newWorld(t, clock, true, func() *store.Store {
			seed++
			return openFaulty(t, clean.Share(harsh(t, seed, 0.5)), clock)
		}, 2)
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			w.run()
			if err := clean.DeliverAll(w.ctx); err != nil {
				t.Fatal(err)
			}
			for _, m := range w.models {
				msg := parlance.Message{ID: parlance.MessageID(fmt.Sprintf("heal %d", len(m.log))), Sender: "alice"}
				out, err := healer.Put(w.ctx, w.ref(m), store.Send, msg)
				if err != nil {
					t.Fatalf("write without faults: %v", err)
				}
				w.stored(m, store.Send, []parlance.Message{msg}, out)
			}
			w.check(healer)
			w.check(w.stores[0])
		}
		w.settle(healer)
	})
}

// TestUnanswered finds that a Put whose answer was lost is settled by the same Put again,
// in whatever step it was lost: what is acknowledged can be read.
func TestUnanswered(t *testing.T) {
	faults := []drivertest.Fault{drivertest.FailBefore, drivertest.StopAfterClaim, drivertest.LoseAnswer, drivertest.Late}
	for _, fault := range faults {
		// All calls of an append fail, from its first, second or third on.
		for lost := range 4 {
			t.Run(fmt.Sprintf("%s after %d", fault, lost), func(t *testing.T) {
				clock := &clock{now: start}
				e := drivertest.NewHarsh(memory(t), harsh(t, 1, 0))
				s := openOn(t, e, clock)
				defer s.Close()
				ref := parlance.Ref{Workspace: "w", Conversation: "room"}
				if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "room", Kind: parlance.Room}); err != nil {
					t.Fatal(err)
				}
				put(t, s, ref, store.Import, parlance.Message{ID: "0", Sender: "a", Sent: start})
				ms := []parlance.Message{{ID: "a", Sender: "a", Sent: start + 1}, {ID: "b", Sender: "a", Sent: start - 1}}
				for range lost {
					e.Next(drivertest.None)
				}
				for range 4 {
					e.Next(fault)
				}
				if _, err := s.Put(t.Context(), ref, store.Import, ms...); err != nil && !errors.Is(err, parlance.Unavailable) {
					t.Fatal(err)
				}
				drain(t, s, ref)
				put(t, s, ref, store.Import, ms...)
				for range 2 {
					p, n, err := s.PageCount(t.Context(), ref, store.Query{Limit: 10})
					if err != nil || len(p.Entries) != 3 || n != 3 || p.State.Total != 3 {
						t.Fatalf("PageCount = %d entries, %d, %+v, %v; want 3", len(p.Entries), n, p.State, err)
					}
					if err := e.DeliverAll(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// drain does harmless writes until no fault is left over.
func drain(t *testing.T, s *store.Store, ref parlance.Ref) {
	t.Helper()
	for i := range 4 {
		err := s.SwapRecord(t.Context(), "drain", fmt.Sprint(i), nil, []byte("x"))
		if err != nil && !errors.Is(err, parlance.Unavailable) {
			t.Fatal(err)
		}
	}
}

// TestReadAfterStop finds that a conversation can be read after a writer stopped half-way, although
// nobody writes to it again.
func TestReadAfterStop(t *testing.T) {
	for lost := range 4 {
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			clock := &clock{now: start}
			e := drivertest.NewHarsh(memory(t), harsh(t, 1, 0))
			s := openOn(t, e, clock)
			other := openOn(t, e.Share(harsh(t, 2, 0)), clock)
			defer other.Close()
			defer s.Close()
			ref := parlance.Ref{Workspace: "w", Conversation: "room"}
			if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "room", Kind: parlance.Room}); err != nil {
				t.Fatal(err)
			}
			var ms []parlance.Message
			for i := range 20 {
				ms = append(ms, parlance.Message{ID: parlance.MessageID(fmt.Sprint(i)), Sender: "a", Sent: start + parlance.Time(i)})
			}
			put(t, s, ref, store.Import, ms[:10]...)
			for range lost {
				e.Next(drivertest.None)
			}
			for range 4 {
				e.Next(drivertest.StopAfterClaim)
			}
			_, err := s.Put(t.Context(), ref, store.Import, ms[10:]...)
			if err != nil && !errors.Is(err, parlance.Unavailable) {
				t.Fatal(err)
			}
			p, n, err := other.PageCount(t.Context(), ref, store.Query{Limit: 100})
			if err != nil || len(p.Entries) != n || n != p.State.Total {
				t.Fatalf("PageCount = %d entries, %d, %+v, %v", len(p.Entries), n, p.State, err)
			}
		})
	}
}

// TestRace has many goroutines write to one conversation, through one store and through two.
func TestRace(t *testing.T) {
	engines := map[string]func(*testing.T, *clock) []*store.Store{
		"pebble": func(t *testing.T, c *clock) []*store.Store { return []*store.Store{openOn(t, memory(t), c)} },
		"harsh": func(t *testing.T, c *clock) []*store.Store {
			return []*store.Store{openOn(t, drivertest.NewHarsh(memory(t), harsh(t, 1, 0)), c)}
		},
		"two on harsh": func(t *testing.T, c *clock) []*store.Store {
			e := drivertest.NewHarsh(memory(t), harsh(t, 1, 0))
			return []*store.Store{openOn(t, e, c), openOn(t, e.Share(harsh(t, 2, 0)), c)}
		},
	}
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			clock := &clock{now: start}
			ss := engine(t, clock)
			ref := parlance.Ref{Workspace: "w", Conversation: "shop"}
			if _, err := ss[0].Create(t.Context(), "w", parlance.Conversation{ID: "shop", Kind: parlance.Shop}); err != nil {
				t.Fatal(err)
			}
			const writers, each = 8, 25
			acknowledged, changed := make([][]store.Entry, writers), make([][]store.Entry, writers)
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() {
					for n := range each {
						s := ss[(i+n)%len(ss)]
						out, err := s.Put(t.Context(), ref, store.Send, parlance.Message{ID: parlance.MessageID(fmt.Sprint(i, " ", n)), Sender: "a"})
						if err != nil {
							t.Error(err)
							return
						}
						acknowledged[i] = append(acknowledged[i], out[0].Entry)
						if n%3 == 2 {
							out, err := s.Change(t.Context(), ref, acknowledged[i][n-1].Message.ID, func(m *parlance.Message) error {
								m.State = parlance.Deleted
								return nil
							})
							if err != nil {
								t.Error(err)
								return
							}
							changed[i] = append(changed[i], out.Entry)
						}
						p, count, err := s.PageCount(t.Context(), ref, store.Query{Limit: store.MaxLimit})
						if err != nil || len(p.Entries) != count || len(p.Entries) != p.State.Total {
							t.Errorf("PageCount = %d entries, %d, %+v, %v", len(p.Entries), count, p.State, err)
							return
						}
					}
				})
			}
			wg.Wait()
			checkRace(t, ss[0], ref, append(acknowledged, changed...))
			for _, s := range ss {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func checkRace(t *testing.T, s *store.Store, ref parlance.Ref, acknowledged [][]store.Entry) {
	t.Helper()
	m := &model{about: parlance.Conversation{ID: ref.Conversation, Kind: parlance.Shop}}
	last := parlance.Time(0)
	for e, err := range s.Log(context.Background(), ref, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Number != uint64(len(m.log))+1 || e.Message.Created <= last && e.Previous == 0 {
			t.Fatalf("entry %d has Created %d after %d", e.Number, e.Message.Created, last)
		}
		last = max(last, e.Message.Created)
		m.add(e, store.Send)
	}
	n := 0
	for _, es := range acknowledged {
		for _, e := range es {
			n++
			if got := m.log[e.Number-1]; !equalEntry(got, e) {
				t.Errorf("entry %d is %+v, acknowledged was %+v", e.Number, got, e)
			}
		}
	}
	if n != len(m.log) {
		t.Errorf("%d messages are acknowledged, %d stored", n, len(m.log))
	}
	c := newChecker(t, s, m)
	c.all()
	c.whole()
}

// TestCreateRace has many make the same conversations at once through two stores, one of
// which doesn't always hear an answer: each is made, listed and counted once.
func TestCreateRace(t *testing.T) {
	clock := &clock{now: start}
	e := drivertest.NewHarsh(memory(t), harsh(t, 1, 0))
	ss := []*store.Store{openOn(t, e, clock), openOn(t, e.Share(harsh(t, 2, 0.3)), clock)}
	const conversations = 40
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for n := 0; n < conversations; {
				cs := []parlance.Conversation{
					{ID: parlance.ConversationID(fmt.Sprint(n)), Kind: parlance.Order, OrderID: fmt.Sprint("o", n)},
					{ID: parlance.ConversationID(fmt.Sprint(n + 1)), Kind: parlance.Order, OrderID: fmt.Sprint("o", n+1)},
				}
				_, err := ss[i%2].Create(t.Context(), "w", cs...)
				if err == nil {
					n += 2
				} else if !errors.Is(err, parlance.Unavailable) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := e.DeliverAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[parlance.ConversationID]int{}
	for c, err := range ss[0].Conversations(t.Context(), "w") {
		if err != nil {
			t.Fatal(err)
		}
		seen[c.ID]++
	}
	for n := range conversations {
		id := parlance.ConversationID(fmt.Sprint(n))
		if seen[id] != 1 {
			t.Errorf("conversation %s was made %d times", id, seen[id])
		}
		if got, err := ss[0].ConversationOfOrder(t.Context(), "w", fmt.Sprint("o", n)); err != nil || got != id {
			t.Errorf("ConversationOfOrder(o%d) = %q, %v", n, got, err)
		}
	}
	for i, s := range ss {
		if n, err := s.CountConversations(t.Context(), "w", store.List{Kind: parlance.Order}); err != nil || n != conversations {
			t.Errorf("store %d: CountConversations = %d, %v; want %d", i, n, err, conversations)
		}
	}
	newChecker(t, ss[0]).whole()
	ss[0].Close()
	ss[1].Close()
}
