package pebblestore

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parlance"
	"parlance/store/driver"
)

// fullDisk returns a file system on which writing fails while the switch is on.
func fullDisk(disk vfs.FS) (vfs.FS, *atomic.Bool) {
	full := new(atomic.Bool)
	return errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpFileWrite, errorfs.OpFilePreallocate, errorfs.OpRename, errorfs.OpMkdirAll:
			if full.Load() {
				return syscall.ENOSPC
			}
		}
		return nil
	})), full
}

func wantFull(t *testing.T, err error) {
	t.Helper()
	wantKind(t, err, parlance.Unavailable)
	if errors.Is(err, ErrInUse) {
		t.Errorf("a full disk is taken for a store in use: %v", err)
	}
	if !strings.Contains(err.Error(), "no space left") {
		t.Errorf("the error doesn't say why: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	fs, full := fullDisk(vfs.NewMem())
	e := open(t, "store", quiet(fs))
	const size = 100
	for n := 1; n <= 10; n++ {
		if err := appendEntry(e, n, size); err != nil {
			t.Fatal(err)
		}
	}
	full.Store(true)
	for range 3 {
		wantFull(t, appendEntry(e, 11, size))
		wantFull(t, e.Write(t.Context(), []driver.Op{{Partition: derived, Key: []byte("k"), Value: []byte("v")}}, 1))
		wantLength(t, e, size, 10, 11)
	}
	full.Store(false)
	again(t, func() error { return appendEntry(e, 11, size) })
	again(t, func() error { return appendEntry(e, 12, size) })
	wantLength(t, e, size, 12, 12)
	closeEngine(t, e)
	e = open(t, "store", quiet(fs))
	wantLength(t, e, size, 12, 12)
	closeEngine(t, e)
}

// again does what a caller does: it tries until the engine is available.
func again(t *testing.T, do func() error) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		err := do()
		if err == nil {
			return
		}
		wantKind(t, err, parlance.Unavailable)
		if time.Since(start) > 20*time.Second {
			t.Fatalf("no end to it: %v", err)
		}
	}
}

// A commit whose caller was told that it may not be done is done, or not, before
// the next one begins; else what is old could come last.
func TestFullDiskEndsAfterCommits(t *testing.T) {
	g := newGuard(vfs.NewMem(), "store", quiet(nil), &note{})
	g.open()
	trouble, err := g.beginCommit()
	if err != nil {
		t.Fatal(err)
	}
	full := true
	if err := g.change(func() error {
		if !full {
			return nil
		}
		full = false
		return syscall.ENOSPC
	}); err != nil {
		t.Fatal(err)
	}
	<-trouble
	_, err = g.beginCommit()
	wantFull(t, err)
	g.endCommit()
	if _, err := g.beginCommit(); err != nil {
		t.Errorf("when all is done: %v", err)
	}
}

// TestFullDiskNowAndThen runs out of room in the middle of logs, tables and manifests.
func TestFullDiskNowAndThen(t *testing.T) {
	disk := vfs.NewMem()
	var ops atomic.Int64
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpFileWrite, errorfs.OpRename:
			if ops.Add(1)%40 > 36 {
				return syscall.ENOSPC
			}
		}
		return nil
	}))
	ops.Store(-1000)
	e := open(t, "store", quiet(fs))
	const claims, size = 300, 8000
	for n := 1; n <= claims; n++ {
		again(t, func() error { return appendEntry(e, n, size) })
	}
	wantLength(t, e, size, claims, claims)
	ops.Store(-1 << 40)
	again(t, func() error { return e.Write(t.Context(), nil, 0) })
	closeEngine(t, e)
	e = open(t, "store", quiet(disk))
	wantLength(t, e, size, claims, claims)
	closeEngine(t, e)
}

func TestFullDiskAtOpen(t *testing.T) {
	fs, full := fullDisk(vfs.NewMem())
	full.Store(true)
	_, err := Open("store", quiet(fs))
	wantFull(t, err)
	full.Store(false)
	e := open(t, "store", quiet(fs))
	if err := appendEntry(e, 1, 10); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	full.Store(true)
	_, err = Open("store", quiet(fs))
	wantFull(t, err)
	full.Store(false)
	e = open(t, "store", quiet(fs))
	wantLength(t, e, 10, 1, 1)
	closeEngine(t, e)
}

// After a crash the log holds rows that are to be written to a table when the store is opened. When there is no room for it that is one
// error, not a loop; and when there is, all is there.
func TestFullDiskAtOpenAfterCrash(t *testing.T) {
	for name, kinds := range map[string][]errorfs.OpKind{
		"no file can be made":    {errorfs.OpCreate, errorfs.OpReuseForWrite},
		"nothing can be written": {errorfs.OpFileWrite, errorfs.OpFilePreallocate},
		"nothing at all":         {errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpFileWrite, errorfs.OpFilePreallocate, errorfs.OpRename},
	} {
		for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO} {
			t.Run(name+", "+cause.Error(), func(t *testing.T) {
				disk := vfs.NewCrashableMem()
				e := open(t, "store", quiet(disk))
				for n := 1; n <= 10; n++ {
					if err := appendEntry(e, n, 100); err != nil {
						t.Fatal(err)
					}
				}
				crashed := disk.CrashClone(vfs.CrashCloneCfg{})
				closeEngine(t, e)
				var full atomic.Bool
				var tries atomic.Int64
				fs := errorfs.Wrap(crashed, errorfs.InjectorFunc(func(op errorfs.Op) error {
					if full.Load() && slices.Contains(kinds, op.Kind) {
						tries.Add(1)
						return cause
					}
					return nil
				}))
				full.Store(true)
				var log lines
				o := quiet(fs)
				o.Logger = slog.New(slog.NewTextHandler(&log, nil))
				_, err := Open("store", o)
				wantKind(t, err, parlance.Unavailable)
				if full := strings.Contains(err.Error(), "no space left"); full != (cause != syscall.EIO) {
					t.Errorf("the error doesn't say why: %v", err)
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("more than a sentence: %v", err)
				}
				if n, m := tries.Load(), log.Load(); n > 20 || m > 3 {
					t.Errorf("%d attempts, %d lines of log", n, m)
				}
				full.Store(false)
				e = open(t, "store", quiet(fs))
				wantLength(t, e, 100, 10, 10)
				closeEngine(t, e)
			})
		}
	}
}

// lines counts those of a log.
type lines struct{ atomic.Int64 }

func (l *lines) Write(p []byte) (int, error) {
	l.Add(1)
	return len(p), nil
}

func TestFullDiskAtClose(t *testing.T) {
	fs, full := fullDisk(vfs.NewMem())
	e := open(t, "store", quiet(fs))
	if err := appendEntry(e, 1, 10); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	wantFull(t, appendEntry(e, 2, 10))
	wantFull(t, e.Close())
	full.Store(false)
	e = open(t, "store", quiet(fs)) // the folder is free again
	wantLength(t, e, 10, 1, 2)
	closeEngine(t, e)
}

var errDisk = errors.New("input/output error")

func TestDiskFails(t *testing.T) {
	disk := vfs.NewCrashableMem()
	var broken atomic.Bool
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errDisk
		}
		return nil
	}))
	e := open(t, "store", quiet(fs))
	if err := appendEntry(e, 1, 10); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	for range 3 {
		err := appendEntry(e, 2, 10)
		wantKind(t, err, parlance.Unavailable)
		if !errors.Is(err, errDisk) {
			t.Errorf("the error doesn't hold its cause: %v", err)
		}
		wantLength(t, e, 10, 1, 2)
	}
	broken.Store(false)
	wantKind(t, appendEntry(e, 2, 10), parlance.Unavailable) // what reached the disk isn't known: no more writes
	if m := e.Metrics(); m != (Metrics{}) {
		t.Errorf("metrics of a failed engine: %+v", m)
	}
	wantKind(t, e.Close(), parlance.Unavailable)
	e = open(t, "store", quiet(disk.CrashClone(vfs.CrashCloneCfg{})))
	wantLength(t, e, 10, 1, 1)
	closeEngine(t, e)
}

// TestDiskFailsAnywhere fails one operation of the file system, each in its turn. The
// process lives, nothing hangs, and what was acknowledged is found again.
func TestDiskFailsAnywhere(t *testing.T) {
	const claims, size = 30, 20000
	step := int32(1)
	if testing.Short() {
		step = 7
	}
	for i := int32(0); ; i += step {
		disk := vfs.NewCrashableMem()
		index := errorfs.OnIndex(i)
		fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
				return nil
			}
			return index.MaybeError(op)
		}))
		acknowledged, started := 0, 0
		e, err := Open("store", quiet(fs))
		if err == nil {
			for n := 1; n <= claims; n++ {
				started = n
				if err := appendEntry(e, n, size); err != nil {
					wantKind(t, err, parlance.Unavailable)
					break
				}
				acknowledged = n
			}
			wantLength(t, e, size, acknowledged, started)
			if err := e.Close(); err != nil && parlance.KindOf(err) != parlance.Unavailable && !errors.Is(err, errorfs.ErrInjected) {
				t.Errorf("operation %d failed: close: %v", i, err)
			}
		} else if k := parlance.KindOf(err); k == parlance.Internal {
			t.Errorf("operation %d failed: open: %v", i, err)
		}
		e = open(t, "store", quiet(disk.CrashClone(vfs.CrashCloneCfg{})))
		wantLength(t, e, size, acknowledged, started)
		closeEngine(t, e)
		if t.Failed() {
			t.Fatalf("when operation %d failed", i)
		}
		if index.Load() >= 0 {
			t.Logf("%d operations", i)
			return
		}
	}
}
