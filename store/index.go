package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protowire"

	"parlance"
	"parlance/store/driver"
)

// An indexRow is what the index by message id holds of a message's current version: its
// entry, and what places it in each timeline, so that a cursor which names a message costs one read.
type indexRow struct {
	number           uint64
	times            [3]parlance.Time // by [parlance.Timeline]
	private, deleted bool
}

func indexRowOf(e *Entry) indexRow {
	m := &e.Message
	r := indexRow{number: e.Number, private: m.Private(), deleted: m.State == parlance.Deleted}
	for t := range r.times {
		r.times[t] = m.Position(parlance.Timeline(t)).Time
	}
	return r
}

// encode gives the number with two flags below it, Created, and the other times as what they are after Created.
func (r indexRow) encode() []byte {
	b := binary.AppendUvarint(make([]byte, 0, 16), r.number<<2|uint64(bit(r.deleted))<<1|uint64(bit(r.private)))
	var before parlance.Time
	for _, t := range r.times {
		b = binary.AppendUvarint(b, protowire.EncodeZigZag(int64(t-before)))
		before = r.times[parlance.ByCreated]
	}
	return b
}

func decodeIndexRow(b []byte) (r indexRow, err error) {
	var v [4]uint64
	for i := range v {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return indexRow{}, errRecord
		}
		v[i], b = n, b[size:]
	}
	r = indexRow{number: v[0] >> 2, deleted: v[0]&2 != 0, private: v[0]&1 != 0}
	for t := range r.times {
		r.times[t] = parlance.Time(protowire.DecodeZigZag(v[t+1])) + r.times[parlance.ByCreated]
	}
	if len(b) > 0 || r.number == 0 {
		return indexRow{}, errRecord
	}
	return r, nil
}

// indexRows returns the rows of those of the messages that exist. ids must be sorted, and each be there once.
func (s *Store) indexRows(ctx context.Context, ref parlance.Ref, ids []parlance.MessageID) (map[parlance.MessageID]indexRow, error) {
	byBucket := map[driver.Partition][]parlance.MessageID{}
	for _, id := range ids {
		p := s.layout.idPartition(ref.Workspace, id)
		byBucket[p] = append(byBucket[p], id)
	}
	rows := make(map[parlance.MessageID]indexRow, len(ids))
	var mu sync.Mutex
	read := func(p driver.Partition, ids []parlance.MessageID) error {
		keys := make([][]byte, len(ids))
		for i, id := range ids {
			keys[i] = idKey(id, ref.Conversation)
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
			if rows[ids[i]], err = decodeIndexRow(v); err != nil {
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
	rows, err := s.indexRows(ctx, ref, []parlance.MessageID{id})
	if err != nil {
		return at, false, err
	}
	r, ok := rows[id]
	if !ok || r.deleted {
		return at, false, parlance.Errorf(parlance.NotFound, "there is no message %q", id)
	}
	return parlance.Position{Time: r.times[t], ID: id}, r.private, nil
}
