package store

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// This file is how lists lie in rows. A row's key is the conversation and its value the time at
// which the list shows it, so that a conversation which moves overwrites its row. No row of a list is
// ever deleted: a reader crosses no dead rows.
//
// An account's list is nearly always read whole. It has one row for each conversation, in partitions
// by the year in which that was made, which never changes.
//
// The list of all conversations of a kind may have millions, and the first few are read. It has a row in
// the hour and one in the month of the last activity. A conversation that moves on leaves its rows
// behind; readers come from the top and have seen it by then.

// joinedName is what the years of an account's list are remembered by.
func joinedName(ws parlance.WorkspaceID, id parlance.AccountID) string {
	return "l" + string(ws) + "\x00" + string(id)
}

// present is the value of a row whose key says it all.
var present = []byte{1}

// A rowPlace is a row's.
type rowPlace struct {
	partition driver.Partition
	key       []byte
}

// listPlaces returns where the rows of a conversation stand that list l shows at time at, and the rows that
// lead readers there.
func listPlaces(ws parlance.WorkspaceID, l List, about *parlance.Conversation, at parlance.Time) (rows, leads []rowPlace) {
	id := []byte(about.ID)
	if l.Account != "" {
		year := format.YearOf(about)
		return []rowPlace{{format.JoinedPartition(ws, l.Account, year), id}}, []rowPlace{{format.JoinedYears(ws, l.Account), format.Number4(year)}}
	}
	for _, u := range format.Units {
		x := u.Bucket(at)
		rows = append(rows, rowPlace{format.KindPartition(ws, l.Kind, x), id})
		leads = append(leads, rowPlace{format.KindBuckets(ws, l.Kind), x.Key()})
	}
	return rows, leads
}

// listOps has a list show a conversation at time at, which it may not have shown before.
func listOps(ws parlance.WorkspaceID, l List, about *parlance.Conversation, at parlance.Time) (ops []driver.Op) {
	rows, leads := listPlaces(ws, l, about, at)
	for _, r := range rows {
		ops = append(ops, driver.Op{Partition: r.partition, Key: r.key, Value: format.TimeKey(at)})
	}
	for _, r := range leads {
		ops = append(ops, driver.Op{Partition: r.partition, Key: r.key, Value: present})
	}
	return ops
}

// move has a list that shows a conversation at one of the times left show it at time at.
func (b *batch) move(ws parlance.WorkspaceID, l List, about *parlance.Conversation, left []parlance.Time, at parlance.Time) {
	ops := listOps(ws, l, about, at)
	if l.Account != "" {
		b.ops = append(b.ops, ops[0]) // the year stays
		return
	}
	stayed := true
	for _, from := range left {
		for _, u := range format.Units {
			was, is := u.Bucket(from), u.Bucket(at)
			stayed = stayed && was == is
			if was.Number > is.Number {
				// Readers come by there first. The row tells them that it is for later, once it can be found there.
				b.last = append(b.last, driver.Op{Partition: format.KindPartition(ws, l.Kind, was), Key: []byte(about.ID), Value: format.TimeKey(at)})
			}
		}
	}
	if stayed {
		ops = ops[:len(format.Units)]
	}
	b.ops = append(b.ops, ops...)
}

// A listRow says at which time a list shows a conversation.
type listRow struct {
	at           parlance.Time
	conversation parlance.ConversationID
}

// listRows returns a list's rows, the latest first. It reads as far as it is asked. Of a conversation
// there may be several; the first one counts.
func (s *Store) listRows(ctx context.Context, ws parlance.WorkspaceID, l List) iter.Seq2[listRow, error] {
	rows := s.kindRows(ctx, ws, l.Kind)
	if l.Account != "" {
		rows = s.joinedRows(ctx, ws, l.Account)
	}
	return func(yield func(listRow, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(listRow{}, fmt.Errorf("read a list of conversations: %w", err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// joinedRows returns the rows of an account's list.
func (s *Store) joinedRows(ctx context.Context, ws parlance.WorkspaceID, id parlance.AccountID) iter.Seq2[listRow, error] {
	return func(yield func(listRow, error) bool) {
		years, err := cached(s, joinedName(ws, id), func() (years []uint32, err error) {
			for row, err := range s.engine.Scan(ctx, format.JoinedYears(ws, id), driver.Range{}) {
				if err != nil {
					return nil, err
				}
				y, err := format.YearOfKey(row.Key)
				if err != nil {
					return nil, s.corrupt(err, "the list of account %q", id)
				}
				years = append(years, y)
			}
			return years, nil
		})
		ps := make([]driver.Partition, len(years))
		for i, y := range years {
			ps[i] = format.JoinedPartition(ws, id, y)
		}
		if err == nil {
			_, err = s.yieldRows(ctx, ps, yield)
		}
		if err != nil {
			yield(listRow{}, err)
		}
	}
}

// maxHours is how many of the last hours of activity are looked into, before months are: a list in
// which a few conversations are active all the time has each of them in every hour.
const maxHours = 16

// kindRows returns the rows of the list of all conversations of a kind.
func (s *Store) kindRows(ctx context.Context, ws parlance.WorkspaceID, k parlance.Kind) iter.Seq2[listRow, error] {
	return func(yield func(listRow, error) bool) {
		hours, err := s.timeBuckets(ctx, ws, k, format.Hour, nil, maxHours)
		more := false
		if err == nil {
			more, err = s.yieldBuckets(ctx, ws, k, hours, yield)
		}
		if err == nil && more && len(hours) == maxHours {
			// Who isn't in those hours was last active before them.
			var months []format.TimeBucket
			before := hours[maxHours-1].Month()
			before.Number++
			if months, err = s.timeBuckets(ctx, ws, k, format.Month, before.Key(), 0); err == nil {
				_, err = s.yieldBuckets(ctx, ws, k, months, yield)
			}
		}
		if err != nil {
			yield(listRow{}, err)
		}
	}
}

// timeBuckets returns those of a kind's list that are of a unit and below to, unless that is nil, the latest
// first; at most so many, if limit isn't 0.
func (s *Store) timeBuckets(ctx context.Context, ws parlance.WorkspaceID, k parlance.Kind, u format.BucketUnit, to []byte, limit int) (xs []format.TimeBucket, err error) {
	r := driver.Range{From: []byte{byte(u)}, To: to, Reverse: true, Limit: limit}
	if to == nil {
		r.To = []byte{byte(u) + 1}
	}
	for row, err := range s.engine.Scan(ctx, format.KindBuckets(ws, k), r) {
		if err != nil {
			return nil, err
		}
		x, err := format.BucketOfKey(row.Key)
		if err != nil {
			return nil, s.corrupt(err, "the list of conversations of kind %q", k)
		}
		xs = append(xs, x)
	}
	return xs, nil
}

// yieldBuckets yields the rows of stretches, the latest of which come first, and reports whether more are
// asked for. Where others are far away it reads several at once, the more the less it has found.
func (s *Store) yieldBuckets(ctx context.Context, ws parlance.WorkspaceID, k parlance.Kind, xs []format.TimeBucket, yield func(listRow, error) bool) (more bool, err error) {
	for wave := 1; len(xs) > 0; wave = min(3*wave, maxReads) {
		some := xs[:min(wave, len(xs))]
		xs = xs[len(some):]
		ps := make([]driver.Partition, len(some))
		for i, x := range some {
			ps[i] = format.KindPartition(ws, k, x)
		}
		inside := func(row listRow, err error) bool {
			x := some[0].Unit.Bucket(row.at)
			if err == nil && !slices.Contains(some, x) {
				return true // it is shown later, there
			}
			return yield(row, err)
		}
		if more, err = s.yieldRows(ctx, ps, inside); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// yieldRows yields the rows of partitions, the latest first, and reports whether more are asked for. It reads
// them whole first.
func (s *Store) yieldRows(ctx context.Context, ps []driver.Partition, yield func(listRow, error) bool) (more bool, err error) {
	each := make([][]listRow, len(ps))
	err = s.several(len(ps), maxReads, func(i int) error {
		for row, err := range s.engine.Scan(ctx, ps[i], driver.Range{}) {
			if err != nil {
				return err
			}
			if len(row.Value) != 8 {
				return s.corrupt(format.ErrRecord, "a list of conversations")
			}
			each[i] = append(each[i], listRow{format.TimeOfKey(row.Value), parlance.ConversationID(row.Key)})
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	rows := slices.Concat(each...)
	slices.SortFunc(rows, func(a, b listRow) int { return cmp.Compare(b.at, a.at) })
	for _, row := range rows {
		if !yield(row, nil) {
			return false, nil
		}
	}
	return true, nil
}

// several does something n times, at most so many at once where each waits for an engine that is far away.
func (s *Store) several(n, atOnce int, do func(i int) error) error {
	if s.bounds.Exclusive || n == 1 {
		for i := range n {
			if err := do(i); err != nil {
				return err
			}
		}
		return nil
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range n {
		g.Go(func() error { return do(i) })
	}
	return g.Wait()
}
