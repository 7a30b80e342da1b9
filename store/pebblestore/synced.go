package pebblestore

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A note is the file SYNCED, which says how far the logs and the manifest of an open store are synced: of each its size and the sum of what
// it holds up to there. Pebble takes a log that ends early for one that a crash cut off, and one that is missing for
// one that it had removed; with the note both are found, also in a store that was never closed.
//
// It must never refuse a good store, so it may be behind the files, but never ahead:
//
//   - It is written after a sync, of what had been written before that sync.
//   - It names the manifest. Of another one than the current it says nothing, as a seal does.
//   - Before a file that it names is removed, renamed or begun anew, a note without it is written and synced.
//
// Otherwise it isn't synced, so it costs no write of an entry a second sync: when a process is killed it is whole, when the power fails it
// may be some seconds old, or torn, which its own sum tells. Then it says less, or nothing.
type note struct {
	log  *slog.Logger
	fs   vfs.FS
	name string // of the file

	mu       sync.Mutex
	file     vfs.File // nil until there is something to say
	manifest string
	synced   map[string]extent // by the file's name
	said     bool              // that it can't be written
}

// An extent is the beginning of a file: its size in bytes and its sum.
type extent struct {
	size int64
	sum  uint32
}

const (
	noteName = "SYNCED"
	// noteSize is the size of a note, one sector of a disk: lines as those of a seal, the newest files' first; empty lines; and the sum
	// of all this in 8 hexadecimal digits and a line's end.
	noteSize = 512
	noteSum  = noteSize - 9
)

// readNote returns the note in dir, to be written on, and reports a file that doesn't hold what it says as a [parlance.Corrupt] error.
func readNote(dir string, fsys vfs.FS, log *slog.Logger) (*note, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, err
	}
	n := &note{log: log, fs: fsys, name: fsys.PathJoin(dir, noteName), manifest: currentManifest(names), synced: map[string]extent{}}
	f, err := fsys.Open(n.name)
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, noteSize))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return n, nil // nothing was synced yet
	}
	if len(text) < noteSize || string(text[noteSum:]) != noteSumOf(text[:noteSum]) {
		log.Warn("the note of how far the store's logs are synced isn't whole, as after a power failure: should the end of one be lost, it can't be told",
			"dir", dir, "file", noteName)
		return n, nil
	}
	manifest, lines, _ := strings.Cut(string(text[:noteSum]), "\n")
	if manifest != n.manifest {
		return n, nil
	}
	for line := range strings.Lines(strings.TrimRight(lines, "\n")) {
		var name string
		var want extent
		if _, err := fmt.Sscanf(line, "%s %d %x", &name, &want.size, &want.sum); err != nil || !sealed(name) || strings.ContainsAny(name, `/\`) {
			return nil, damaged(dir, noteName, err)
		}
		got, err := beginning(dir, name, want.size, fsys)
		if err == nil && got != want {
			err = fmt.Errorf("%d bytes of it were synced", want.size)
		}
		if err != nil {
			return nil, damaged(dir, name, err)
		}
		n.synced[name] = want
	}
	return n, nil
}

func noteSumOf(b []byte) string { return fmt.Sprintf("%08x\n", crc32.Checksum(b, castagnoli)) }

// beginning returns what a file begins with, up to size bytes.
func beginning(dir, name string, size int64, fsys vfs.FS) (extent, error) {
	f, err := fsys.Open(fsys.PathJoin(dir, name), vfs.SequentialReadsOption)
	if err != nil {
		return extent{}, err
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.LimitReader(f, size))
	return extent{n, sum.Sum32()}, errors.Join(err, f.Close())
}

func (n *note) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.file == nil {
		return nil
	}
	err := n.file.Close()
	n.file = nil
	return err
}

// extended notes that a file is synced up to there. If the note can't be written it is behind, and the next one says it.
func (n *note) extended(name string, to extent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.synced[name] = to
	n.writeOrSay()
}

// turned notes that a manifest is about to be the current one.
func (n *note) turned(manifest string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.manifest = manifest
	n.writeOrSay()
}

// forget sees to it that a file isn't noted any more, nor will be after a crash.
func (n *note) forget(name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	was, noted := n.synced[name]
	if !noted {
		return nil
	}
	delete(n.synced, name)
	err := n.write()
	if err == nil {
		err = n.file.SyncData()
	}
	if err != nil {
		n.synced[name] = was // to be forgotten once more
	}
	return err
}

func (n *note) writeOrSay() {
	if err := n.write(); err != nil && !n.said {
		n.said = true
		n.log.Warn("can't note how far the store's logs are synced: should the end of one be lost, it may go unnoticed", "file", noteName, "error", oneLine{err})
	}
}

func (n *note) write() (err error) {
	if n.file == nil {
		if n.file, err = n.fs.OpenReadWrite(n.name, vfs.WriteCategoryUnspecified); err != nil {
			n.file = nil
			return err
		}
	}
	_, err = n.file.WriteAt(n.text(), 0)
	return err
}

// text returns the note. Of files for which there is no room it says nothing.
func (n *note) text() []byte {
	b := make([]byte, 0, noteSize)
	b = append(append(b, n.manifest...), '\n')
	names := slices.SortedFunc(maps.Keys(n.synced), func(a, b string) int {
		return -strings.Compare(numberOf(a), numberOf(b))
	})
	for _, name := range names {
		e := n.synced[name]
		end := len(b)
		b = append(append(b, name...), ' ')
		b = append(strconv.AppendInt(b, e.size, 10), ' ')
		b = append(strconv.AppendUint(b, uint64(e.sum), 16), '\n')
		if len(b) > noteSum {
			b = b[:end]
			break
		}
	}
	for len(b) < noteSum {
		b = append(b, '\n')
	}
	return append(b, noteSumOf(b)...)
}

// numberOf returns what the sealed files' names are ordered by, the older ones lower: their numbers, of six digits or more.
func numberOf(name string) string {
	number := strings.TrimSuffix(strings.TrimPrefix(name, "MANIFEST-"), ".log")
	return fmt.Sprintf("%03d", len(number)) + number
}

// A growth is what was written to a file that notes name, from its beginning.
type growth struct {
	name string
	note *note

	mu      sync.Mutex
	written extent
}

func (g *growth) wrote(p []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.written.size += int64(len(p))
	g.written.sum = crc32.Update(g.written.sum, castagnoli, p)
}

// sync does a sync of the file, and notes what it covers.
func (g *growth) sync(do func() error) error {
	g.mu.Lock()
	before := g.written
	g.mu.Unlock()
	err := do()
	if err == nil {
		g.note.extended(g.name, before)
	}
	return err
}
