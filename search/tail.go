package search

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"

	"parlance"
	"parlance/search/internal/block"
	"parlance/search/internal/fold"
	"parlance/store"
)

// Bounds of what is kept in memory of what isn't in blocks yet. Above them it is read for each query.
const (
	maxTail      = 4096
	maxTailBytes = 16 << 20 // of messages with everything that is kept of them
	maxTails     = 64 << 20 // the same of all workspaces together
)

// A fresh is a version of a message that no block has yet.
type fresh struct {
	block.Document
	message *parlance.Message // holds on to all that is stored of it
	size    int               // bytes that are held
	at      store.Change      // in the feed
}

// A tail is what came since the blocks.
type tail struct {
	from  parlance.Time // the feed was read up to here, exclusive; what stands at or above it may have got company since
	docs  []*fresh      // never changed, only added to or replaced
	known map[EntryName]struct{}
	bytes int           // of docs
	all   *atomic.Int64 // of all tails
	more  bool          // not all is here
	until position      // what lies below was forgotten
}

// trim forgets what lies below a position.
func (t *tail) trim(until position) {
	if t.until == until {
		return
	}
	if t.more || until.before(&t.until) {
		t.clear() // not all is here, or blocks were given up
	}
	t.until = until
	var docs []*fresh
	for _, d := range t.docs {
		if c := until.compare(&d.at); c > 0 || c == 0 && d.Number >= until.Next {
			docs = append(docs, d)
			continue
		}
		delete(t.known, EntryName{d.Conversation, d.Number})
		t.hold(-d.size)
	}
	t.docs = docs
	t.from = max(t.from, until.At)
}

// overflow gives up what is in memory: it is read for each query until blocks are built.
func (t *tail) overflow() {
	t.clear()
	t.more = true
}

// clear forgets all that is in memory, and up to where the feed was read.
func (t *tail) clear() {
	t.hold(-t.bytes)
	*t = tail{until: t.until, all: t.all}
}

// hold counts bytes more, or less.
func (t *tail) hold(bytes int) {
	t.bytes += bytes
	t.all.Add(int64(bytes))
}

// forget takes entries out.
func (t *tail) forget(erased map[EntryName]struct{}) {
	if len(erased) == 0 {
		return
	}
	var docs []*fresh
	for _, d := range t.docs {
		if _, gone := erased[EntryName{d.Conversation, d.Number}]; gone {
			t.hold(-d.size)
			continue // it stays known, so that it isn't read again
		}
		docs = append(docs, d)
	}
	t.docs = docs
}

// follow reads what came since. The caller holds mu.
func (w *workspace) follow(ctx context.Context) error {
	t := &w.tail
	if t.more {
		return nil // until blocks are built
	}
	if t.known == nil {
		t.known = map[EntryName]struct{}{}
	}
	from := max(t.from, w.state.until.At)
	settled, err := w.ix.store.Settled(ctx, w.id)
	if err != nil {
		return err
	}
	for c, err := range w.ix.store.Changes(ctx, w.id, from) {
		if err != nil {
			return err
		}
		first, count := w.state.until.left(&c)
		for ; count > 0; first, count = first+1, count-1 {
			if _, there := t.known[EntryName{c.Conversation, first}]; !there {
				break
			}
		}
		if count == 0 {
			continue
		}
		if len(t.docs)+count > maxTail {
			t.overflow()
			return nil
		}
		for d, err := range w.ix.documents(ctx, w.id, c, first, count) {
			if err != nil {
				return err
			}
			name := EntryName{d.Conversation, d.Number}
			if _, there := t.known[name]; there {
				continue
			}
			t.known[name] = struct{}{}
			if !w.state.readable(d) {
				continue
			}
			t.docs = append(t.docs, d)
			if t.hold(d.size); t.bytes > maxTailBytes || t.all.Load() > maxTails {
				t.overflow()
				return nil
			}
		}
	}
	t.from = max(from, settled)
	return nil
}

// documents reads entries of a change.
func (ix *Index) documents(ctx context.Context, ws parlance.WorkspaceID, c store.Change, first uint64, count int) iter.Seq2[*fresh, error] {
	return func(yield func(*fresh, error) bool) {
		ref := parlance.Ref{Workspace: ws, Conversation: c.Conversation}
		about, err := ix.store.Conversation(ctx, ref)
		if err != nil {
			yield(nil, fmt.Errorf("read the conversation of new messages: %w", err))
			return
		}
		thread := threadOf(&about)
		for e, err := range ix.store.LogRange(ctx, ref, first, count) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(documentOf(thread, &e, c), nil) {
				return
			}
		}
	}
}

func threadOf(c *parlance.Conversation) block.Thread {
	return block.Thread{ID: c.ID, Kind: c.Kind, Platform: c.Platform}
}

// maxName is how many bytes of a sender's folded name the index knows.
const maxName = 128

// nameOf returns what the index knows of a sender's name: all of it, if that is shorter than maxName.
func nameOf(name string) string {
	name = fold.Name(name)
	return name[:min(len(name), maxName)]
}

// documentOf is what the index knows of an entry.
func documentOf(t block.Thread, e *store.Entry, at store.Change) *fresh {
	m := &e.Message
	// Copies: a document outlives its entry, and a piece of a text holds on to all that was stored with it.
	folded := strings.Clone(fold.Fold(m.Text))
	return &fresh{
		Document: block.Document{
			Name:   block.Name{Created: m.Created, Conversation: t.ID, First: e.First, Number: e.Number},
			Thread: t,
			Sender: block.Sender{
				ID: parlance.AccountID(strings.Clone(string(m.Sender))), Acting: parlance.AccountID(strings.Clone(string(m.Acting))),
				Name: strings.Clone(nameOf(m.SenderName)),
			},
			Flags:  block.FlagsOf(m, folded),
			Folded: folded,
		},
		message: m,
		size:    e.Size() + len(folded),
		at:      at,
	}
}
