package store

import (
	"bytes"
	"context"
	"iter"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// A logRow is an entry of a log with its row, byte for byte.
type logRow struct {
	Entry
	value []byte
	chain []byte // the hash that the row carries, or empty
}

// logRows returns rows of a log from number from on, at most so many, and no more than
// some bytes of them or than one partition has. None means that the log ends before from.
func (s *Store) logRows(ctx context.Context, ref parlance.Ref, from uint64, most int) (rows []logRow, err error) {
	const enough = 1 << 20
	number, size := from, 0
	r := driver.Range{From: s.layout.LogKey(from), Limit: most}
	for row, err := range s.engine.Scan(ctx, s.layout.LogPartition(ref, from), r) {
		if err != nil {
			return nil, err
		}
		one := logRow{value: bytes.Clone(row.Value)}
		if string(row.Key) != string(s.layout.LogKey(number)) {
			return nil, parlance.Errorf(parlance.Corrupt, "the log of conversation %s has no entry %d", ref, number)
		}
		if one.Entry, one.chain, err = format.DecodeEntry(number, one.value); err != nil {
			return nil, parlance.Wrap(parlance.Corrupt, err, "the log of conversation %s is damaged", ref)
		}
		rows = append(rows, one)
		number++
		if size += len(one.value); size > enough {
			break
		}
	}
	return rows, nil
}

// chainAt returns the chain's hash after entry number, which the log must have: ok says so.
func (s *Store) chainAt(ctx context.Context, ref parlance.Ref, number uint64) (h format.Hash, ok bool, err error) {
	// The last entry at or before it that carries the hash saves reading all before.
	from := number / format.ChainEvery * format.ChainEvery
	if from == 0 {
		from = 1
	}
	for at := from; at <= number; {
		rows, err := s.logRows(ctx, ref, at, int(number-at)+1)
		if err != nil || len(rows) == 0 {
			return h, false, err
		}
		for i := range rows {
			if e := &rows[i]; e.Number == from && len(e.chain) == len(h) {
				h = format.Hash(e.chain)
			} else {
				h = e.Link(h, e.AppendHeader(nil))
			}
		}
		at += uint64(len(rows))
	}
	return h, true, nil
}

// logEnd returns the last number of a log, and the hash after it, without changing anything:
// on some engines there may be entries above the head.
func (s *Store) logEnd(ctx context.Context, ref parlance.Ref) (number uint64, h format.Hash, err error) {
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	t, err := s.readerHead(ctx, c)
	if err != nil {
		return 0, h, err
	}
	number, h = t.Number, t.Chain
	for !s.bounds.OneStep {
		rows, err := s.logRows(ctx, ref, number+1, verifyGroup)
		if err != nil || len(rows) == 0 {
			return number, h, err
		}
		for i := range rows {
			h = rows[i].Link(h, rows[i].AppendHeader(nil))
		}
		number += uint64(len(rows))
	}
	return number, h, nil
}

// A registeredRow is a row of the registry, decoded and byte for byte.
type registeredRow struct {
	format.Registered
	value []byte
}

// registryRows walks the registry from number from on.
func (s *Store) registryRows(ctx context.Context, ws parlance.WorkspaceID, from uint64) iter.Seq2[registeredRow, error] {
	return func(yield func(registeredRow, error) bool) {
		for number := from; ; {
			end := s.layout.SegmentEnd(number)
			for row, err := range s.engine.Scan(ctx, s.layout.RegistryPartition(ws, number), driver.Range{From: s.layout.LogKey(number)}) {
				var r registeredRow
				if err == nil {
					r.value = bytes.Clone(row.Value)
					if r.Registered, err = format.DecodeRegistered(number, r.value); err != nil {
						err = s.corrupt(err, "the registry of workspace %q", ws)
					}
				}
				if !yield(r, err) || err != nil {
					return
				}
				number++
			}
			if number <= end {
				return
			}
		}
	}
}

// registered walks the registry from number from on.
func (s *Store) registered(ctx context.Context, ws parlance.WorkspaceID, from uint64) iter.Seq2[format.Registered, error] {
	return func(yield func(format.Registered, error) bool) {
		for r, err := range s.registryRows(ctx, ws, from) {
			if !yield(r.Registered, err) || err != nil {
				return
			}
		}
	}
}

// groups batches a sequence into slices of at most size elements.
func groups[T any](seq iter.Seq2[T, error], size int) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var group []T
		for v, err := range seq {
			if err != nil {
				yield(nil, err)
				return
			}
			if group = append(group, v); len(group) == size {
				if !yield(group, nil) {
					return
				}
				group = nil
			}
		}
		if len(group) > 0 {
			yield(group, nil)
		}
	}
}
