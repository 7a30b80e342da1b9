package search

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"parlance"
	"parlance/search/internal/block"
	"parlance/store"
	"parlance/store/driver"
)

// Bounds of what is built at once.
const (
	maxBuild      = block.ChunkDocuments // documents
	maxBuildBytes = 8 << 20              // of folded texts: each sign may be a term of its own, which takes 100 bytes while a block is made
	putPages      = 64                   // pages that are written at once
	mergeBlocks   = 16                   // of a level, which then become one
)

// lease is how long others wait for a process that builds, in milliseconds. It is renewed while it works.
const lease parlance.Time = 30_000

// dropDelay is how long a block can still be read after others have taken its place, in milliseconds: longer than any query takes.
const dropDelay parlance.Time = 120_000

// errBusy says that somebody else is building.
var errBusy = errors.New("somebody else is building the index")

// Build puts what isn't in blocks yet into blocks, if that are least entries, and merges small blocks. It returns how many
// entries it put. Progress, if it isn't nil, is told now and then how many it has put so far. If another process is at it, it does nothing.
func (ix *Index) Build(ctx context.Context, ws parlance.WorkspaceID, least int, progress func(entries int)) (int, error) {
	w := ix.workspace(ws)
	if v, err := w.view(ctx); err != nil || len(v.tail) < least && !v.more {
		return 0, err
	}
	w.building.Lock()
	defer w.building.Unlock()
	entries := 0
	for {
		n, err := w.step(ctx, least)
		entries += n
		if progress != nil && n > 0 {
			progress(entries)
		}
		switch {
		case errors.Is(err, errBusy):
			return entries, nil
		case err != nil:
			return entries, fmt.Errorf("build the search index of workspace %q: %w", ws, err)
		case n == 0:
			return entries, w.unlock(ctx)
		}
	}
}

// step makes one block of what came since, if that are least entries, and merges what is due. It returns how many entries it put; 0
// means that nothing is left to do.
func (w *workspace) step(ctx context.Context, least int) (int, error) {
	s, err := w.reload(ctx)
	if err != nil {
		return 0, err
	}
	if why := s.useless(); why != "" {
		w.ix.log.WarnContext(ctx, "the search index is of no use and is built again from the logs", "workspace", w.id, "why", why)
		if err := w.giveUp(ctx, s); err != nil {
			return 0, err
		}
	}
	if err := w.merge(ctx, w.now()); err != nil {
		return 0, err
	}
	if s, err = w.reload(ctx); err != nil {
		return 0, err
	}
	docs, held, next, err := w.gather(ctx, s)
	if err != nil || len(docs) == 0 || len(docs) < least && held < maxTailBytes {
		return 0, err
	}
	if s, err = w.lock(ctx, s); err != nil {
		return 0, err
	}
	n := len(docs)
	r, s, err := w.make(ctx, s, func(put block.Put) (block.Descriptor, error) { return block.Build(ctx, docs, put) })
	if err != nil {
		return 0, err
	}
	return n, w.publish(ctx, s, r, nil, &next)
}

// gather reads what is not in blocks: as many documents as one block takes, how many bytes they would hold in the tail, and the
// position behind them. It takes only what nothing can come before any more.
func (w *workspace) gather(ctx context.Context, s *state) (docs []block.Document, held int, next position, err error) {
	settled, err := w.ix.store.Settled(ctx, w.id)
	if err != nil {
		return nil, 0, next, err
	}
	next = s.until
	size := 0
	for c, err := range w.ix.store.Changes(ctx, w.id, s.until.At) {
		if err != nil {
			return nil, 0, next, err
		}
		if c.At >= settled || len(docs) >= maxBuild || size >= maxBuildBytes {
			break
		}
		first, count := s.until.left(&c)
		if count == 0 {
			continue
		}
		count = min(count, maxBuild-len(docs))
		next = position{At: c.At, First: c.First, Conversation: c.Conversation, Next: first}
		for d, err := range w.ix.documents(ctx, w.id, c, first, count) {
			if err != nil {
				return nil, 0, next, err
			}
			next.Next = d.Number + 1
			if !s.readable(d) {
				continue
			}
			docs = append(docs, d.Document)
			held += d.size
			if size += len(d.Folded); size >= maxBuildBytes {
				break
			}
		}
	}
	return docs, held, next, nil
}

// A leaseRow says who builds, and until when others leave it to them.
type leaseRow struct {
	By    string        `json:"by"`
	Until parlance.Time `json:"until"`
}

// lock makes this process the one that builds, or renews that; errBusy if another one is. On an engine of our own there is no other.
func (w *workspace) lock(ctx context.Context, s *state) (*state, error) {
	if !w.ix.store.Shared() {
		return s, nil
	}
	now := w.ix.store.Now()
	var l leaseRow
	if s.lease != nil {
		if err := json.Unmarshal(s.lease, &l); err == nil && l.By != w.ix.node && now < l.Until && l.Until <= now+2*lease {
			return s, errBusy
		}
	}
	mine := encode(leaseRow{w.ix.node, now + lease})
	err := w.rows.Change(ctx, driver.Claim{Key: []byte(leaseKey), Old: s.lease, Value: mine})
	if driver.AsRefused(err) != nil {
		return s, errBusy
	}
	if err != nil {
		return s, err
	}
	return w.reload(ctx)
}

// unlock lets others build.
func (w *workspace) unlock(ctx context.Context) error {
	s := w.now()
	var l leaseRow
	if s == nil || s.lease == nil || json.Unmarshal(s.lease, &l) != nil || l.By != w.ix.node {
		return nil
	}
	err := w.rows.Change(ctx, driver.Claim{Key: []byte(leaseKey), Old: s.lease})
	if err == nil || driver.AsRefused(err) != nil {
		_, err = w.reload(ctx)
	}
	return err
}

// make writes the pages of a new block that nobody reads yet, and returns its record.
func (w *workspace) make(ctx context.Context, s *state, pages func(block.Put) (block.Descriptor, error)) (*record, *state, error) {
	r := &record{State: building, Since: w.ix.store.Now(), By: w.ix.node}
	_, _ = rand.Read(r.id[:]) // it never fails
	// The record comes first: whatever happens, somebody knows of the pages.
	r.row = encode(r)
	if err := w.rows.Change(ctx, driver.Claim{Key: r.key(), Value: r.row}); err != nil {
		return nil, s, err
	}
	var waiting []store.BlockPage
	stored := int64(0)
	flush := func(ctx context.Context) error {
		if len(waiting) == 0 {
			return nil
		}
		err := w.rows.Put(ctx, waiting)
		waiting = waiting[:0]
		if err == nil && w.ix.store.Shared() {
			var next *state
			if next, err = w.reload(ctx); err == nil {
				s, err = w.lock(ctx, next)
			}
		}
		return err
	}
	d, err := pages(func(ctx context.Context, section block.Section, number int, page []byte) error {
		page = pack(page)
		stored += int64(len(page))
		waiting = append(waiting, store.BlockPage{Block: r.id, Section: byte(section), Number: number, Bytes: page})
		if len(waiting) < putPages {
			return nil
		}
		return flush(ctx)
	})
	if err == nil {
		err = flush(ctx)
	}
	if err != nil {
		return nil, s, err
	}
	d.Bytes = stored
	described := r.describe(&d, w.ix.store.Now())
	described.row = r.row
	return &described, s, nil
}

// publish has everybody read a new block, in place of others, or up to a new position. If anything changed meanwhile the block is
// left to be dropped, and the error is errBusy.
func (w *workspace) publish(ctx context.Context, s *state, r *record, instead []*record, next *position) error {
	claims := []driver.Claim{{Key: r.key(), Old: r.row, Value: encode(r)}}
	now := w.ix.store.Now()
	for _, old := range instead {
		gone := *old
		gone.State, gone.Since = dropped, now
		claims = append(claims, driver.Claim{Key: old.key(), Old: old.row, Value: encode(&gone)})
	}
	if next != nil {
		claims = append(claims, driver.Claim{Key: []byte(positionKey), Old: s.position, Value: encode(next)})
	}
	err := w.rows.Change(ctx, claims...)
	if driver.AsRefused(err) != nil {
		err = errBusy
	}
	if _, e := w.reload(ctx); err == nil {
		err = e
	}
	return err
}

// level says among which blocks one is merged.
func level(documents int) int {
	switch {
	case documents <= maxTail:
		return 0
	case documents <= block.ChunkDocuments:
		return 1
	}
	return 2
}

// merge makes one block of 16 of a level, as long as there are as many, and drops what is of no more use.
func (w *workspace) merge(ctx context.Context, s *state) error {
	for l := range 2 {
		for {
			var of []*readBlock
			for _, b := range s.blocks {
				if level(b.Documents) == l {
					of = append(of, b)
				}
			}
			if len(of) < mergeBlocks {
				break
			}
			var err error
			if s, err = w.lock(ctx, s); err != nil {
				return err
			}
			if s, err = w.mergeBlocks(ctx, s, of[len(of)-mergeBlocks:]); err != nil {
				return err
			}
		}
	}
	return w.drop(ctx, s)
}

func (w *workspace) mergeBlocks(ctx context.Context, s *state, of []*readBlock) (*state, error) {
	blocks := make([]*block.Block, len(of))
	records := make([]*record, len(of))
	for i, b := range of {
		blocks[i], records[i] = b.Block, b.record
	}
	r, s, err := w.make(ctx, s, func(put block.Put) (block.Descriptor, error) { return block.Merge(ctx, blocks, put) })
	if err != nil {
		return s, err
	}
	if err := w.publish(ctx, s, r, records, nil); err != nil {
		return s, err
	}
	return w.now(), nil
}

// drop deletes blocks that nobody reads: those that others have taken the place of a while ago, and those whose maker stopped
// half-way.
func (w *workspace) drop(ctx context.Context, s *state) error {
	now := w.ix.store.Now()
	var l leaseRow
	if s.lease != nil {
		_ = json.Unmarshal(s.lease, &l) // one that can't be read is nobody's
	}
	for i := range s.records {
		r := &s.records[i]
		stopped := !w.ix.store.Shared() || (now >= l.Until || l.By != r.By) && now >= r.Since+lease
		switch {
		case r.State == dropped && (now >= r.Since+dropDelay || r.Since > now+dropDelay):
		case r.State == building && r.By != w.ix.node && stopped:
		case r.State == building && r.By == w.ix.node:
			// The caller builds nothing now.
		default:
			continue
		}
		pages := r.Pages
		if r.State == building {
			// Nobody knows how many; a section has no more.
			pages = slices.Repeat([]int{maxSectionPages}, len(block.Sections))
		}
		for j, section := range block.Sections {
			if err := w.rows.Drop(ctx, r.id, byte(section), pages[j]); err != nil {
				return err
			}
		}
		err := w.rows.Change(ctx, driver.Claim{Key: r.key(), Old: r.row})
		if err != nil && driver.AsRefused(err) == nil {
			return err
		}
	}
	return nil
}

// maxSectionPages is how many pages a section of a block can have: of terms, 16 chunks of 65,536 documents of texts up to
// the bound of what is built at once.
const maxSectionPages = 1 << 17

// restart gives up all blocks after one was found damaged or missing, so that they are built again from the logs.
func (w *workspace) restart(ctx context.Context, damage error) error {
	w.building.Lock()
	defer w.building.Unlock()
	s, err := w.reload(ctx)
	if err != nil {
		return err
	}
	w.ix.log.ErrorContext(ctx, "the search index is damaged and is built again from the logs", "workspace", w.id, "error", damage)
	return w.giveUp(ctx, s)
}

// giveUp drops all blocks, and goes back to the beginning of the change feed.
func (w *workspace) giveUp(ctx context.Context, s *state) error {
	var claims []driver.Claim
	if s.position != nil {
		claims = append(claims, driver.Claim{Key: []byte(positionKey), Old: s.position})
	}
	for i := range s.records {
		if old := &s.records[i]; old.State == ready {
			gone := *old
			gone.State, gone.Since = dropped, w.ix.store.Now()
			claims = append(claims, driver.Claim{Key: old.key(), Old: old.row, Value: encode(&gone)})
		}
	}
	if len(claims) > 0 {
		if err := w.rows.Change(ctx, claims...); err != nil && driver.AsRefused(err) == nil {
			return err
		}
	}
	_, err := w.reload(ctx)
	return err
}
