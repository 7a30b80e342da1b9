package store

import (
	"errors"
	"slices"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
	"parlance/store/internal/timeline"
)

// derive counts e and makes its derived rows. It looks at nothing but the head, the two versions
// and when the conversation was made, so that every process that does it comes to the same.
func (a *appender) derive(e, before *Entry) error {
	m := &e.Message
	var old *parlance.Message
	if before != nil {
		old = &before.Message
	}
	a.next.Number = e.Number
	if old != nil && old.State != parlance.Deleted {
		a.next.Total--
		if old.Private() {
			a.next.Private--
		}
	}
	if m.State != parlance.Deleted {
		a.next.Total++
		if m.Private() {
			a.next.Private++
		}
	}
	observe(&a.next, e, before)
	a.listEntry(e)
	for t := range format.TimelineID(format.Timelines) {
		var oldKey string
		var had bool
		if old != nil {
			oldKey, had = format.KeyIn(t, old)
		}
		key, has := format.KeyIn(t, m)
		if !had && !has {
			continue
		}
		if had && (!has || key != oldKey) {
			u, err := a.update(t, oldKey)
			if err != nil {
				return err
			}
			u.Remove(oldKey, old.Private())
			had = false
		}
		if has {
			u, err := a.update(t, key)
			if err != nil {
				return err
			}
			u.Put(key, e.Number, m.Private(), had, had && old.Private())
		}
	}
	a.ops.put(a.s.layout.IDPartition(a.c.ref.Workspace, m.ID), format.IDKey(m.ID, a.c.ref.Conversation), format.IndexRowOf(e).Encode())
	if isAcross(a.about.Kind) {
		a.deriveAcross(e, old)
	}
	return nil
}

// timeline returns a timeline as the group has left it so far.
func (a *appender) timeline(t format.TimelineID) *format.Timeline {
	if u := a.updates[t]; u != nil {
		return u.Timeline
	}
	return &a.next.Timelines[t]
}

// update returns the change of a timeline, ready for key.
func (a *appender) update(t format.TimelineID, key string) (*timeline.Update, error) {
	u := a.updates[t]
	if u == nil {
		u = timeline.Change(a.next.Timelines[t], a.c.ref, t, a.s.layout.RangeSize)
		a.updates[t] = u
	}
	if u.Needs(key) {
		closed, err := a.closed(t)
		if err != nil {
			return nil, err
		}
		u.Read(closed)
	}
	return u, nil
}

// closed returns the closed ranges of a timeline as of base.
func (a *appender) closed(t format.TimelineID) ([]format.Range, error) {
	l := &a.next.Timelines[t] // changes are made to a copy, see update
	if l.Closed == nil && l.Count > 0 {
		var err error
		l.Closed, err = a.s.readRanges(a.ctx, a.c.ref, t, a.base)
		switch {
		case errors.Is(err, errMoved) && a.s.bounds.Exclusive:
			return nil, a.s.contradicts(a.c.ref)
		case errors.Is(err, errMoved):
			return nil, &driver.Refused{}
		case err != nil:
			return nil, err
		}
	}
	return l.Closed, nil
}

// appended is the version of the rows that are derived with entry number. The version
// above it is for what moves the lists without an entry.
func appended(number uint64) driver.Version { return driver.Version(2 * number) }

// parts returns the derived rows in the parts in which they are written.
func (a *appender) parts() [][]driver.Op {
	ops := a.ops.ops
	if a.ops.deletes || !a.s.bounds.Exclusive {
		ops = a.ops.lastOpPerRow()
	}
	head := driver.Op{Partition: format.HeadPartition(a.c.ref), Value: a.next.Encode()}
	if a.s.bounds.OneStep {
		return splitOps(append(slices.Concat(ops, a.ops.last), head), a.s.bounds.BatchBytes)
	}
	// The head is written once all rows of its entries stand: whoever reads it may rely
	// on them. It comes together with the ranges, which are of its partition, so
	// that nobody ever finds the one without the other.
	var rows, heads []driver.Op
	for _, op := range ops {
		if op.Partition == head.Partition {
			heads = append(heads, op)
		} else {
			rows = append(rows, op)
		}
	}
	heads = append(heads, a.ops.last...)
	return append(splitOps(rows, a.s.bounds.BatchBytes), splitOps(append(heads, head), a.s.bounds.BatchBytes)...)
}

// splitOps cuts ops into parts of at most size bytes each, in order. An op that is
// larger makes a part of its own. At a size of 0 nothing is cut.
func splitOps(ops []driver.Op, size int) [][]driver.Op {
	if size == 0 {
		return [][]driver.Op{ops}
	}
	var parts [][]driver.Op
	start, sum := 0, 0
	for i, op := range ops {
		if sum += op.Size(); sum > size && i > start {
			parts = append(parts, ops[start:i])
			start, sum = i, op.Size()
		}
	}
	return append(parts, ops[start:])
}
