package pebblestore

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parlance/store/driver"
)

// TestCrashAnywhere stops the machine at every few operations of the file system,
// flushes and compactions included: what was acknowledged is there, and no claim
// without its ops or ops without their claim.
func TestCrashAnywhere(t *testing.T) {
	const claims, size, every = 500, 2000, 13
	disk := vfs.NewCrashableMem()
	var started, acknowledged, ops atomic.Int64
	var crashes sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	crash := func() {
		crashes.Lock()
		defer crashes.Unlock()
		least := acknowledged.Load()
		after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(3) * 50, RNG: random})
		most := started.Load()
		e, err := Open("a/new/store", quiet(after))
		if err != nil {
			t.Errorf("open after a crash that came after %d claims: %v", least, err)
			return
		}
		wantLength(t, e, size, int(least), int(most))
		if err := appendEntry(e, 1+lengthOr0(e, size), size); err != nil {
			t.Errorf("write after a crash: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Errorf("close after a crash: %v", err)
		}
	}
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && ops.Add(1)%every == 0 {
			crash()
		}
		return nil
	}))
	e := open(t, "a/new/store", quiet(fs))
	crash()
	for n := 1; n <= claims && !t.Failed(); n++ {
		started.Store(int64(n))
		if err := appendEntry(e, n, size); err != nil {
			t.Fatal(err)
		}
		acknowledged.Store(int64(n))
		if n%50 == 0 {
			if err := e.db.Flush(); err != nil { // the log is removed, or written anew from its beginning
				t.Fatal(err)
			}
		}
	}
	wantLength(t, e, size, claims, claims)
	closeEngine(t, e)
	crash()
	t.Logf("%d operations", ops.Load())
}

func lengthOr0(e *Engine, size int) int {
	n, _ := length(e, size)
	return n
}

// TestCrashWhileMany has many writers, whose claims share syncs, when the machine stops.
func TestCrashWhileMany(t *testing.T) {
	const writers, each = 8, 40
	disk := vfs.NewCrashableMem()
	e := open(t, "store", quiet(disk))
	var acknowledged [writers]atomic.Int64
	log := func(w int) driver.Partition {
		return driver.Partition{Table: driver.Claimed, Key: string(rune('a' + w))}
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := 1; n <= each; n++ {
				if err := e.Claim(t.Context(), log(w), []driver.Claim{{Key: key(n), Value: key(n)}}, nil, 1); err != nil {
					t.Error(err)
					return
				}
				acknowledged[w].Store(int64(n))
			}
		})
	}
	for range 20 {
		var least [writers]int64
		for w := range writers {
			least[w] = acknowledged[w].Load()
		}
		after := open(t, "store", quiet(disk.CrashClone(vfs.CrashCloneCfg{})))
		for w := range writers {
			n := int64(0)
			for _, err := range after.Scan(t.Context(), log(w), driver.Range{}) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n < least[w] {
				t.Errorf("writer %d was told of %d claims, %d survived", w, least[w], n)
			}
		}
		closeEngine(t, after)
	}
	wg.Wait()
	closeEngine(t, e)
}

// TestBarrier finds that a repeated claim, and a Write without ops, are
// acknowledged only once the rows that stand are durable.
func TestBarrier(t *testing.T) {
	barriers := map[string]func(*Engine) error{
		"claim": func(e *Engine) error {
			return e.Claim(t.Context(), entries, []driver.Claim{{Key: key(1), Value: value(1, 6)}}, nil, 1)
		},
		"write": func(e *Engine) error { return e.Write(t.Context(), nil, 0) },
	}
	for name, barrier := range barriers {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewCrashableMem()
			e := open(t, "store", quiet(disk))
			// As after an append whose sync is under way.
			b := e.db.NewBatch()
			if err := b.Set(append(appendPrefix(nil, entries), key(1)...), value(1, 6), nil); err != nil {
				t.Fatal(err)
			}
			if err := b.Set(append(appendPrefix(nil, derived), head...), key(1), nil); err != nil {
				t.Fatal(err)
			}
			if err := e.db.Apply(b, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
			wantLength(t, e, 6, 1, 1)
			if err := barrier(e); err != nil {
				t.Fatal(err)
			}
			after := open(t, "store", quiet(disk.CrashClone(vfs.CrashCloneCfg{})))
			wantLength(t, after, 6, 1, 1)
			closeEngine(t, after)
			closeEngine(t, e)
		})
	}
}
