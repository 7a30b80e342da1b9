package export_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"parlance"
	"parlance/export"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// A claimCounter counts what is claimed.
type claimCounter struct {
	driver.Engine
	n atomic.Int64
}

func (c *claimCounter) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	c.n.Add(1)
	return c.Engine.Claim(ctx, p, claims, ops, v)
}

// A mixedFile is lines in which the conversations take turns.
type mixedFile struct {
	lines, conversations int
	given                int
	read                 func(given int)
	rest                 string
}

// Read makes the next lines.
func (f *mixedFile) Read(b []byte) (int, error) {
	if f.rest == "" {
		if f.given == f.lines {
			return 0, io.EOF
		}
		id := parlance.ConversationID(fmt.Sprintf("c%05d", f.given%f.conversations))
		f.rest = lines(record(id, parlance.MessageID(fmt.Sprintf("m%07d", f.given)), parlance.Time(1e12+f.given)))
		f.given++
		f.read(f.given)
	}
	n := copy(b, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// TestMixedConversationsAreWrittenTogether finds that an import of conversations that take turns writes each of them once
// for many of its messages, and yet reads only so far ahead of what it has written.
func TestMixedConversationsAreWrittenTogether(t *testing.T) {
	memory, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	e := &claimCounter{Engine: memory}
	s, err := store.Open(t.Context(), e, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	const all, conversations = 90_000, 2000
	var written atomic.Int64
	ahead := 0
	f := &mixedFile{lines: all, conversations: conversations, read: func(given int) { ahead = max(ahead, given-int(written.Load())) }}
	r, err := export.Import(t.Context(), s, ws, "f", f, export.ImportOptions{Progress: func(p export.Progress) { written.Store(int64(p.Messages)) }})
	if err != nil || r.New != all || r.Conversations != conversations {
		t.Fatalf("report %+v, %v", r, err)
	}
	// Two windows of messages, the members and the title.
	if n := e.n.Load(); n > 5*conversations {
		t.Errorf("%d claims for %d messages over %d conversations", n, all, conversations)
	}
	if bound := (16+1+runtime.GOMAXPROCS(0))*4096 + 1000; ahead > bound {
		t.Errorf("%d lines were read and not written, want at most %d", ahead, bound)
	}
}

// TestLongLinesAmongMixedConversations finds that lines of which only one is held at a time are written, wherever in a window
// they come.
func TestLongLinesAmongMixedConversations(t *testing.T) {
	s := open(t)
	var b strings.Builder
	for i := range 12_000 {
		r := record(parlance.ConversationID(fmt.Sprintf("c%05d", i)), "m", parlance.Time(1e12+i))
		if i%2500 == 1 {
			r.Text = strings.Repeat("x", 3<<20)
		}
		b.WriteString(lines(r))
	}
	if r := load(t, s, b.String(), export.ImportOptions{}); r.New != 12_000 {
		t.Errorf("report is %+v", r)
	}
}
