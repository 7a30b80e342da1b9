package store

import (
	"parlance"
	"slices"
)

// edit is a change of one line by one append: it copies what it changes.
type edit struct {
	*line
	ref    parlance.Ref
	id     timeline
	size   int // pointers per span
	copied bool
	fresh  []span // closed while the other closed ones were unread
	ops    *batch
}

func (e *edit) own() {
	if !e.copied {
		e.closed = slices.Clone(e.closed)
		e.copied = true
	}
}

// writeClosed puts the row of closed span i.
func (e *edit) writeClosed(i int) { e.writeSpan(e.closed[i]) }

func (e *edit) writeSpan(s span) {
	e.ops.put(headPartition(e.ref), rangeKey(e.id, s.low), encodeSpan(s))
	e.ops.ranges += e.ops.ops[len(e.ops.ops)-1].Size()
}

// split opens a new span where key asks for one.
func (e *edit) split(key string) {
	switch {
	case e.high == "":
		e.top, e.next = span{id: 0}, 1
	case key > e.high && (e.top.written >= e.size || e.top.dead >= maxDead):
		e.closeTop(key)
	case key < e.low:
		e.splitBottom()
	}
}

// closeTop opens a new top span from key on. The closed ones may stay unread.
func (e *edit) closeTop(key string) {
	if e.top.live == 0 {
		// Nothing is left in it: the new one takes its keys too.
		e.top = span{id: e.next, low: e.top.low}
		e.next++
		return
	}
	if e.unread() {
		e.fresh = append(e.fresh, e.top)
	} else {
		e.own()
		e.closed = append(e.closed, e.top)
	}
	e.count++
	e.writeSpan(e.top)
	e.top = span{id: e.next, low: key}
	e.next++
}

// splitBottom opens a new span below the lowest key, if the lowest span is full.
func (e *edit) splitBottom() {
	bottom := &e.top
	if e.count > 0 {
		bottom = &e.closed[0]
	}
	if bottom.written < e.size {
		return
	}
	e.own()
	if e.count > 0 {
		e.closed[0].low = e.low
	} else {
		e.top.low = e.low
	}
	e.closed = slices.Insert(e.closed, 0, span{id: e.next})
	e.count++
	e.next++
	e.writeClosed(0)
	if e.count > 1 {
		e.writeClosed(1)
	}
}

// put makes key point to entry number.
func (e *edit) put(key string, number uint64, private, replaces, wasPrivate bool) {
	if !replaces {
		e.split(key)
	}
	i := e.find(key)
	s := &e.top
	if i < e.count {
		e.own()
		s = &e.closed[i]
	}
	s.written++
	if !replaces {
		s.live++
	} else if wasPrivate {
		s.private--
	}
	if private {
		s.private++
	}
	if i < e.count {
		e.writeClosed(i)
	}
	if e.high == "" || key < e.low {
		e.low = key
	}
	e.high = max(e.high, key)
	e.ops.put(timelinePartition(e.ref, e.id, s.id), []byte(key), pointer{number, private}.encode())
}

// remove takes key's pointer away.
func (e *edit) remove(key string, private bool) {
	i := e.find(key)
	s := &e.top
	if i < e.count {
		e.own()
		s = &e.closed[i]
	}
	s.live--
	s.dead++
	if private {
		s.private--
	}
	e.ops.delete(timelinePartition(e.ref, e.id, s.id), []byte(key))
	switch {
	case i == e.count:
	case s.live == 0 && i > 0:
		// Nothing is left in it, so readers need not look: the span below covers its keys now.
		e.ops.delete(headPartition(e.ref), rangeKey(e.id, s.low))
		e.closed = slices.Delete(e.closed, i, i+1)
		e.count--
	default:
		e.writeClosed(i)
	}
}
