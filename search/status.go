package search

import (
	"bytes"
	"context"

	"parlance"
	"parlance/search/internal/block"
)

// A Status says how far a workspace's index is.
type Status struct {
	Indexed parlance.Time // what was stored until then is in blocks; zero if nothing is
	Pending int           // entries that aren't
	Blocks  int
	Entries int   // in blocks; one may be in two
	Bytes   int64 // of the blocks' pages
	Dropped int   // blocks that aren't read any more, or not yet
}

// Status returns how far a workspace's index is. It reads what is pending to count it.
func (ix *Index) Status(ctx context.Context, ws parlance.WorkspaceID) (Status, error) {
	v, err := ix.workspace(ws).view(ctx)
	if err != nil {
		return Status{}, err
	}
	s := Status{Indexed: v.state.until.At, Pending: len(v.tail), Blocks: len(v.blocks)}
	for i := range v.state.records {
		if v.state.records[i].State != ready {
			s.Dropped++
		}
	}
	for _, b := range v.blocks {
		s.Entries += b.Documents
		s.Bytes += b.Bytes
	}
	if !v.more {
		return s, nil
	}
	s.Pending = 0
	for c, err := range ix.store.Changes(ctx, ws, v.state.until.At) {
		if err != nil {
			return s, err
		}
		_, count := v.state.until.left(&c)
		s.Pending += count
	}
	return s, nil
}

// Rebuild gives up the workspace's blocks and builds them again from the logs, as Build does.
func (ix *Index) Rebuild(ctx context.Context, ws parlance.WorkspaceID, progress func(entries int)) (int, error) {
	w := ix.workspace(ws)
	w.building.Lock()
	s, err := w.reload(ctx)
	if err == nil {
		err = w.giveUp(ctx, s)
	}
	w.building.Unlock()
	if err != nil {
		return 0, err
	}
	return ix.Build(ctx, ws, 1, progress)
}

// A Finding is a contradiction that Verify found.
type Finding string

// Verify makes each block of a workspace again from the logs and holds it against what stands. It calls report for each that differs,
// and progress, if it isn't nil, with how many entries it has looked at.
func (ix *Index) Verify(ctx context.Context, ws parlance.WorkspaceID, report func(Finding), progress func(entries int)) error {
	w := ix.workspace(ws)
	s, err := w.reload(ctx)
	if err != nil {
		return err
	}
	entries := 0
	for _, b := range s.blocks {
		err := w.verify(ctx, b)
		if parlance.KindOf(err) == parlance.Corrupt {
			report(Finding(err.Error()))
			err = nil
		}
		if err != nil {
			return err
		}
		if entries += b.Documents; progress != nil {
			progress(entries)
		}
	}
	return nil
}

// verify makes a block again. What differs is Corrupt.
func (w *workspace) verify(ctx context.Context, b *readBlock) error {
	names, err := b.Names(ctx)
	if err != nil {
		return err
	}
	d, err := w.remake(ctx, names, func(_ context.Context, s block.Section, number int, page []byte) error {
		stands, err := w.getter(b.record.id)(ctx, s, number)
		if err == nil && !bytes.Equal(stands, page) {
			err = parlance.Errorf(parlance.Corrupt, "block %x of the search index: page %d of section %c isn't what the logs say", b.record.id, number, s)
		}
		return err
	})
	if err == nil && (d.Sum != b.Sum || d.Documents != b.Documents || d.Pages != b.Pages) {
		err = parlance.Errorf(parlance.Corrupt, "block %x of the search index isn't what the logs say", b.record.id)
	}
	return err
}
