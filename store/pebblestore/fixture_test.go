package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parlance"
	"parlance/store/driver"
)

// The tests' rows: a log, whose n-th entry is claimed together with a row that says n.
var (
	entries = driver.Partition{Table: driver.Claimed, Key: "log"}
	derived = driver.Partition{Table: driver.Derived, Key: "derived"}
	head    = []byte("head")
)

func quiet(fs vfs.FS) Options {
	return Options{FS: fs, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler), retryFull: time.Millisecond}
}

func open(t *testing.T, dir string, o Options) *Engine {
	t.Helper()
	e, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func closeEngine(t *testing.T, e *Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func key(n int) []byte { return fmt.Appendf(nil, "%06d", n) }

// value is n followed by bytes that don't compress, size in all.
func value(n, size int) []byte {
	b := fmt.Appendf(nil, "%06d", n)
	for x := uint32(n)*2654435761 + 1; len(b) < size; x = x*1664525 + 1013904223 {
		b = append(b, byte(x>>24))
	}
	return b
}

func appendEntry(e *Engine, n, size int) error {
	return e.Claim(context.Background(), entries, []driver.Claim{{Key: key(n), Value: value(n, size)}},
		[]driver.Op{{Partition: derived, Key: head, Value: key(n)}}, driver.Version(n))
}

// length returns how many entries there are, and an error unless they are whole,
// without gaps, and agree with the derived row. A claim of which nobody knows whether it was made
// may still be made meanwhile; then it looks again.
func length(e *Engine, size int) (int, error) {
	for {
		before, err := e.Get(context.Background(), derived, [][]byte{head})
		if err != nil {
			return 0, err
		}
		n := 0
		for r, err := range e.Scan(context.Background(), entries, driver.Range{}) {
			if err != nil {
				return 0, err
			}
			n++
			if string(r.Key) != string(key(n)) || string(r.Value) != string(value(n, size)) {
				return 0, fmt.Errorf("entry %d is %q with %d bytes", n, r.Key, len(r.Value))
			}
		}
		after, err := e.Get(context.Background(), derived, [][]byte{head})
		if err != nil {
			return 0, err
		}
		switch got := string(after[0]); {
		case got != string(before[0]):
			continue
		case n > 0 && got != string(key(n)), n == 0 && after[0] != nil:
			return 0, fmt.Errorf("%d entries and a head of %q", n, got)
		}
		return n, nil
	}
}

func wantLength(t *testing.T, e *Engine, size, least, most int) {
	t.Helper()
	n, err := length(e, size)
	if err != nil {
		t.Error(err)
	} else if n < least || n > most {
		t.Errorf("%d entries, want %d to %d", n, least, most)
	}
}

func wantKind(t *testing.T, err error, kind parlance.ErrorKind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want one that is %v", err, kind)
	}
}
