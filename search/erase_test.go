package search_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parlance"
	"parlance/search"
	"parlance/search/query"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// A parted engine keeps the pages of the search index in a folder of their own, so that what is there can be looked at, and remembers
// those that were written.
type parted struct {
	driver.Engine
	pages   *pebblestore.Engine
	written *[][]byte
}

func (e parted) of(p driver.Partition) driver.Engine {
	if p.Table == driver.Derived && p.Key[0] == 's' {
		return e.pages
	}
	return e.Engine
}

func (e parted) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	return e.of(p).Get(ctx, p, keys)
}

func (e parted) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return e.of(p).Scan(ctx, p, r)
}

func (e parted) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	if len(ops) == 0 {
		return nil
	}
	for _, op := range ops {
		if e.of(op.Partition) == driver.Engine(e.pages) && !op.Delete {
			*e.written = append(*e.written, bytes.Clone(op.Value))
		}
	}
	return e.of(ops[0].Partition).Write(ctx, ops, v)
}

func (e parted) Close() error { return nil }

// holds reports whether a file below dir has some bytes.
func holds(t *testing.T, dir string, some []byte) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, some) {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestErasedEntriesLeaveTheIndex erases a message: no answer has it, no page that can be read tells of it, and after a compaction no file has the
// pages that did.
func TestErasedEntriesLeaveTheIndex(t *testing.T) {
	dir := t.TempDir()
	pages, err := pebblestore.Open(dir, pebblestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var written [][]byte
	w := newWorldOn(t, 21, parted{memory(t), pages, &written})
	ref := w.refs[0]
	for i := range 3 { // several blocks, and merged ones
		for range 40 {
			w.do()
		}
		out, err := w.store.Put(t.Context(), ref, store.Send, parlance.Message{ID: parlance.MessageID(fmt.Sprint("canary", i)), Sender: "al", Text: "the canarybird sings"})
		if err != nil {
			t.Fatal(err)
		}
		_ = out
		w.clock.now++
		if i < 2 {
			if err := w.build(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := len(written)
	var names []search.EntryName
	q, err := query.Parse("canarybird in:history", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	find := func(ix *search.Index) []search.Hit {
		t.Helper()
		r, err := ix.Search(t.Context(), "w", search.Request{Query: q, Scope: search.Scope{History: true}, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return r.Hits
	}
	for _, h := range find(w.index) {
		names = append(names, search.EntryName{Conversation: h.Conversation, Number: h.Entry.Number})
	}
	if len(names) != 3 {
		t.Fatalf("%d messages have the canary", len(names))
	}
	if err := w.index.Erase(t.Context(), "w", names...); err != nil {
		t.Fatal(err)
	}
	if hits := find(w.index); len(hits) != 0 {
		t.Errorf("%d are found", len(hits))
	}
	other := w.on(w.engine)
	if hits := find(other.index); len(hits) != 0 {
		t.Errorf("another process finds %d", len(hits))
	}
	w.clock.now++
	if err := other.build(1); err != nil {
		t.Fatal(err)
	}
	if hits := find(other.index); len(hits) != 0 {
		t.Errorf("after a build %d are found", len(hits))
	}
	other.verify()
	// The pages that held it were there, and are gone.
	told := written[:before]
	there := 0
	for _, p := range told {
		if holds(t, dir, p) != "" {
			there++
		}
	}
	if there == 0 {
		t.Error("none of the pages was in a file: this shows nothing")
	}
	if err := pages.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := pages.Close(); err != nil {
		t.Fatal(err)
	}
	if pages, err = pebblestore.Open(dir, pebblestore.Options{}); err != nil { // its log goes
		t.Fatal(err)
	}
	if err := pages.Close(); err != nil {
		t.Fatal(err)
	}
	for i, p := range told {
		if file := holds(t, dir, p); file != "" && !isPageOfNow(written[before:], p) {
			t.Errorf("page %d of before is in %s", i, file)
		}
	}
}

// isPageOfNow reports whether a page is one of those that were written since: pages of blocks without the message may be the same.
func isPageOfNow(now [][]byte, page []byte) bool {
	for _, p := range now {
		if bytes.Equal(p, page) {
			return true
		}
	}
	return false
}
