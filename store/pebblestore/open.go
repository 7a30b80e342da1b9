package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"parlance"
)

// Options say how an engine is opened. The zero value is good.
type Options struct {
	// FS is the file system; nil means the disk.
	FS vfs.FS
	// CacheBytes is how much of the tables is kept in memory, uncompressed. 0 means 128 MB.
	CacheBytes int64
	// Logger is told what the operator should know; nil means slog.Default. Pebble's
	// own chatter goes there at debug level.
	Logger *slog.Logger

	// retryFull is the time between two attempts to write to a full disk; 0 means 200 ms.
	retryFull time.Duration

	readOnly bool // the folder is changed in nothing
}

// format is the format of Pebble's files that this engine writes. Raising it is a decision:
// older programs can't open the folder afterwards. In this one the log tells a torn
// tail, which a crash leaves, from damage before it, and tables have sums on their footers.
const format = pebble.FormatTableFormatV6

const (
	memtable  = 64 << 20
	memtables = 3       // that may be filled before writers wait
	blockSize = 8 << 10 // docs/decisions, 12
)

// DefaultCacheBytes is Options.CacheBytes where it is 0.
const DefaultCacheBytes = 128 << 20

// OutsideOfGo returns how many bytes of memory an engine with such a cache takes at most of which Go's collector doesn't know: those of its
// memtables and of its block cache, if the program was built with cgo.
func OutsideOfGo(cacheBytes int64) int64 {
	if !manual {
		return 0
	}
	if cacheBytes == 0 {
		cacheBytes = DefaultCacheBytes
	}
	return cacheBytes + memtables*memtable
}

// ErrInUse is in the chain of Open's error if another process, or this one, has the store open, and of no
// other error that is of kind [parlance.Unavailable].
var ErrInUse = errors.New("its lock is held")

// Open opens the store in the folder dir, and makes both if there are none. A folder that can't be written is opened to be read, which
// [driver.Bounds.ReadOnly] says then: nothing in it changes, several processes may have it open, and what an unclosed store's log holds
// is in memory. The errors:
//
//   - [parlance.Unavailable]: another process has the store open, which is [ErrInUse] too, or the disk is full
//   - [parlance.Invalid]: the folder holds other files and no store, was written by a newer
//     program, or can't be accessed
//   - [parlance.Corrupt]: something in the folder is damaged; the folder's contents are as they were
func Open(dir string, o Options) (*Engine, error) {
	onDisk := o.FS == nil
	if onDisk {
		o.FS = vfs.Default
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("open the store in %s: %w", dir, err)
		}
		// A folder must have one name in this process, for its lock goes by that.
		if real, err := filepath.EvalSymlinks(abs); err == nil {
			abs = real
		}
		dir = abs
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.retryFull == 0 {
		o.retryFull = 200 * time.Millisecond
	}
	o.readOnly = onDisk && mayOnlyRead(dir)
	e, err := openOnce(dir, o)
	if onlyRead(err) && !o.readOnly {
		o.readOnly = true
		return openOnce(dir, o)
	}
	return e, err
}

// onlyRead reports whether err says that files can't be written.
func onlyRead(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}

// openOnce opens the store either to be written or to be read.
func openOnce(dir string, o Options) (*Engine, error) {
	if err := prepare(dir, o); err != nil {
		return nil, openError(dir, err)
	}
	lock, err := lockFolder(dir, o)
	if err != nil {
		return nil, lockError(dir, err)
	}
	if err := checkSeal(dir, o.FS); err != nil {
		return nil, errors.Join(openError(dir, err), lock.Close())
	}
	n, err := readNote(dir, o.FS, o.Logger)
	if err != nil {
		return nil, errors.Join(openError(dir, err), lock.Close())
	}
	e := &Engine{
		dir: dir, log: o.Logger, lock: lock, seed: maphash.MakeSeed(), readOnly: o.readOnly,
		guard: newGuard(o.FS, dir, o, n),
		// Pebble takes what its memtables hold, one in use and one kept for the next, out of the cache.
		cache: pebble.NewCache(o.CacheBytes + 2*memtable),
	}
	for i := range e.stripes {
		e.stripes[i] = make(chan struct{}, 1)
	}
	if err := e.openDB(settings(e, o.Logger)); err != nil {
		e.cache.Unref()
		return nil, errors.Join(openError(dir, err), n.close(), lock.Close())
	}
	e.guard.open()
	return e, nil
}

// lockFolder takes the lock that keeps other processes out, or if the folder is only read those that write.
func lockFolder(dir string, o Options) (io.Closer, error) {
	name := o.FS.PathJoin(dir, "LOCK")
	if !o.readOnly {
		return o.FS.Lock(name)
	}
	if o.FS != vfs.Default {
		return io.NopCloser(nil), nil
	}
	return lockToRead(name)
}

// OpenMemory opens an empty store in memory, which ends with it.
func OpenMemory() (*Engine, error) {
	return Open("memory", Options{FS: vfs.NewMem(), CacheBytes: 8 << 20})
}

// openDB opens Pebble in a goroutine of its own, which Fatalf may end. Where the disk
// fails, Pebble also panics, or tries to write what the log holds again and again for ever: then
// it is left behind, cut off from the disk.
func (e *Engine) openDB(o *pebble.Options) error {
	done := make(chan error, 1)
	go func() {
		err := errors.New("pebble gave up")
		defer func() {
			if r := recover(); r != nil {
				err = asError(r)
			} else if _, failed := e.guard.state(); failed != nil {
				err = failed
			}
			done <- err
		}()
		db, err2 := pebble.Open(e.dir, o)
		e.db, err = db, err2
	}()
	select {
	case err := <-done:
		return err
	case <-e.guard.stop:
		_, err := e.guard.state()
		e.guard.quiesce()
		return err
	}
}

func settings(e *Engine, log *slog.Logger) *pebble.Options {
	quiet := quietLogger{log: log, guard: e.guard}
	o := &pebble.Options{
		FS:                          e.guard,
		ReadOnly:                    e.readOnly,
		Cache:                       e.cache,
		FormatMajorVersion:          format,
		MemTableSize:                memtable,
		MemTableStopWritesThreshold: memtables,
		L0CompactionThreshold:       4,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		Logger:                      quiet,
		EventListener: &pebble.EventListener{
			BackgroundError: e.backgroundError,
			DataCorruption: func(i pebble.DataCorruptionInfo) {
				e.sayOnce(i.Details, "store is damaged", "dir", e.dir, "file", i.Path)
			},
		},
	}
	for i := range o.Levels {
		// Nearly all data comes to rest in the last levels; what is above is soon written again.
		compression := sstable.FastestCompression
		if i >= len(o.Levels)-2 {
			compression = sstable.ZstdCompression
		}
		o.Levels[i] = pebble.LevelOptions{
			BlockSize:    blockSize,
			Compression:  func() *sstable.CompressionProfile { return compression },
			FilterPolicy: bloom.FilterPolicy(10),
			FilterType:   pebble.TableFilter,
		}
	}
	return o
}

// prepare makes the folder, or finds out that it isn't one for a store.
func prepare(dir string, o Options) error {
	fsys := o.FS
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if o.readOnly {
			return parlance.Wrap(parlance.Invalid, err, "there is no store in %s, and none can be made there", dir)
		}
		return makeFolder(dir, fsys)
	}
	if err != nil {
		return err
	}
	rows := false
	for _, name := range names {
		if strings.HasPrefix(name, markerPrefix) {
			return nil
		}
		rows = rows || strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".log")
	}
	// A crash may have come before the store was made; then there is a manifest at most.
	foreign := slices.DeleteFunc(names, func(name string) bool {
		return name == "LOCK" || name == "lost+found" ||
			strings.HasPrefix(name, "marker.") || name == sealName || name == noteName || strings.HasPrefix(name, "MANIFEST-") || strings.HasPrefix(name, "OPTIONS-")
	})
	made := len(foreign) < len(names)
	if rows && made {
		return parlance.Errorf(parlance.Corrupt,
			"the store in %s has lost the file marker.manifest.*, which names its manifest; nothing was changed: restore the folder from a backup", dir)
	}
	if len(foreign) > 0 {
		slices.Sort(foreign)
		return parlance.Errorf(parlance.Invalid,
			"the folder %s holds other files (%s) and no store; name an empty folder", dir, foreign[0])
	}
	if o.readOnly {
		return parlance.Errorf(parlance.Invalid, "there is no store in %s, and none can be made there: it can only be read", dir)
	}
	return nil
}

// makeFolder makes dir and what leads to it, so that a crash doesn't lose it again.
func makeFolder(dir string, fsys vfs.FS) error {
	parent := fsys.PathDir(dir)
	if _, err := fsys.Stat(parent); errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := makeFolder(parent, fsys); err != nil {
			return err
		}
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	d, err := fsys.OpenDir(parent)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func lockError(dir string, err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) && !errors.Is(err, fs.ErrPermission) {
		return parlance.Wrap(parlance.Unavailable, fmt.Errorf("%w (%w)", ErrInUse, err), "the store in %s is in use by another process", dir)
	}
	if strings.Contains(err.Error(), "lock held by current process") {
		return parlance.Wrap(parlance.Unavailable, fmt.Errorf("%w (%w)", ErrInUse, err), "the store in %s is in use by this process already", dir)
	}
	return openError(dir, err)
}

// An oneLine is an error whose text is one line, whatever Pebble puts together.
type oneLine struct{ error }

func (e oneLine) Error() string {
	lines := strings.FieldsFunc(e.error.Error(), func(r rune) bool { return r == '\n' || r == '\r' })
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "<corruption detail carrier>" }) // says nothing to anybody
	return strings.Join(lines, "; ")
}

func (e oneLine) Unwrap() error { return e.error }

// openError says what is to be done about err. An error that isn't the
// operating system's is about what the files hold.
func openError(dir string, err error) error {
	var errno syscall.Errno
	var known *parlance.Error
	switch {
	case errors.As(err, &known):
		return err
	case passes(err):
		return noRoom(dir, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return parlance.Wrap(parlance.Invalid, err, "the store in %s can't be accessed", dir)
	case strings.Contains(err.Error(), "unknown format major version"):
		return parlance.Wrap(parlance.Invalid, err,
			"the store in %s was written by a newer program; open it with that one or a later one. Nothing was changed", dir)
	case errors.Is(err, fs.ErrNotExist), !errors.As(err, &errno):
		return parlance.Wrap(parlance.Corrupt, oneLine{err}, "the store in %s is damaged; nothing was changed: restore the folder from a backup", dir)
	default:
		return parlance.Wrap(parlance.Unavailable, oneLine{err}, "open the store in %s", dir)
	}
}

// readError gives an error of Pebble's reads its kind.
func (e *Engine) readError(err error) error {
	switch {
	case pebble.IsCorruptionError(err):
		return parlance.Wrap(parlance.Corrupt, oneLine{err}, "the store in %s is damaged: restore the folder from a backup", e.dir)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	default:
		return parlance.Wrap(parlance.Unavailable, err, "read from the store in %s", e.dir)
	}
}

// Close waits for calls under way and releases the folder. If the engine can't write
// it returns why, and leaves the folder as a crash would: whole.
func (e *Engine) Close() error {
	e.calls.Wait()
	trouble, err := e.guard.state()
	if err == nil {
		closed := make(chan error, 1)
		go func() {
			err := errors.New("pebble gave up")
			defer func() { closed <- err }()
			e.commits.Wait()
			err = errors.Join(e.db.Close(), e.guard.note.close())
		}()
		select {
		case err := <-closed:
			e.cache.Unref()
			if err != nil {
				return errors.Join(parlance.Wrap(parlance.Unavailable, err, "close the store in %s", e.dir), e.lock.Close())
			}
			if e.readOnly {
				return e.lock.Close()
			}
			if err := seal(e.dir, e.guard.FS); err != nil {
				e.log.Warn("store closed without a seal: damage at rest may go unnoticed", "dir", e.dir, "error", oneLine{err})
			}
			return e.lock.Close()
		case <-trouble:
			_, err = e.guard.state()
		}
	}
	// Closing Pebble now could take forever. Cut off from the disk, it does no harm.
	err = e.guard.fail(err)
	e.guard.quiesce()
	return errors.Join(err, e.guard.note.close(), e.lock.Close())
}

// A quietLogger passes Pebble's talk on.
type quietLogger struct {
	log   *slog.Logger
	guard *guard
}

func (l quietLogger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("pebble: " + fmt.Sprintf(format, args...))
	}
}

func (l quietLogger) Errorf(format string, args ...any) {
	l.log.Warn("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf is called where Pebble can't go on, and must not return. It ends the
// goroutine instead of the process, which gives back the locks that are held, after it has
// cut Pebble off from the disk. Reads go on.
func (l quietLogger) Fatalf(format string, args ...any) {
	fatal := fatalError{text: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			fatal.cause = err
		}
	}
	l.guard.fail(fatal)
	runtime.Goexit()
}

// A fatalError is what Pebble ends a process with, and the error behind it, if there is one.
type fatalError struct {
	text  string
	cause error
}

func (e fatalError) Error() string { return e.text }
func (e fatalError) Unwrap() error { return e.cause }

// backgroundError hears of work that nobody waits for. Pebble tries it again at once, and for ever. While the store is being opened that
// would never end, for the opening waits for it; afterwards the guard makes whatever finds no room wait, so what
// comes here is rare, or the same over and over.
func (e *Engine) backgroundError(err error) {
	if !pebble.IsCorruptionError(err) && e.guard.failOpening(err) {
		return
	}
	e.sayOnce(err, "store's background work failed", "dir", e.dir)
}

// maxSaid is how many errors are remembered; then they are forgotten.
const maxSaid = 100

// sayOnce logs an error, unless it was logged less than a minute ago.
func (e *Engine) sayOnce(err error, text string, args ...any) {
	err = oneLine{err} // Pebble's own would be logged with the stack that it came up in
	e.said.Lock()
	defer e.said.Unlock()
	now := time.Now()
	if at, said := e.said.at[err.Error()]; said && now.Sub(at) < time.Minute {
		return
	}
	if len(e.said.at) >= maxSaid || e.said.at == nil {
		e.said.at = map[string]time.Time{}
	}
	e.said.at[err.Error()] = now
	e.log.Error(text, append(args, "error", err)...)
}
