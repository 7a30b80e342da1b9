package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/driver/drivertest"
)

// A recorder keeps in mind what stands in the claimed partitions of an engine that it saw from the
// start, all but that of the format.
type recorder struct {
	driver.Engine
	mu     sync.Mutex
	rows   map[place]string
	writes int
}

// A place is where a row stands.
type place struct{ partition, key string }

func record(e driver.Engine) *recorder { return &recorder{Engine: e, rows: map[place]string{}} }

func (r *recorder) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	err := r.Engine.Claim(ctx, p, claims, ops, v)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
	if err != nil || p.Key == "F" {
		return err
	}
	for _, c := range claims {
		at := place{p.Key, string(c.Key)}
		if r.rows[at] = string(c.Value); c.Value == nil {
			delete(r.rows, at)
		}
	}
	return nil
}

func (r *recorder) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	if len(ops) > 0 {
		r.mu.Lock()
		r.writes++
		r.mu.Unlock()
	}
	return r.Engine.Write(ctx, ops, v)
}

// all are the collections that tests keep records in.
func all(yield func(store.Collection, error) bool) {
	_ = yield(store.Collection{Name: "one"}, nil) && yield(store.Collection{Name: "two", After: true}, nil)
}

var everything = store.CopyOptions{Workspaces: []parlance.WorkspaceID{"w"}, Collections: all}

// harshly opens a harsh engine for a new store of few buckets: all of them are looked into, and
// there would be 4,096.
func harshly(t failer) *drivertest.Harsh {
	t.Helper()
	e := drivertest.NewHarsh(memory(t), harsh(t, 1, 0))
	var row []byte
	for i, n := range []uint64{store.FormatVersion, drivertest.HarshRows, drivertest.HarshRows, 16} {
		row = protowire.AppendVarint(protowire.AppendTag(row, protowire.Number(i+1), protowire.VarintType), n)
	}
	if err := e.Claim(context.Background(), format, []driver.Claim{{Value: row}}, nil, 1); err != nil {
		t.Fatalf("write the format: %v", err)
	}
	return e
}

// copied copies src to dst.
func copied(t failer, src, dst *store.Store) store.CopyReport {
	t.Helper()
	r, err := src.CopyTo(context.Background(), dst, everything)
	if err != nil {
		t.Fatalf("copy: %v", err)
	}
	return r
}

// same finds that two stores hold the same.
func same(t failer, a, b *store.Store) {
	t.Helper()
	ctx := context.Background()
	o := store.CompareOptions{Report: func(f store.Finding) { t.Errorf("%s: %s", f.Conversation, f.Text) }}
	c, err := a.Compare(ctx, b, "w", o)
	if err != nil || c.Differences != 0 || c.Here != c.There {
		t.Fatalf("Compare = %+v, %v", c, err)
	}
	if c, err := a.CompareRecords(ctx, b, all, o); err != nil || c.Differences != 0 {
		t.Fatalf("CompareRecords = %+v, %v", c, err)
	}
}

// TestCopyModel copies a world from Pebble to a harsh engine and from there to another Pebble,
// some times while it changes: both are like the world, and the two Pebbles hold the same rows.
func TestCopyModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		clock := &clock{now: start}
		first, last := record(memory(t)), record(memory(t))
		defer first.Close()
		w := newWorld(t, clock, false, func() *store.Store { return openOn(t, kept{first}, clock) }, 1)
		middle := harshly(t)
		there, back := openOn(t, middle, clock), openOn(t, last, clock)
		defer there.Close()
		defer back.Close()
		for range rapid.IntRange(1, 3).Draw(t, "copies") {
			for range rapid.IntRange(1, 40).Draw(t, "steps") {
				w.step()
			}
			w.others()
			src := w.stores[0]
			copied(t, src, there)
			copied(t, there, back)
			same(t, src, there)
			if !maps.Equal(first.rows, last.rows) {
				t.Fatalf("the rows are others after two copies")
			}
			if r := copied(t, src, there); r.Copied != 0 || r.Rows != 0 {
				t.Fatalf("a copy of nothing new = %+v", r)
			}
			for _, s := range []*store.Store{there, back} {
				w.check(s)
				w.checker(s).lists(w.members)
				w.checker(s).whole()
			}
		}
	})
}

// others changes what isn't a message.
func (w *world) others() {
	w.Helper()
	ref := w.ref(w.models[w.pick("others", len(w.models))])
	id := parlance.AccountID(fmt.Sprint("guest", w.pick("guest", 4)))
	s := w.store()
	for _, err := range []error{
		s.AddMembers(w.ctx, ref, parlance.Member{Account: id}),
		func() error {
			_, err := s.UpdateAccount(w.ctx, "w", id, func(a *parlance.Account) error { a.Name += "x"; return nil })
			return err
		}(),
		func() error { _, err := s.Number(w.ctx, "w", id); return err }(),
	} {
		if err != nil {
			w.Fatal(err)
		}
	}
	if w.pick("leaves", 2) == 0 {
		if err := s.RemoveMember(w.ctx, ref, id); err != nil {
			w.Fatal(err)
		}
	}
	for _, c := range []string{"one", "two"} {
		key := fmt.Sprint(w.pick("key", 3))
		old, _ := s.Record(w.ctx, c, key)
		var new []byte
		if old == nil {
			new = []byte("value")
		}
		if err := s.SwapRecord(w.ctx, c, key, old, new); err != nil {
			w.Fatal(err)
		}
	}
}

// sourceOf plays the crash tests' script, and a little more, on an engine.
func sourceOf(t *testing.T, e driver.Engine) *store.Store {
	t.Helper()
	s := openOn(t, e, &clock{now: start})
	for i, w := range script {
		if err := w(t.Context(), s); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	if err := s.AddMembers(t.Context(), crashRefs[1], parlance.Member{Account: "bob", Joined: start}); err != nil {
		t.Fatal(err)
	}
	if err := s.Hide(t.Context(), crashRefs[0], "bob", "m1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Number(t.Context(), "w", "bob"); err != nil {
		t.Fatal(err)
	}
	if err := s.SwapRecord(t.Context(), "one", "key", nil, []byte("value")); err != nil {
		t.Fatal(err)
	}
	return s
}

// A stopping engine fails for good after so many writes.
type stopping struct {
	driver.Engine
	left atomic.Int64
}

var errStopped = errors.New("stopped")

func (e *stopping) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	if e.left.Add(-1) < 0 {
		return errStopped
	}
	return e.Engine.Claim(ctx, p, claims, ops, v)
}

func (e *stopping) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	if e.left.Add(-1) < 0 {
		return errStopped
	}
	return e.Engine.Write(ctx, ops, v)
}

// TestCopyStopped stops a copy at each of its writes, before it is done, or after its claim and
// before the rest. The same copy again comes to the same end.
func TestCopyStopped(t *testing.T) {
	t.Parallel()
	src := sourceOf(t, memory(t))
	defer src.Close()
	finish := func(t *testing.T, e driver.Engine) {
		dst := openOn(t, e, &clock{now: start})
		copied(t, src, dst)
		same(t, src, dst)
		newChecker(t, dst).whole()
		dst.Close()
	}
	for name, engine := range map[string]func(*testing.T) driver.Engine{
		"pebble": func(t *testing.T) driver.Engine { return memory(t) },
		"harsh":  func(t *testing.T) driver.Engine { return harshly(t) },
	} {
		t.Run(name, func(t *testing.T) {
			for n, done := 0, false; !done; n++ {
				e := kept{engine(t)}
				openOn(t, e, &clock{now: start})
				stop := &stopping{Engine: e}
				stop.left.Store(int64(n))
				_, err := src.CopyTo(t.Context(), openOn(t, stop, &clock{now: start}), everything)
				if done = err == nil; !done && !errors.Is(err, errStopped) {
					t.Fatal(err)
				}
				finish(t, e)
				e.Engine.Close()
			}
		})
	}
	t.Run("after the claim", func(t *testing.T) {
		for n, done := 0, false; !done; n++ {
			e := harshly(t)
			openOn(t, kept{e}, &clock{now: start})
			faulty := e.Share(harsh(t, 2, 0))
			faulty.Next(slices.Repeat([]drivertest.Fault{drivertest.None}, n)...)
			faulty.Next(slices.Repeat([]drivertest.Fault{drivertest.StopAfterClaim}, 1000)...)
			_, err := src.CopyTo(t.Context(), openOn(t, faulty, &clock{now: start}), everything)
			if done = err == nil; !done && !errors.Is(err, parlance.Unavailable) {
				t.Fatal(err)
			}
			finish(t, e)
		}
	})
}

// TestCopyDiverged finds that a target with entries of its own is refused before anything is written.
func TestCopyDiverged(t *testing.T) {
	t.Parallel()
	src := sourceOf(t, memory(t))
	defer src.Close()
	message := parlance.Message{ID: "other", Sender: "alice", Sent: start}
	for name, diverge := range map[string]func(*store.Store) error{
		"longer": func(dst *store.Store) error {
			copied(t, src, dst)
			_, err := dst.Put(t.Context(), crashRefs[1], store.Import, message)
			return err
		},
		"other": func(dst *store.Store) error {
			if err := errors.Join(script[0](t.Context(), dst), script[2](t.Context(), dst)); err != nil {
				return err
			}
			_, err := dst.Put(t.Context(), crashRefs[1], store.Import, message)
			return err
		},
		"more conversations": func(dst *store.Store) error {
			copied(t, src, dst)
			_, err := dst.Create(t.Context(), "w", parlance.Conversation{ID: "own", Kind: parlance.Room})
			return err
		},
		"other conversations": func(dst *store.Store) error {
			_, err := dst.Create(t.Context(), "w", parlance.Conversation{ID: "own", Kind: parlance.Room})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := record(memory(t))
			dst := openOn(t, e, &clock{now: start})
			defer dst.Close()
			if err := diverge(dst); err != nil {
				t.Fatal(err)
			}
			if err := dst.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := dst.SwapRecord(t.Context(), "two", "own", nil, []byte("own")); err != nil {
				t.Fatal(err)
			}
			before, writes := maps.Clone(e.rows), e.writes
			_, err := src.CopyTo(t.Context(), dst, everything)
			if !errors.Is(err, parlance.Conflict) {
				t.Fatalf("CopyTo = %v", err)
			}
			if !maps.Equal(e.rows, before) || e.writes != writes {
				t.Errorf("something was written to the target")
			}
			c, err := src.Compare(t.Context(), dst, "w", store.CompareOptions{})
			if err != nil || c.Differences == 0 || c.Here.Hash == c.There.Hash {
				t.Errorf("Compare = %+v, %v", c, err)
			}
		})
	}
}

// TestCopyWorkspace finds that a copy of one workspace leaves the others of the target alone.
func TestCopyWorkspace(t *testing.T) {
	src, dst := openOn(t, memory(t), &clock{now: start}), openOn(t, memory(t), &clock{now: start})
	defer src.Close()
	defer dst.Close()
	for _, s := range []*store.Store{src, dst} {
		for _, ws := range []parlance.WorkspaceID{"v", "w"} {
			if s == dst && ws == "w" {
				continue
			}
			if _, err := s.Create(t.Context(), ws, parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprint(ws, s == src)
			put(t, s, parlance.Ref{Workspace: ws, Conversation: "c"}, store.Send, parlance.Message{ID: "m", Sender: "a", Text: text})
			if err := s.SwapRecord(t.Context(), "shared", text, nil, []byte(ws)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var last, total int
	r, err := src.CopyTo(t.Context(), dst, store.CopyOptions{
		Workspaces: []parlance.WorkspaceID{"w"}, Rate: 1000, Progress: func(done, of int) { last, total = done, of },
		Collections: func(yield func(store.Collection, error) bool) {
			yield(store.Collection{Name: "shared", Owns: func(r store.Record) (bool, error) { return string(r.Value) == "w", nil }}, nil)
		},
	})
	if err != nil || r != (store.CopyReport{Conversations: 1, Entries: 1, Copied: 1, Rows: 2}) || last != 1 || total != 1 {
		t.Fatalf("CopyTo = %+v, %v; progress %d of %d", r, err, last, total)
	}
	for ws, text := range map[parlance.WorkspaceID]string{"v": "vfalse", "w": "wtrue"} {
		e, err := dst.Message(t.Context(), parlance.Ref{Workspace: ws, Conversation: "c"}, "m")
		if err != nil || e.Message.Text != text {
			t.Errorf("Message in %s = %q, %v", ws, e.Message.Text, err)
		}
	}
	var keys []string
	for r, err := range dst.Records(t.Context(), "shared") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, r.Key)
	}
	if !slices.Equal(keys, []string{"vfalse", "wtrue"}) {
		t.Errorf("the target's records are %q", keys)
	}
}
