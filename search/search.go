// Package search finds messages: it hides the index, which is derived from the logs, lags behind them and may be lost, behind answers that
// are exact.
//
// A query's answer is what a plain scan of all messages would give. What was written last is scanned; the rest is in immutable blocks (see
// package block), which lead to the versions of messages that may match. Each of these is read from its log and
// held against the query before it is told, so the index decides what is read and never what is found.
package search

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"parlance"
	"parlance/search/internal/block"
	"parlance/store"
)

// An Index searches the workspaces of a store. It may be used by many goroutines.
type Index struct {
	store *store.Store
	log   *slog.Logger
	cache *block.Cache
	node  string // names this process among those that build

	mu         sync.Mutex
	workspaces map[parlance.WorkspaceID]*workspace

	held  atomic.Int64 // bytes that the tails of all workspaces hold
	wrote sync.Map     // WorkspaceID → struct{}: since it was looked
}

// Options are an index's settings. The zero value is good.
type Options struct {
	Logger *slog.Logger // nil: silent
	Cache  int          // bytes of pages that are kept; 0 means 32 MiB
}

// Open returns the index of a store. It reads nothing yet.
func Open(s *store.Store, o Options) *Index {
	if o.Cache == 0 {
		o.Cache = 32 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	var name [8]byte
	_, _ = rand.Read(name[:]) // it never fails
	return &Index{
		store: s, log: o.Logger, cache: block.NewCache(o.Cache), node: hex.EncodeToString(name[:]),
		workspaces: map[parlance.WorkspaceID]*workspace{},
	}
}

// Close ends the index's upkeep. The store is not closed.
func (ix *Index) Close() { ix.cache.Close() }

// workspace returns what is known of a workspace.
func (ix *Index) workspace(ws parlance.WorkspaceID) *workspace {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	w := ix.workspaces[ws]
	if w == nil {
		w = &workspace{ix: ix, id: ws, rows: ix.store.Blocks(ws), tail: tail{all: &ix.held}}
		ix.workspaces[ws] = w
	}
	return w
}

// A workspace is the index of one workspace.
type workspace struct {
	ix   *Index
	id   parlance.WorkspaceID
	rows store.Blocks

	building sync.Mutex // held by who builds, in this process

	mu    sync.Mutex // held while what follows is read anew
	state *state     // nil: not read yet
	tail  tail
}

// A view is what one query sees: all versions of messages that were stored when it began are in its blocks or in its tail,
// or in both.
type view struct {
	blocks []*readBlock // by High, descending
	tail   []*fresh
	more   bool // there is more in the tail than is held in memory: it has to be read
	state  *state
}

// view brings the tail up to date and returns what there is.
func (w *workspace) view(ctx context.Context) (*view, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == nil || w.ix.store.Shared() {
		if err := w.load(ctx); err != nil {
			return nil, err
		}
	}
	if err := w.follow(ctx); err != nil {
		return nil, err
	}
	return &view{blocks: w.state.blocks, tail: w.tail.docs, more: w.tail.more, state: w.state}, nil
}

// unindexed is a view of the same messages without any block.
func (w *workspace) unindexed(context.Context) (*view, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &view{more: true, state: &state{erased: w.state.erased}}, nil
}

// load reads the records anew, and forgets of the tail what is in blocks now. The caller holds mu.
func (w *workspace) load(ctx context.Context) error {
	rows, err := w.rows.Records(ctx)
	if err != nil {
		return err
	}
	w.take(readState(rows))
	return nil
}

// take makes next the state. The caller holds mu.
func (w *workspace) take(next *state) {
	useless := next.useless() != ""
	if useless {
		next.until = position{} // all is read until it is built again
	}
	for i := range next.records {
		r := &next.records[i]
		if r.State == ready && !useless {
			id := r.id
			next.blocks = append(next.blocks, &readBlock{record: r, Block: block.Open(string(id[:]), r.descriptor(), w.getter(id), w.ix.cache)})
		}
	}
	sortBlocks(next.blocks)
	w.state = next
	w.tail.trim(next.until)
	w.tail.forget(next.erased)
}

// getter reads the pages of a block.
func (w *workspace) getter(id store.BlockID) block.Get {
	return func(ctx context.Context, s block.Section, number int) ([]byte, error) {
		p, err := w.rows.Page(ctx, id, byte(s), number)
		if err == nil && p == nil {
			err = parlance.Wrap(parlance.Corrupt, block.ErrDamaged, "block %x of the search index has no page %d of section %c", id, number, s)
		}
		if err != nil {
			return nil, err
		}
		if p, err = unpack(p); err != nil {
			return nil, fmt.Errorf("block %x of the search index, page %d of section %c: %w", id, number, s, err)
		}
		return p, nil
	}
}

// now returns the state as it was last read.
func (w *workspace) now() *state {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// reload reads the records anew.
func (w *workspace) reload(ctx context.Context) (*state, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.load(ctx)
	return w.state, err
}
