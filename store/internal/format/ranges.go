package format

import (
	"slices"

	"parlance"
)

// A TimelineID names one of the orders that the store keeps per conversation. The
// first three are parlance's; deleted messages have one of their own, by Sent.
type TimelineID uint8

// ByDeleted is the timeline of deleted messages.
const ByDeleted TimelineID = 3

// Timelines is how many there are.
const Timelines = 4

// KeyIn returns where m stands in timeline t, and whether it stands there at all.
func KeyIn(t TimelineID, m *parlance.Message) (key string, ok bool) {
	if (t == ByDeleted) != (m.State == parlance.Deleted) {
		return "", false
	}
	if t == ByDeleted {
		return PositionKey(m.Position(parlance.BySent)), true
	}
	return PositionKey(m.Position(parlance.Timeline(t))), true
}

// A Range is one range of a timeline: the pointers from its low key up to the low
// key of the next range, all in one partition.
type Range struct {
	ID      uint32
	Low     string // "" in the lowest range
	Live    int    // pointers in it
	Private int    // of them private
	Written int    // puts it ever took; with dead it tells its versions apart
	Dead    int    // deletes it ever took
}

// A Timeline is a timeline's list of ranges. Ranges split only at the ends, above the
// highest key or below the lowest, so that pointers never move between partitions.
type Timeline struct {
	Top    Range   // where nearly everything is written
	Closed []Range // ascending; nil while unread, although count is above 0
	Count  int     // number of closed ranges
	Next   uint32  // id of the next range
	High   string  // highest key that was ever put; "" if none
	Low    string  // lowest key that was ever put
}

// MaxDead is how many dead pointers the top range may hold before the next higher
// key opens a new one: a reader of the newest page never wades through more.
const MaxDead = 64

// Find returns the index in closed of the range that holds key, or len(closed) for the top one.
func (l *Timeline) Find(key string) int {
	if l.Count == 0 || key >= l.Top.Low {
		return l.Count
	}
	i, exact := slices.BinarySearchFunc(l.Closed, key, func(s Range, k string) int {
		switch {
		case s.Low < k:
			return -1
		case s.Low > k:
			return 1
		}
		return 0
	})
	if exact {
		return i
	}
	return i - 1 // closed[0].low is "", so i is at least 1
}

// At returns the range of an index as find returns it; the closed ones must have been read.
func (l *Timeline) At(i int) Range {
	if i == l.Count {
		return l.Top
	}
	return l.Closed[i]
}

// Holding returns the range that holds key; the closed ones must have been read if it lies below the top one.
func (l *Timeline) Holding(key string) Range { return l.At(l.Find(key)) }

// Above returns the ranges that hold key and all above it, ascending.
func (l *Timeline) Above(key string) []Range {
	if !l.Reaches(key) {
		return []Range{l.Top}
	}
	return append(slices.Clone(l.Closed[l.Find(key):]), l.Top)
}

// Reaches reports whether key lies below the top range, so that the closed ones are needed.
func (l *Timeline) Reaches(key string) bool { return l.Count > 0 && key < l.Top.Low }

// Unread reports whether there are closed ranges that weren't read.
func (l *Timeline) Unread() bool { return l.Closed == nil && l.Count > 0 }

// A Pointer is the value of a timeline row.
type Pointer struct {
	Number  uint64
	Private bool
}

// Encode returns the row.
func (p Pointer) Encode() []byte {
	n := p.Number << 1
	if p.Private {
		n |= 1
	}
	return AppendVarint(nil, n)
}

// DecodePointer reads what Encode made.
func DecodePointer(b []byte) (Pointer, error) {
	n, err := Varint(b)
	return Pointer{Number: n >> 1, Private: n&1 != 0}, err
}

// EncodeRange returns a closed range's row.
func EncodeRange(s Range) []byte {
	b := appendUint(nil, 1, uint64(s.ID)+1)
	b = appendString(b, 2, s.Low)
	b = appendUint(b, 3, uint64(s.Live))
	b = appendUint(b, 4, uint64(s.Private))
	b = appendUint(b, 5, uint64(s.Written))
	return appendUint(b, 6, uint64(s.Dead))
}

// DecodeRange reads a closed range's row.
func DecodeRange(b []byte) (s Range, err error) {
	err = EachField(b, func(f Field) (err error) {
		switch f.Number {
		case 1:
			s.ID = uint32(f.Uint - 1)
		case 2:
			s.Low = f.String()
		case 3:
			s.Live, err = f.Count()
		case 4:
			s.Private, err = f.Count()
		case 5:
			s.Written, err = f.Count()
		case 6:
			s.Dead, err = f.Count()
		}
		return err
	})
	if err == nil && s.Private > s.Live {
		err = ErrRecord
	}
	return s, err
}

func decodeTimeline(l *Timeline, b []byte) error {
	return EachField(b, func(f Field) (err error) {
		switch f.Number {
		case 1:
			l.Top, err = DecodeRange(f.Bytes)
		case 2:
			l.Count, err = f.Count()
		case 3:
			l.Next = uint32(f.Uint)
		case 4:
			l.High = f.String()
		case 5:
			l.Low = f.String()
		}
		return err
	})
}
