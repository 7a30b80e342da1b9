// Package timeline changes one timeline of a conversation: a sorted list of pointers to log entries, kept as ranges of bounded size. It
// hides where ranges split: only at the ends, above the highest key or below the lowest, so that pointers never move between partitions.
package timeline

import (
	"slices"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// An Update is a change of one timeline by one group of entries. The timeline that it is made from stays as it is.
type Update struct {
	*format.Timeline // as the update has left it so far

	Ops        []driver.Op // what is to be written, in order; the last op on a row counts
	RangeBytes int         // of rows of closed ranges among Ops

	ref          parlance.Ref
	id           format.TimelineID
	size         int            // pointers per range
	copied       bool           // Closed is the update's own
	closedUnread []format.Range // closed while the other closed ones were unread
}

// Change begins a change of timeline t of a conversation, whose ranges take size pointers each.
func Change(l format.Timeline, ref parlance.Ref, t format.TimelineID, size int) *Update {
	return &Update{Timeline: &l, ref: ref, id: t, size: size}
}

// Needs reports whether the closed ranges have to be [Update.Read] before key is put or removed.
func (u *Update) Needs(key string) bool { return u.Unread() && (u.Reaches(key) || key < u.Low) }

// Read takes the closed ranges as they were before the change, ascending.
func (u *Update) Read(closed []format.Range) {
	u.Closed, u.copied = slices.Concat(closed, u.closedUnread), true
}

func (u *Update) own() {
	if !u.copied {
		u.Closed = slices.Clone(u.Closed)
		u.copied = true
	}
}

// writeClosed puts the row of closed range i.
func (u *Update) writeClosed(i int) { u.writeRange(u.Closed[i]) }

func (u *Update) writeRange(s format.Range) {
	op := driver.Op{Partition: format.HeadPartition(u.ref), Key: format.RangeKey(u.id, s.Low), Value: format.EncodeRange(s)}
	u.Ops = append(u.Ops, op)
	u.RangeBytes += op.Size()
}

// split opens a new range where key asks for one.
func (u *Update) split(key string) {
	switch {
	case u.High == "":
		u.Top, u.Next = format.Range{ID: 0}, 1
	case key > u.High && (u.Top.Written >= u.size || u.Top.Dead >= format.MaxDead):
		u.closeTop(key)
	case key < u.Low:
		u.splitBottom()
	}
}

// closeTop opens a new top range from key on. The closed ones may stay unread.
func (u *Update) closeTop(key string) {
	if u.Top.Live == 0 {
		// Nothing is left in it: the new one takes its keys too.
		u.Top = format.Range{ID: u.Next, Low: u.Top.Low}
		u.Next++
		return
	}
	if u.Unread() {
		u.closedUnread = append(u.closedUnread, u.Top)
	} else {
		u.own()
		u.Closed = append(u.Closed, u.Top)
	}
	u.Count++
	u.writeRange(u.Top)
	u.Top = format.Range{ID: u.Next, Low: key}
	u.Next++
}

// splitBottom opens a new range below the lowest key, if the lowest range is full.
func (u *Update) splitBottom() {
	bottom := &u.Top
	if u.Count > 0 {
		bottom = &u.Closed[0]
	}
	if bottom.Written < u.size {
		return
	}
	u.own()
	if u.Count > 0 {
		u.Closed[0].Low = u.Low
	} else {
		u.Top.Low = u.Low
	}
	u.Closed = slices.Insert(u.Closed, 0, format.Range{ID: u.Next})
	u.Count++
	u.Next++
	u.writeClosed(0)
	if u.Count > 1 {
		u.writeClosed(1)
	}
}

// Put makes key point to entry number.
func (u *Update) Put(key string, number uint64, private, replaces, wasPrivate bool) {
	if !replaces {
		u.split(key)
	}
	i := u.Find(key)
	s := &u.Top
	if i < u.Count {
		u.own()
		s = &u.Closed[i]
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
	if i < u.Count {
		u.writeClosed(i)
	}
	if u.High == "" || key < u.Low {
		u.Low = key
	}
	u.High = max(u.High, key)
	u.Ops = append(u.Ops, driver.Op{
		Partition: format.TimelinePartition(u.ref, u.id, s.ID), Key: []byte(key), Value: format.Pointer{Number: number, Private: private}.Encode(),
	})
}

// Remove takes key's pointer away.
func (u *Update) Remove(key string, private bool) {
	i := u.Find(key)
	s := &u.Top
	if i < u.Count {
		u.own()
		s = &u.Closed[i]
	}
	s.Live--
	s.Dead++
	if private {
		s.Private--
	}
	u.Ops = append(u.Ops, driver.Op{Partition: format.TimelinePartition(u.ref, u.id, s.ID), Key: []byte(key), Delete: true})
	switch {
	case i == u.Count:
	case s.Live == 0 && i > 0:
		// Nothing is left in it, so readers need not look: the range below covers its keys now.
		u.Ops = append(u.Ops, driver.Op{Partition: format.HeadPartition(u.ref), Key: format.RangeKey(u.id, s.Low), Delete: true})
		u.Closed = slices.Delete(u.Closed, i, i+1)
		u.Count--
	default:
		u.writeClosed(i)
	}
}
