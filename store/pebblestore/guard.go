package pebblestore

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parlance"
)

// A guard stands between Pebble and the file system. Pebble ends the process when it
// can't write its log or its manifest, so the guard sees to it that a full disk never gets
// that far: the operation that found no room waits here and is tried again until there is.
// Meanwhile [guard.state] tells callers why nothing moves.
//
// Once the engine has failed the guard lets nothing more be changed: what is left running
// of Pebble stops for good at its next change to the disk. So it can't disturb whoever
// opens the folder next, and doesn't try for ever what can't succeed.
type guard struct {
	vfs.FS
	dir   string
	log   *slog.Logger
	pause time.Duration // between two attempts
	note  *note

	readOnly bool // nothing may be changed

	changes sync.RWMutex // held for reading during a change to the disk

	mu      sync.Mutex
	opened  bool          // until then an operation fails instead of waiting
	waiting int           // operations that wait for room
	commits int           // commits under way
	err     error         // why nothing can be written; nil if all is well
	failed  bool          // err is for good
	trouble chan struct{} // closed while err is set
	stop    chan struct{} // closed once failed
}

func newGuard(fs vfs.FS, dir string, o Options, n *note) *guard {
	return &guard{
		FS: fs, dir: dir, log: o.Logger, pause: o.retryFull, note: n, readOnly: o.readOnly,
		trouble: make(chan struct{}), stop: make(chan struct{}),
	}
}

// state returns why nothing can be written just now, and a channel that
// is closed when that becomes so.
func (g *guard) state() (<-chan struct{}, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trouble, g.err
}

func (g *guard) hasFailed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failed
}

// fail stops all writing for good, because of cause, and returns the error for callers.
// The first cause is the one that is kept.
func (g *guard) fail(cause error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed {
		return g.err
	}
	if g.err == nil {
		close(g.trouble)
	}
	g.failed = true
	if !g.opened {
		// Whoever opens the store says what it means.
		g.err = cause
		close(g.stop)
		return g.err
	}
	g.err = parlance.Wrap(parlance.Unavailable, cause,
		"the store in %s stopped writing after a disk error; what was acknowledged is safe: mend the disk and start again", g.dir)
	close(g.stop)
	g.log.Error("store stopped writing", "dir", g.dir, "error", oneLine{cause})
	return g.err
}

// failOpening is fail unless the store is open.
func (g *guard) failOpening(cause error) bool {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	if !opened {
		g.fail(cause)
	}
	return !opened
}

// open lets operations wait for room from now on.
func (g *guard) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = true
}

// quiesce returns when no change is under way. After fail none will begin either.
func (g *guard) quiesce() {
	g.changes.Lock()
	defer g.changes.Unlock()
}

// change does op, and does it again for as long as there is no room.
func (g *guard) change(op func() error) error {
	err := g.once(op)
	if !passes(err) || !g.beginWait(err) {
		return err
	}
	defer g.endWait()
	again := time.NewTicker(g.pause)
	defer again.Stop()
	for passes(err) {
		select {
		case <-g.stop:
			return err
		case <-again.C:
			err = g.once(op)
		}
	}
	return err
}

// once does op, and doesn't return once the engine has failed.
func (g *guard) once(op func() error) error {
	if g.readOnly {
		return syscall.EROFS
	}
	if done, err := g.unlessFailed(op); done {
		return err
	}
	select {}
}

func (g *guard) unlessFailed(op func() error) (done bool, err error) {
	g.changes.RLock()
	defer g.changes.RUnlock()
	select {
	case <-g.stop:
		return false, nil
	default:
		return true, op()
	}
}

// written is what becomes of the making, writing or syncing of a file that ended with err. Of a
// disk that fails otherwise than by being full nothing good can be expected: the engine has
// failed. Pebble isn't told, for it would panic or end the process; it waits here for good,
// where it holds no lock that readers need.
func (g *guard) written(err error) error {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	if err == nil || !opened {
		return err
	}
	g.fail(err)
	select {}
}

func (g *guard) beginWait(cause error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.opened || g.failed {
		return false
	}
	g.waiting++
	if g.err == nil {
		g.err = noRoom(g.dir, cause)
		close(g.trouble)
		g.log.Error("no room to write; writes fail until there is", "dir", g.dir, "error", oneLine{cause})
	}
	return true
}

func (g *guard) endWait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting--
	g.clear()
}

// beginCommit is state, and counts a commit if nothing keeps it from beginning.
func (g *guard) beginCommit() (<-chan struct{}, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.commits++
	}
	return g.trouble, g.err
}

func (g *guard) endCommit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.commits--
	g.clear()
}

// clear ends a trouble that has passed. It lasts until every commit that had begun before it
// is done, for its caller was told that it may not be: what he writes next must come after it.
func (g *guard) clear() {
	if g.err == nil || g.failed || g.waiting > 0 || g.commits > 0 {
		return
	}
	g.err = nil
	g.trouble = make(chan struct{})
	g.log.Info("there is room again; writes go on", "dir", g.dir)
}

// noRoom is the error for callers while cause, which passes, keeps the store from writing.
func noRoom(dir string, cause error) error {
	if errors.Is(cause, syscall.EMFILE) || errors.Is(cause, syscall.ENFILE) {
		return parlance.Wrap(parlance.Unavailable, cause, "too many files are open to write to the store in %s; nothing that was acknowledged is lost", dir)
	}
	return parlance.Wrap(parlance.Unavailable, cause, "no space left on the disk of the store in %s; nothing that was acknowledged is lost", dir)
}

// passes reports whether err comes from a want of room, which may end.
func passes(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// file makes a file that can be written. Of one that is noted op begins at the beginning.
func (g *guard) file(name string, op func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	err := g.change(func() (err error) {
		f, err = op()
		return err
	})
	if err := g.written(err); err != nil {
		return nil, err
	}
	guarded := &guardedFile{File: f, guard: g}
	if base := g.PathBase(name); sealed(base) {
		guarded.growth = &growth{name: base, note: g.note}
	}
	return guarded, nil
}

// gone is op after files were forgotten that it removes or begins anew.
func (g *guard) gone(op func() error, names ...string) func() error {
	return func() error {
		for _, name := range names {
			if err := g.note.forget(g.PathBase(name)); err != nil {
				return err
			}
		}
		return op()
	}
}

// The methods of vfs.FS that change something.

func (g *guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.file(name, func() (f vfs.File, err error) {
		err = g.gone(func() error {
			f, err = g.FS.Create(name, c)
			return err
		}, name)()
		if marker, is := strings.CutPrefix(g.PathBase(name), markerPrefix); is && err == nil {
			_, manifest, _ := strings.Cut(marker, ".")
			g.note.turned(manifest)
		}
		return f, err
	})
}

// OpenReadWrite opens a file of which nothing is noted from then on: it may be changed anywhere.
func (g *guard) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.file("", func() (f vfs.File, err error) {
		err = g.gone(func() error {
			f, err = g.FS.OpenReadWrite(name, c, o...)
			return err
		}, name)()
		return f, err
	})
	return f, err
}

func (g *guard) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.file(newname, func() (f vfs.File, err error) {
		err = g.gone(func() error {
			f, err = g.FS.ReuseForWrite(oldname, newname, c)
			return err
		}, oldname, newname)()
		return f, err
	})
}

// OpenDir opens a folder, which can be synced.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	if g.readOnly {
		return g.FS.OpenDir(name)
	}
	return g.file("", func() (vfs.File, error) { return g.FS.OpenDir(name) })
}

func (g *guard) Link(oldname, newname string) error {
	return g.change(func() error { return g.FS.Link(oldname, newname) })
}

func (g *guard) Remove(name string) error {
	return g.change(g.gone(func() error { return g.FS.Remove(name) }, name))
}

func (g *guard) RemoveAll(name string) error {
	return g.change(g.gone(func() error { return g.FS.RemoveAll(name) }, name))
}

func (g *guard) Rename(oldname, newname string) error {
	return g.change(g.gone(func() error { return g.FS.Rename(oldname, newname) }, oldname, newname))
}

func (g *guard) MkdirAll(dir string, perm os.FileMode) error {
	return g.change(func() error { return g.FS.MkdirAll(dir, perm) })
}

// Lock does nothing: the engine holds the folder's lock itself, so that it can give it back
// without Pebble's help.
func (g *guard) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (g *guard) Unwrap() vfs.FS { return g.FS }

// A guardedFile is a file that can be written. A sync is never tried again: after one failed,
// nobody knows what reached the disk.
type guardedFile struct {
	vfs.File
	guard   *guard
	growth  *growth // nil: nothing is noted of it
	scratch []byte  // of a file that is noted: what is written
}

func (f *guardedFile) Write(p []byte) (int, error) {
	n := 0
	err := f.guard.change(func() error {
		rest := p[n:]
		if f.growth != nil {
			// What p holds after it was written isn't known: Pebble's files in memory spoil it in tests.
			f.scratch = append(f.scratch[:0], rest...)
			rest = f.scratch
		}
		m, err := f.File.Write(rest)
		if f.growth != nil {
			f.growth.wrote(p[n : n+m])
		}
		n += m
		return err
	})
	return n, f.guard.written(err)
}

// WriteAt writes anywhere. Pebble does so in no file that is noted; of one in which it did, the sum would be wrong.
func (f *guardedFile) WriteAt(p []byte, offset int64) (int, error) {
	if f.growth != nil {
		return 0, f.guard.written(fmt.Errorf("write in the middle of %s", f.growth.name))
	}
	n := 0
	err := f.guard.change(func() error {
		m, err := f.File.WriteAt(p[n:], offset+int64(n))
		n += m
		return err
	})
	return n, f.guard.written(err)
}

func (f *guardedFile) Preallocate(offset, length int64) error {
	return f.guard.written(f.guard.change(func() error { return f.File.Preallocate(offset, length) }))
}

func (f *guardedFile) Sync() error { return f.sync(f.File.Sync) }

func (f *guardedFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *guardedFile) sync(do func() error) error {
	return f.guard.written(f.guard.once(func() error {
		if f.growth == nil {
			return do()
		}
		return f.growth.sync(do)
	}))
}

func (f *guardedFile) Close() error { return f.guard.written(f.File.Close()) }

func (f *guardedFile) SyncTo(length int64) (full bool, err error) {
	err = f.guard.once(func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, f.guard.written(err)
}
