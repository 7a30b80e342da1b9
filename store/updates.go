package store

import (
	"slices"

	"parlance"
	"parlance/store/internal/format"
)

// edit is a change of one line by one append: it copies what it changes.
type edit struct {
	*format.Timeline
	ref    parlance.Ref
	id     format.TimelineID
	size   int // pointers per span
	copied bool
	fresh  []format.Range // closed while the other closed ones were unread
	ops    *batch
}

func (e *edit) own() {
	if !e.copied {
		e.Closed = slices.Clone(e.Closed)
		e.copied = true
	}
}

// writeClosed puts the row of closed span i.
func (e *edit) writeClosed(i int) { e.writeSpan(e.Closed[i]) }

func (e *edit) writeSpan(s format.Range) {
	e.ops.put(format.HeadPartition(e.ref), format.RangeKey(e.id, s.Low), format.EncodeRange(s))
	e.ops.ranges += e.ops.ops[len(e.ops.ops)-1].Size()
}

// split opens a new span where key asks for one.
func (e *edit) split(key string) {
	switch {
	case e.High == "":
		e.Top, e.Next = format.Range{ID: 0}, 1
	case key > e.High && (e.Top.Written >= e.size || e.Top.Dead >= format.MaxDead):
		e.closeTop(key)
	case key < e.Low:
		e.splitBottom()
	}
}

// closeTop opens a new top span from key on. The closed ones may stay unread.
func (e *edit) closeTop(key string) {
	if e.Top.Live == 0 {
		// Nothing is left in it: the new one takes its keys too.
		e.Top = format.Range{ID: e.Next, Low: e.Top.Low}
		e.Next++
		return
	}
	if e.Unread() {
		e.fresh = append(e.fresh, e.Top)
	} else {
		e.own()
		e.Closed = append(e.Closed, e.Top)
	}
	e.Count++
	e.writeSpan(e.Top)
	e.Top = format.Range{ID: e.Next, Low: key}
	e.Next++
}

// splitBottom opens a new span below the lowest key, if the lowest span is full.
func (e *edit) splitBottom() {
	bottom := &e.Top
	if e.Count > 0 {
		bottom = &e.Closed[0]
	}
	if bottom.Written < e.size {
		return
	}
	e.own()
	if e.Count > 0 {
		e.Closed[0].Low = e.Low
	} else {
		e.Top.Low = e.Low
	}
	e.Closed = slices.Insert(e.Closed, 0, format.Range{ID: e.Next})
	e.Count++
	e.Next++
	e.writeClosed(0)
	if e.Count > 1 {
		e.writeClosed(1)
	}
}

// put makes key point to entry number.
func (e *edit) put(key string, number uint64, private, replaces, wasPrivate bool) {
	if !replaces {
		e.split(key)
	}
	i := e.Find(key)
	s := &e.Top
	if i < e.Count {
		e.own()
		s = &e.Closed[i]
	}
	s.Written++
	if !replaces {
		s.Live++
	} else if wasPrivate {
		s.Private--
	}
	if private {
		s.Private++
	}
	if i < e.Count {
		e.writeClosed(i)
	}
	if e.High == "" || key < e.Low {
		e.Low = key
	}
	e.High = max(e.High, key)
	e.ops.put(format.TimelinePartition(e.ref, e.id, s.ID), []byte(key), format.Pointer{Number: number, Private: private}.Encode())
}

// remove takes key's pointer away.
func (e *edit) remove(key string, private bool) {
	i := e.Find(key)
	s := &e.Top
	if i < e.Count {
		e.own()
		s = &e.Closed[i]
	}
	s.Live--
	s.Dead++
	if private {
		s.Private--
	}
	e.ops.delete(format.TimelinePartition(e.ref, e.id, s.ID), []byte(key))
	switch {
	case i == e.Count:
	case s.Live == 0 && i > 0:
		// Nothing is left in it, so readers need not look: the span below covers its keys now.
		e.ops.delete(format.HeadPartition(e.ref), format.RangeKey(e.id, s.Low))
		e.Closed = slices.Delete(e.Closed, i, i+1)
		e.Count--
	default:
		e.writeClosed(i)
	}
}
