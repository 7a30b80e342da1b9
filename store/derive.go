package store

import (
	"errors"
	"slices"

	"parlance"
	"parlance/store/driver"
)

// derive counts e and makes its derived rows. It looks at nothing but the tail, the two versions
// and when the conversation was made, so that every process that does it comes to the same.
func (a *appender) derive(e, before *Entry) error {
	m := &e.Message
	var old *parlance.Message
	if before != nil {
		old = &before.Message
	}
	a.next.number = e.Number
	if old != nil && old.State != parlance.Deleted {
		a.next.total--
		if old.Private() {
			a.next.private--
		}
	}
	if m.State != parlance.Deleted {
		a.next.total++
		if m.Private() {
			a.next.private++
		}
	}
	observe(&a.next, e, before)
	a.listEntry(e)
	for t := range timeline(timelines) {
		var oldKey string
		var had bool
		if old != nil {
			oldKey, had = place(t, old)
		}
		key, has := place(t, m)
		if !had && !has {
			continue
		}
		if had && (!has || key != oldKey) {
			edit, err := a.edit(t, oldKey)
			if err != nil {
				return err
			}
			edit.remove(oldKey, old.Private())
			had = false
		}
		if has {
			edit, err := a.edit(t, key)
			if err != nil {
				return err
			}
			edit.put(key, e.Number, m.Private(), had, had && old.Private())
		}
	}
	a.ops.put(a.s.layout.idPartition(a.c.ref.Workspace, m.ID), idKey(m.ID, a.c.ref.Conversation), indexRowOf(e).encode())
	if isAcross(a.about.Kind) {
		a.deriveAcross(e, old)
	}
	return nil
}

// line returns a timeline as the group has left it so far.
func (a *appender) line(t timeline) *line {
	if e := a.edits[t]; e != nil {
		return e.line
	}
	return &a.next.lines[t]
}

// edit returns the change of a timeline, ready for key.
func (a *appender) edit(t timeline, key string) (*edit, error) {
	e := a.edits[t]
	if e == nil {
		l := a.next.lines[t]
		e = &edit{line: &l, ref: a.c.ref, id: t, size: a.s.layout.span, ops: &a.ops}
		a.edits[t] = e
	}
	if e.unread() && (e.reaches(key) || key < e.low) {
		closed, err := a.closed(t)
		if err != nil {
			return nil, err
		}
		e.closed, e.copied = slices.Concat(closed, e.fresh), true
	}
	return e, nil
}

// closed returns the closed spans of a timeline as of base.
func (a *appender) closed(t timeline) ([]span, error) {
	l := &a.next.lines[t] // changes are made to a copy, see edit
	if l.closed == nil && l.count > 0 {
		var err error
		l.closed, err = a.s.readSpans(a.ctx, a.c.ref, t, a.base)
		switch {
		case errors.Is(err, errMoved) && a.s.bounds.Exclusive:
			return nil, a.s.contradicts(a.c.ref)
		case errors.Is(err, errMoved):
			return nil, &driver.Refused{}
		case err != nil:
			return nil, err
		}
	}
	return l.closed, nil
}

// appended is the version of the rows that are derived with entry number. The version
// above it is for what moves the lists without an entry.
func appended(number uint64) driver.Version { return driver.Version(2 * number) }

// parts returns the derived rows in the parts in which they are written.
func (a *appender) parts() [][]driver.Op {
	ops := a.ops.ops
	if a.ops.deletes || !a.s.bounds.Exclusive {
		ops = a.ops.settled()
	}
	head := driver.Op{Partition: headPartition(a.c.ref), Value: a.next.encode()}
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
