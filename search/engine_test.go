package search_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parlance"
	"parlance/search"
	"parlance/search/query"
	"parlance/store"
	"parlance/store/driver"
)

// A shared engine looks like one that other processes write to, stops when it is told to, and can't be closed.
type shared struct {
	driver.Engine
	exclusive bool
	left      *atomic.Int64 // writes and claims that still succeed; nil: all do
	spoil     func(p driver.Partition, values [][]byte)
}

func (e shared) Bounds() driver.Bounds {
	if e.exclusive {
		return e.Engine.Bounds()
	}
	return driver.Bounds{Rows: 100_000, BatchBytes: 40 << 10}
}

func (shared) Close() error { return nil }

var errStopped = errors.New("the process stops here")

func (e shared) step() error {
	if e.left != nil && e.left.Add(-1) < 0 {
		return errStopped
	}
	return nil
}

func (e shared) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	if err := e.step(); err != nil {
		return err
	}
	return e.Engine.Claim(ctx, p, claims, ops, v)
}

func (e shared) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	if err := e.step(); err != nil {
		return err
	}
	for _, op := range ops {
		if !e.exclusive && op.Size() > 40<<10 {
			return fmt.Errorf("a row of %d bytes is more than a batch takes", op.Size())
		}
	}
	return e.Engine.Write(ctx, ops, v)
}

func (e shared) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	values, err := e.Engine.Get(ctx, p, keys)
	if e.spoil != nil && err == nil {
		e.spoil(p, values)
	}
	return values, err
}

func (e shared) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return e.Engine.Scan(ctx, p, r)
}

// on returns the same world on another store and another index of the same engine, as another process has them.
func (w *world) on(e driver.Engine) *world {
	w.Helper()
	s, err := store.Open(context.Background(), e, store.Options{Now: func() parlance.Time { return w.clock.now }})
	if err != nil {
		w.Fatal(err)
	}
	other := *w
	other.engine = e
	other.store, other.index = s, search.Open(s, search.Options{Cache: 1 << 20})
	w.Cleanup(other.index.Close)
	return &other
}

// newWorldOn is a world on an engine.
func newWorldOn(t testing.TB, seed uint64, e driver.Engine) *world {
	t.Helper()
	w := &world{TB: t, r: rand.New(rand.NewPCG(seed, 1)), clock: &clock{1_700_000_000_000}, ids: map[parlance.Ref][]parlance.MessageID{}}
	w = w.on(e)
	w.makeConversations()
	return w
}

func (w *world) build(least int) error {
	_, err := w.index.Build(context.Background(), "w", least, nil)
	return err
}

// verify holds all blocks against the logs.
func (w *world) verify() {
	w.Helper()
	if err := w.index.Verify(context.Background(), "w", func(f search.Finding) { w.Errorf("verify: %s", f) }, nil); err != nil {
		w.Error(err)
	}
}

// TestBuildersThatStop stops a builder after each of its writes: nothing is lost, nothing is found twice, another process goes on, and
// what it left is cleared away.
func TestBuildersThatStop(t *testing.T) {
	for _, exclusive := range []bool{true, false} {
		t.Run(fmt.Sprintf("exclusive=%v", exclusive), func(t *testing.T) {
			inner := memory(t)
			defer inner.Close()
			e := shared{Engine: inner, exclusive: exclusive}
			w := newWorldOn(t, 5, e)
			for after := int64(0); ; after++ {
				if exclusive {
					w = w.on(e) // the process starts anew
				}
				for range 20 {
					w.do()
				}
				w.clock.now += 200_000 // all of it is settled
				var left atomic.Int64
				left.Store(1 << 30)
				stopping := w.on(shared{Engine: inner, exclusive: exclusive, left: &left})
				left.Store(after)
				err := stopping.build(1)
				if err != nil && !errors.Is(err, errStopped) {
					t.Fatal(err)
				}
				other := w.on(e)
				other.check(6)
				w.clock.now += 40_000 // the lease ends
				if err := other.build(1); err != nil {
					t.Fatal(err)
				}
				other.check(6)
				other.verify()
				w.clock.now += 200_000
				if err := other.build(1); err != nil {
					t.Fatal(err)
				}
				s, err2 := other.index.Status(t.Context(), "w")
				if err2 != nil || s.Dropped > 0 || s.Pending > 0 {
					t.Errorf("after %d writes, once all is old: %+v, %v", after, s, err2)
				}
				if t.Failed() || err == nil {
					return
				}
			}
		})
	}
}

// TestSeveralBuilders lets two processes write, build and search in turns: each finds all that either stored.
func TestSeveralBuilders(t *testing.T) {
	inner := memory(t)
	defer inner.Close()
	one := newWorldOn(t, 7, shared{Engine: inner})
	two := one.on(shared{Engine: inner})
	for range 60 {
		w := one
		if one.r.IntN(2) == 0 {
			w = two
		}
		for range w.r.IntN(10) {
			w.do()
		}
		one.check(3)
		two.check(3)
		if w.r.IntN(2) == 0 {
			one.clock.now += 130_000
			if err := w.build(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	one.verify()
}

// TestDamagedBlocks spoils each kind of page, or takes it away: answers are right all the same, and the index is built again.
func TestDamagedBlocks(t *testing.T) {
	for _, section := range "dtocs" {
		for name, spoil := range map[string]func([]byte) []byte{
			"gone":    func([]byte) []byte { return nil },
			"flipped": func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 4; return b },
			"short":   func(b []byte) []byte { return b[:len(b)-1] },
		} {
			t.Run(fmt.Sprintf("%c %s", section, name), func(t *testing.T) {
				inner := memory(t)
				defer inner.Close()
				w := newWorldOn(t, 3, shared{Engine: inner, exclusive: true})
				for range 60 {
					w.do()
				}
				w.clock.now++
				if err := w.build(1); err != nil {
					t.Fatal(err)
				}
				var mu sync.Mutex
				spoiled := map[string]bool{}
				broken := w.on(shared{Engine: inner, exclusive: true, spoil: func(p driver.Partition, values [][]byte) {
					mu.Lock()
					defer mu.Unlock()
					const id = 12
					if p.Key[0] != 's' || p.Key[len("sw\x00")+id] != byte(section) || spoiled[""] {
						return
					}
					for i := range values {
						values[i] = spoil(values[i])
					}
				}})
				broken.check(25)
				mu.Lock()
				spoiled[""] = true // what is written from now on stands
				mu.Unlock()
				w.clock.now++
				if err := broken.build(1); err != nil {
					t.Fatal(err)
				}
				broken.check(10)
				broken.verify()
			})
		}
	}
}

// TestDamagedRecords spoils each record of the index: answers are right all the same, and the index is built again.
func TestDamagedRecords(t *testing.T) {
	for _, kind := range "ub" {
		t.Run(string(kind), func(t *testing.T) {
			inner := memory(t)
			defer inner.Close()
			w := newWorldOn(t, 4, shared{Engine: inner, exclusive: true})
			for range 60 {
				w.do()
			}
			w.clock.now++
			if err := w.build(1); err != nil {
				t.Fatal(err)
			}
			records := driver.Partition{Table: driver.Claimed, Key: "Sw"}
			spoiled := 0
			for row, err := range inner.Scan(t.Context(), records, driver.Range{}) {
				if err != nil {
					t.Fatal(err)
				}
				if row.Key[0] != byte(kind) {
					continue
				}
				spoiled++
				if err := inner.Claim(t.Context(), records, []driver.Claim{{Key: bytes.Clone(row.Key), Old: bytes.Clone(row.Value), Value: []byte("{no")}}, nil, 1); err != nil {
					t.Fatal(err)
				}
			}
			if spoiled != 1 {
				t.Fatalf("there are %d records of this kind", spoiled)
			}
			broken := w.on(shared{Engine: inner, exclusive: true})
			broken.check(10)
			w.clock.now++
			if err := broken.build(1); err != nil {
				t.Fatal(err)
			}
			if s, err := broken.index.Status(t.Context(), "w"); err != nil || s.Blocks != 1 || s.Pending > 0 {
				t.Errorf("built again it is %+v, %v", s, err)
			}
			broken.check(10)
			broken.verify()
		})
	}
}

// TestFoundAsSoonAsStored sends, and searches for what was sent as soon as that returns, while others send and blocks are built.
func TestFoundAsSoonAsStored(t *testing.T) {
	s, err := store.Open(t.Context(), memory(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ix := search.Open(s, search.Options{})
	defer ix.Close()
	built := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(built)
		for ctx.Err() == nil {
			if _, err := ix.Build(ctx, "w", 3, nil); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	}()
	var g sync.WaitGroup
	for w := range 4 {
		ref := parlance.Ref{Workspace: "w", Conversation: parlance.ConversationID(fmt.Sprint("c", w))}
		if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
			t.Fatal(err)
		}
		g.Go(func() {
			for i := range 60 {
				word := fmt.Sprintf("word%dof%d", i, w)
				out, err := s.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "al", Text: "say " + word})
				if err != nil {
					t.Error(err)
					return
				}
				q, err := query.Parse(word, time.UTC)
				if err != nil {
					t.Error(err)
					return
				}
				found, err := ix.Search(t.Context(), "w", search.Request{Query: q, Limit: 5})
				if err != nil || len(found.Hits) != 1 || found.Hits[0].Entry.Message.ID != out[0].Entry.Message.ID {
					t.Errorf("%s: %d hits, %v", word, len(found.Hits), err)
				}
			}
		})
	}
	g.Wait()
	stop()
	<-built
}
