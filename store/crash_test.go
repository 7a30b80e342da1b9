package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// A script is a fixed sequence of writes, each of which may be done again.
var script = writeScript()

type write func(context.Context, *store.Store) error

var crashRefs = []parlance.Ref{{Workspace: "w", Conversation: "shop"}, {Workspace: "w", Conversation: "room"}}

func writeScript() (ws []write) {
	kinds := []parlance.Kind{parlance.Shop, parlance.Room}
	for i, ref := range crashRefs {
		ws = append(ws, func(ctx context.Context, s *store.Store) error {
			_, err := s.Create(ctx, "w", parlance.Conversation{ID: ref.Conversation, Kind: kinds[i], Created: start})
			return err
		}, func(ctx context.Context, s *store.Store) error {
			return s.AddMembers(ctx, ref, parlance.Member{Account: "alice", Joined: start})
		})
	}
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		ref := crashRefs[r.IntN(2)]
		id := func(n int) parlance.MessageID { return parlance.MessageID(fmt.Sprintf("m%03d", n)) }
		switch r.IntN(4) {
		case 0: // always the same times, so that it can be told by its content
			ws = append(ws, func(ctx context.Context, s *store.Store) error {
				m := parlance.Message{ID: id(n), Sender: "alice", Text: fmt.Sprint(n), Sent: start}
				_, err := s.Put(ctx, ref, store.Send, m)
				return err
			})
		case 1:
			var ms []parlance.Message
			for range 1 + r.IntN(12) {
				at := start - parlance.Time(r.IntN(1000))
				ms = append(ms, parlance.Message{ID: id(1000 + r.IntN(60)), Sender: "bob", Text: fmt.Sprint(at), Sent: at})
			}
			ms = unique(ms)
			ws = append(ws, func(ctx context.Context, s *store.Store) error {
				_, err := s.Put(ctx, ref, store.Import, ms...)
				return err
			})
		default:
			target, kind := id(1000+r.IntN(60)), r.IntN(3)
			ws = append(ws, func(ctx context.Context, s *store.Store) error {
				_, err := s.Change(ctx, ref, target, func(m *parlance.Message) error {
					switch kind {
					case 0:
						m.State = parlance.Deleted
					case 1:
						m.State = parlance.Recalled
					default:
						m.Text = fmt.Sprint("edited ", n)
					}
					return nil
				})
				if errors.Is(err, parlance.NotFound) {
					return nil
				}
				return err
			})
		}
	}
	return ws
}

func unique(ms []parlance.Message) (us []parlance.Message) {
	seen := map[parlance.MessageID]bool{}
	for _, m := range ms {
		if !seen[m.ID] {
			us = append(us, m)
		}
		seen[m.ID] = true
	}
	return us
}

// TestCrash stops the machine at every write and sync of the file system, with all of
// what isn't synced lost, or some of it. Every write that was acknowledged is there, none is
// there by half, and the rest of the script leads to the same end.
func TestCrash(t *testing.T) {
	want := play(t)
	disk := vfs.NewCrashableMem()
	var crashes, done atomic.Int64 // done: how many writes of the script are acknowledged
	var crashing sync.Mutex
	random := rand.New(rand.NewPCG(3, 4))
	crash := func() {
		crashing.Lock()
		defer crashing.Unlock()
		crashes.Add(1)
		least := int(done.Load())
		after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(3) * 50, RNG: random})
		// In a goroutine that may end in t.Fatal without taking one of the store's along.
		var checked sync.WaitGroup
		checked.Go(func() { want.continueAfter(t, after, least) })
		checked.Wait()
	}
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && !t.Failed() {
			crash()
		}
		return nil
	}))
	s := openOn(t, bounded{openDisk(t, fs), tiny}, &clock{now: start})
	for i, w := range script {
		if err := w(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		done.Store(int64(i) + 1)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d crashes", crashes.Load())
}

// A course is what a script leads to if nothing goes wrong: the logs at its end, and how
// long each was after each write.
type course struct {
	logs    [][]store.Entry
	lengths [][]int
}

// play plays the whole script on an engine with tiny bounds.
func play(t *testing.T) *course {
	t.Helper()
	s := openOn(t, bounded{memory(t), tiny}, &clock{now: start})
	defer s.Close()
	c := &course{lengths: [][]int{{0, 0}}}
	for i, w := range script {
		if err := w(t.Context(), s); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
		c.logs = logs(t, s)
		c.lengths = append(c.lengths, []int{len(c.logs[0]), len(c.logs[1])})
	}
	c.check(t, s)
	return c
}

// continueAfter checks a store after a crash, when so many writes of the script were
// acknowledged, and plays the rest.
func (c *course) continueAfter(t *testing.T, disk vfs.FS, least int) {
	s := openOn(t, bounded{openDisk(t, disk), tiny}, &clock{now: start})
	defer s.Close()
	newChecker(t, s).whole()
	for i, es := range logs(t, s) {
		most := c.lengths[min(least+1, len(script))][i]
		if len(es) < c.lengths[least][i] || len(es) > most || !equalEntries(es, c.logs[i][:len(es)]) {
			t.Fatalf("after a crash that came after %d writes, the log of %s is%s\nwant the first %d to %d of%s",
				least, crashRefs[i], list(es), c.lengths[least][i], most, list(c.logs[i]))
		}
	}
	for i, w := range script[least:] {
		if err := w(t.Context(), s); err != nil {
			t.Fatalf("write %d after a crash: %v", least+i, err)
		}
	}
	c.check(t, s)
}

// check holds a store at the end of the script against the course.
func (c *course) check(t *testing.T, s *store.Store) {
	t.Helper()
	ms := []*model{
		{about: parlance.Conversation{ID: "shop", Kind: parlance.Shop, Created: start}},
		{about: parlance.Conversation{ID: "room", Kind: parlance.Room, Created: start}},
	}
	for i, m := range ms {
		for _, e := range c.logs[i] {
			m.add(e, store.Send)
		}
	}
	check := newChecker(t, s, ms...)
	check.all()
	check.whole()
	check.lists(map[parlance.AccountID][]parlance.ConversationID{"alice": {"room", "shop"}})
}

func openDisk(t *testing.T, fs vfs.FS) driver.Engine {
	t.Helper()
	e, err := pebblestore.Open("store", pebblestore.Options{FS: fs, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func logs(t *testing.T, s *store.Store) [][]store.Entry {
	t.Helper()
	all := make([][]store.Entry, len(crashRefs))
	for i, ref := range crashRefs {
		for e, err := range s.Log(t.Context(), ref, 1) {
			if err != nil {
				t.Fatal(err)
			}
			all[i] = append(all[i], e)
		}
	}
	return all
}
