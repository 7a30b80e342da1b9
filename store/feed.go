package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// This file is the change feed: what came since. Each group of entries that is claimed has one row in it, in the same commit, under
// the time at which it was derived. So whoever derives what another left half-way adds a row of now, and none ever
// appears far below the present.

// A Change is a stretch of a conversation's log that was written.
type Change struct {
	At           parlance.Time // when, by the store's clock
	Conversation parlance.ConversationID
	First        uint64 // number of the first entry
	Count        int    // how many entries; at least 1
}

// feedLag is how long, where others write too, a row may take from its time until all readers find it: what a write may
// last, and what clocks may differ.
const feedLag parlance.Time = 120_000

// A feed knows, on an engine of our own, which times of a workspace's feed are still being written.
type feed struct {
	mu     sync.Mutex
	last   parlance.Time // no row gets a lower time; 0 if that isn't known yet
	writes map[*appender]parlance.Time
	led    format.FeedStretch // the last one, on a shared engine, that is known to be led to
}

func (s *Store) feed(ws parlance.WorkspaceID) *feed {
	if f, ok := s.feeds.Load(ws); ok {
		return f.(*feed)
	}
	f, _ := s.feeds.LoadOrStore(ws, &feed{writes: map[*appender]parlance.Time{}})
	return f.(*feed)
}

// Changes returns what was written to the workspace's conversations at from or later, by (At, First, Conversation). The same
// entries may come twice, under different times, and a stretch may hold entries of another. Below [Store.Settled] nothing is added any more.
func (s *Store) Changes(ctx context.Context, ws parlance.WorkspaceID, from parlance.Time) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for p, err := range s.feedPartitions(ctx, ws, from) {
			if err != nil {
				yield(Change{}, fmt.Errorf("read the change feed: %w", err))
				return
			}
			for row, err := range s.engine.Scan(ctx, p, driver.Range{From: format.TimeKey(from)}) {
				if err != nil {
					yield(Change{}, fmt.Errorf("read the change feed: %w", err))
					return
				}
				r, err := format.DecodeFeedRow(row.Key, row.Value)
				if err != nil {
					yield(Change{}, s.corrupt(err, "the change feed of workspace %q", ws))
					return
				}
				if !yield(Change{At: r.At, Conversation: r.Conversation, First: r.First, Count: int(r.Count)}, nil) {
					return
				}
			}
		}
	}
}

// feedPartitions returns those that may have rows at from or later, in order.
func (s *Store) feedPartitions(ctx context.Context, ws parlance.WorkspaceID, from parlance.Time) iter.Seq2[driver.Partition, error] {
	return func(yield func(driver.Partition, error) bool) {
		first := format.FeedStretchOf(from)
		if s.layout.Buckets == 1 {
			yield(s.layout.FeedPartition(ws, first), nil)
			return
		}
		for day, err := range s.engine.Scan(ctx, format.FeedDays(ws), driver.Range{From: format.Number4(uint32(first.Day()))}) {
			var d format.FeedDay
			if err == nil {
				d, err = format.FeedDayOfKey(day.Key)
			}
			if err != nil {
				yield(driver.Partition{}, err)
				return
			}
			for row, err := range s.engine.Scan(ctx, format.FeedStretches(ws, d), driver.Range{From: format.Number4(uint32(first))}) {
				var x format.FeedStretch
				if err == nil {
					x, err = format.FeedStretchOfKey(row.Key)
				}
				if !yield(s.layout.FeedPartition(ws, x), err) || err != nil {
					return
				}
			}
		}
	}
}

// Settled returns the time below which nothing is added to the workspace's feed any more. On an engine of our own it never falls;
// elsewhere it is as much in the past as a write may last and clocks may differ.
func (s *Store) Settled(ctx context.Context, ws parlance.WorkspaceID) (parlance.Time, error) {
	if !s.bounds.Exclusive {
		return s.now() - feedLag, nil
	}
	f := s.feed(ws)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := s.feedLast(ctx, ws, f); err != nil {
		return 0, err
	}
	f.last = max(f.last, s.now())
	settled := f.last
	for _, at := range f.writes {
		settled = min(settled, at)
	}
	return settled, nil
}

// feedLast finds out where the feed ends, so that it goes on above even if the clock was set back.
func (s *Store) feedLast(ctx context.Context, ws parlance.WorkspaceID, f *feed) error {
	if f.last != 0 {
		return nil
	}
	at, err := s.feedEnd(ctx, ws)
	if err != nil {
		return fmt.Errorf("read the end of the change feed: %w", err)
	}
	f.last = at + 1 // a row of the same time may have been told as settled
	return nil
}

// feedEnd returns the highest time that the feed has; 0 if it has none.
func (s *Store) feedEnd(ctx context.Context, ws parlance.WorkspaceID) (parlance.Time, error) {
	last := func(p driver.Partition) (key []byte, err error) {
		for row, err := range s.engine.Scan(ctx, p, driver.Range{Reverse: true, Limit: 1}) {
			return bytes.Clone(row.Key), err
		}
		return nil, nil
	}
	p := s.layout.FeedPartition(ws, 0)
	if s.layout.Buckets > 1 {
		key, err := last(format.FeedDays(ws))
		if key == nil || err != nil {
			return 0, err
		}
		d, err := format.FeedDayOfKey(key)
		if err != nil {
			return 0, s.corrupt(err, "the change feed of workspace %q", ws)
		}
		if key, err = last(format.FeedStretches(ws, d)); key == nil || err != nil {
			return 0, err
		}
		x, err := format.FeedStretchOfKey(key)
		if err != nil {
			return 0, s.corrupt(err, "the change feed of workspace %q", ws)
		}
		p = s.layout.FeedPartition(ws, x)
	}
	key, err := last(p)
	if key == nil || err != nil {
		return 0, err
	}
	if len(key) < 8 {
		return 0, s.corrupt(format.ErrRecord, "the change feed of workspace %q", ws)
	}
	return format.TimeOfKey(key), nil
}

// feed adds the group's row to what is derived from it. The caller calls fed when all is written.
func (a *appender) feed() error {
	if a.next.Number == a.base.Number {
		return nil
	}
	ws := a.c.ref.Workspace
	f := a.s.feed(ws)
	f.mu.Lock()
	defer f.mu.Unlock()
	row := format.FeedRow{At: a.now, Conversation: a.c.ref.Conversation, First: a.firstNumber(), Count: a.next.Number - a.base.Number}
	if a.s.bounds.Exclusive {
		if err := a.s.feedLast(a.ctx, ws, f); err != nil {
			return err
		}
		row.At = max(row.At, f.last)
		f.last = row.At
		f.writes[a] = row.At
	}
	x := format.FeedStretchOf(row.At)
	a.ops.put(a.s.layout.FeedPartition(ws, x), row.Key(), row.Value())
	if a.s.layout.Buckets > 1 && x != f.led {
		a.ops.add(feedLeads(ws, x))
		a.leads = x
	}
	return nil
}

// feedLeads are the rows that lead to a stretch of the feed.
func feedLeads(ws parlance.WorkspaceID, x format.FeedStretch) []driver.Op {
	return []driver.Op{
		{Partition: format.FeedStretches(ws, x.Day()), Key: format.Number4(uint32(x)), Value: present},
		{Partition: format.FeedDays(ws), Key: format.Number4(uint32(x.Day())), Value: present},
	}
}

// fed says that the group's rows are written, or won't be.
func (a *appender) fed(written bool) {
	f := a.s.feed(a.c.ref.Workspace)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.writes, a)
	if written && a.leads != 0 {
		f.led = a.leads
	}
}

// LogRange returns count entries of a conversation's log from number first on, ascending; fewer only with an error. Those that
// a change tells of stand, whether or not the head says so already.
func (s *Store) LogRange(ctx context.Context, ref parlance.Ref, first uint64, count int) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for end := first + uint64(max(count, 0)); first < end; {
			rows, err := s.logRows(ctx, ref, first, int(end-first))
			if err == nil && len(rows) == 0 {
				err = parlance.Errorf(parlance.Corrupt, "the log of conversation %s has no entry %d", ref, first)
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for i := range rows {
				if !yield(rows[i].Entry, nil) {
					return
				}
			}
			first += uint64(len(rows))
		}
	}
}

// Shared reports whether other processes may write to the store's engine.
func (s *Store) Shared() bool { return !s.bounds.Exclusive }
