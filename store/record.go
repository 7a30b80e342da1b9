package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// A Record is a small value that is changed by compare-and-swap.
type Record struct {
	Key   string
	Value []byte
}

// Record returns the value under key, [parlance.NotFound] if there is none.
func (s *Store) Record(ctx context.Context, collection, key string) ([]byte, error) {
	v, err := s.get(ctx, format.RecordPartition(collection), []byte(key))
	if err == nil && v == nil {
		err = parlance.Errorf(parlance.NotFound, "there is no record %q in %q", key, collection)
	}
	return v, err
}

// SwapRecord replaces the value under key. old is what is expected to stand there, nil
// for nothing; new nil deletes. If something else stands there, the error is of kind
// [parlance.Conflict]. The new value standing there already is a success, because an
// answer may have been lost: two that must not both succeed write different values.
func (s *Store) SwapRecord(ctx context.Context, collection, key string, old, new []byte) error {
	return s.swap(ctx, format.RecordPartition(collection), []byte(key), old, new)
}

// Records returns a collection's records by key, bytewise.
func (s *Store) Records(ctx context.Context, collection string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for row, err := range s.engine.Scan(ctx, format.RecordPartition(collection), driver.Range{}) {
			if !yield(Record{string(row.Key), slices.Clone(row.Value)}, err) || err != nil {
				return
			}
		}
	}
}

// swap claims one row.
func (s *Store) swap(ctx context.Context, p driver.Partition, key, old, new []byte) (err error) {
	if err := s.beginWrite(ctx); err != nil {
		return err
	}
	defer func() { err = s.endWrite(ctx, err) }()
	err = s.claim(ctx, p, []driver.Claim{{Key: key, Old: old, Value: new}}, nil, 1)
	if driver.AsRefused(err) != nil {
		return parlance.Errorf(parlance.Conflict, "the record was changed meanwhile")
	}
	return err
}

// claim is the engine's Claim, done again if the answer was lost.
func (s *Store) claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	return s.retry(ctx, func() error { return s.engine.Claim(ctx, p, claims, ops, v) })
}

// claimParts is claim with the ops cut to what the engine takes at once.
func (s *Store) claimParts(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	parts := splitOps(ops, s.bounds.BatchBytes)
	if err := s.claim(ctx, p, claims, parts[0], v); err != nil {
		return err
	}
	return s.writeParts(ctx, parts[1:], v)
}

// writeParts writes ops part by part.
func (s *Store) writeParts(ctx context.Context, parts [][]driver.Op, v driver.Version) error {
	for _, part := range parts {
		if err := s.retry(ctx, func() error { return s.engine.Write(ctx, part, v) }); err != nil {
			return err
		}
	}
	return nil
}

// retry does what may be done twice up to four times while the engine is unavailable.
func (s *Store) retry(ctx context.Context, do func() error) error {
	for try := 0; ; try++ {
		err := do()
		if err == nil {
			return nil
		}
		if parlance.KindOf(err) == parlance.Unavailable {
			s.unknownEnds.Add(1)
		}
		if try == 3 || parlance.KindOf(err) != parlance.Unavailable || ctx.Err() != nil {
			return err
		}
		wait(try)
	}
}

// ensureDurable makes sure that what was read is durable, before a caller acknowledges something
// because it stands already. It only costs anything after a write whose end is unknown.
func (s *Store) ensureDurable(ctx context.Context) error {
	doubts := s.unknownEnds.Load()
	if s.madeDurable.Load() >= doubts {
		return nil
	}
	if err := s.engine.Write(ctx, nil, 0); err != nil {
		return err
	}
	// Only what was in doubt before the write isn't any more.
	for {
		old := s.madeDurable.Load()
		if old >= doubts || s.madeDurable.CompareAndSwap(old, doubts) {
			return nil
		}
	}
}

// maxSwaps is how often a change is tried again when others change the same record meanwhile.
const maxSwaps = 64

// update changes one claimed row by compare-and-swap: change gets the row, nil if there
// is none, and returns the new one; the same one again means no change.
func (s *Store) update(ctx context.Context, p driver.Partition, key []byte, change func(old []byte) (new []byte, err error)) (err error) {
	if err := s.beginWrite(ctx); err != nil {
		return err
	}
	defer func() { err = s.endWrite(ctx, err) }()
	old, err := s.get(ctx, p, key)
	for try := 0; err == nil && try < maxSwaps; try++ {
		var new []byte
		if new, err = change(old); err != nil {
			return err
		}
		if bytes.Equal(old, new) {
			return s.ensureDurable(ctx)
		}
		err = s.claim(ctx, p, []driver.Claim{{Key: key, Old: old, Value: new}}, nil, 1)
		refused := driver.AsRefused(err)
		if refused == nil {
			return err
		}
		old, err = refused.Standing[0].Value, nil
		wait(try)
	}
	if err != nil {
		return err
	}
	return parlance.Errorf(parlance.Unavailable, "the record is being changed by too many at once")
}

// maxRecords is how many bytes of records are kept in memory, roughly.
const maxRecords = 64 << 20

// weighRecord returns what a remembered record costs in bytes, roughly: a room's list of members or
// what somebody hid can be a thousand times larger than the rest.
func weighRecord(key string, v any) uint32 {
	const one = 256
	n := one + len(key)
	switch v := v.(type) {
	case []parlance.Member:
		n += one * len(v)
	case map[parlance.MessageID]parlance.Time:
		n += one * len(v)
	case parlance.Conversation:
		n += len(v.Title) + len(v.Description) + len(v.Native.JSON)
	case *parlance.Account:
		if v != nil {
			n += len(v.Description) + len(v.Native.JSON)
		}
	}
	return uint32(n)
}

// cached returns what load returns, remembered under key. Errors are not remembered.
func cached[T any](s *Store, key string, load func() (T, error)) (T, error) {
	if v, ok := s.records.GetIfPresent(key); ok {
		return v.(T), nil
	}
	before := s.changes.Load()
	v, err := load()
	if err != nil {
		return v, err
	}
	s.records.Set(key, v)
	if s.changes.Load() != before {
		// What was read may be older than a change whose invalidation came too early for it.
		s.records.Invalidate(key)
	}
	return v, nil
}

// changed makes the next reader of the records read them anew, and answers that show
// them be made anew, in this process and in those that hear of it.
func (s *Store) changed(ws parlance.WorkspaceID, keys ...string) {
	s.Heard(ws, keys)
	if s.announce != nil {
		s.announce(ws, keys)
	}
}

// forget is changed for records that no answer shows which is kept.
func (s *Store) forget(keys ...string) { s.changed("", keys...) }

// Heard does in this process what a change of these records in another one asks for: the
// next reader reads them anew, and answers of the workspace are made anew. The arguments
// are what [Options.Announce] was given there.
func (s *Store) Heard(ws parlance.WorkspaceID, names []string) {
	s.drop(names...)
	if e, ok := s.epochs.Load(ws); ok { // else nobody has asked for it, and nothing is kept under it
		e.(*atomic.Uint64).Add(1)
	}
}

// Missed does what [Store.Heard] does, for all that may have changed in other processes: nothing
// that is remembered of records counts any more.
func (s *Store) Missed() {
	s.changes.Add(1)
	s.records.InvalidateAll()
	s.epochs.Range(func(_, e any) bool {
		e.(*atomic.Uint64).Add(1)
		return true
	})
}

// tellAppended tells Options.Appended that the log goes up to number.
func (s *Store) tellAppended(ref parlance.Ref, number uint64) {
	if s.appended != nil {
		s.appended(ref, number)
	}
}

// drop makes the next reader of the records in this process read them anew.
func (s *Store) drop(keys ...string) {
	s.changes.Add(1)
	for _, k := range keys {
		s.records.Invalidate(k)
		s.conversationChanged(k)
	}
}

func (s *Store) corrupt(err error, what string, args ...any) error {
	return parlance.Wrap(parlance.Corrupt, err, "%s is damaged", fmt.Sprintf(what, args...))
}
