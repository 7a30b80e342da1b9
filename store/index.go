package store

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// indexRows returns the rows of those of the messages that exist. ids must be sorted, and each be there once.
func (s *Store) indexRows(ctx context.Context, ref parlance.Ref, ids []parlance.MessageID) (map[parlance.MessageID]format.IndexRow, error) {
	byBucket := map[driver.Partition][]parlance.MessageID{}
	for _, id := range ids {
		p := s.layout.IDPartition(ref.Workspace, id)
		byBucket[p] = append(byBucket[p], id)
	}
	rows := make(map[parlance.MessageID]format.IndexRow, len(ids))
	var mu sync.Mutex
	read := func(p driver.Partition, ids []parlance.MessageID) error {
		keys := make([][]byte, len(ids))
		for i, id := range ids {
			keys[i] = format.IDKey(id, ref.Conversation)
		}
		values, err := s.engine.Get(ctx, p, keys)
		if err != nil {
			return fmt.Errorf("look up messages of %s: %w", ref, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for i, v := range values {
			if v == nil {
				continue
			}
			if rows[ids[i]], err = format.DecodeIndexRow(v); err != nil {
				return s.corrupt(err, "the index of conversation %s", ref)
			}
		}
		return nil
	}
	var g errgroup.Group
	g.SetLimit(maxReads)
	for p, ids := range byBucket {
		if len(byBucket) == 1 {
			return rows, read(p, ids)
		}
		g.Go(func() error { return read(p, ids) })
	}
	return rows, g.Wait()
}

// Place returns where a message stands in a timeline, and whether it is private;
// [parlance.NotFound] if there is none or it is deleted. It reads less than [Store.Message].
func (s *Store) Place(ctx context.Context, ref parlance.Ref, t parlance.Timeline, id parlance.MessageID) (at parlance.Position, private bool, err error) {
	if err := checkTimeline(t); err != nil {
		return at, false, err
	}
	row, err := s.get(ctx, s.layout.IDPartition(ref.Workspace, id), format.IDKey(id, ref.Conversation))
	if err != nil {
		return at, false, fmt.Errorf("look up messages of %s: %w", ref, err)
	}
	if row == nil {
		return at, false, parlance.Errorf(parlance.NotFound, "there is no message %q", id)
	}
	r, err := format.DecodeIndexRow(row)
	if err != nil {
		return at, false, s.corrupt(err, "the index of conversation %s", ref)
	}
	if r.Deleted {
		return at, false, parlance.Errorf(parlance.NotFound, "there is no message %q", id)
	}
	return parlance.Position{Time: r.Times[t], ID: id}, r.Private, nil
}
