package store

import (
	"parlance"
	"slices"
)

// A timeline names one of the orders that the store keeps per conversation. The
// first three are parlance's; deleted messages have one of their own, by Sent.
type timeline uint8

const byDeleted timeline = 3

// timelines is how many there are.
const timelines = 4

// place returns where m stands in timeline t, and whether it stands there at all.
func place(t timeline, m *parlance.Message) (key string, ok bool) {
	if (t == byDeleted) != (m.State == parlance.Deleted) {
		return "", false
	}
	if t == byDeleted {
		return positionKey(m.Position(parlance.BySent)), true
	}
	return positionKey(m.Position(parlance.Timeline(t))), true
}

// A span is one range of a timeline: the pointers from its low key up to the low
// key of the next span, all in one partition.
type span struct {
	id      uint32
	low     string // "" in the lowest span
	live    int    // pointers in it
	private int    // of them private
	written int    // puts it ever took; with dead it tells its versions apart
	dead    int    // deletes it ever took
}

// A line is a timeline's list of spans. Spans split only at the ends, above the
// highest key or below the lowest, so that pointers never move between partitions.
type line struct {
	top    span   // where nearly everything is written
	closed []span // ascending; nil while unread, although count is above 0
	count  int    // number of closed spans
	next   uint32 // id of the next span
	high   string // highest key that was ever put; "" if none
	low    string // lowest key that was ever put
}

// maxDead is how many dead pointers the top span may hold before the next higher
// key opens a new one: a reader of the newest page never wades through more.
const maxDead = 64

// find returns the index in closed of the span that holds key, or len(closed) for the top one.
func (l *line) find(key string) int {
	if l.count == 0 || key >= l.top.low {
		return l.count
	}
	i, exact := slices.BinarySearchFunc(l.closed, key, func(s span, k string) int {
		switch {
		case s.low < k:
			return -1
		case s.low > k:
			return 1
		}
		return 0
	})
	if exact {
		return i
	}
	return i - 1 // closed[0].low is "", so i is at least 1
}

// at returns the span of an index as find returns it; the closed ones must have been read.
func (l *line) at(i int) span {
	if i == l.count {
		return l.top
	}
	return l.closed[i]
}

// holding returns the span that holds key; the closed ones must have been read if it lies below the top one.
func (l *line) holding(key string) span { return l.at(l.find(key)) }

// above returns the spans that hold key and all above it, ascending.
func (l *line) above(key string) []span {
	if !l.reaches(key) {
		return []span{l.top}
	}
	return append(slices.Clone(l.closed[l.find(key):]), l.top)
}

// reaches reports whether key lies below the top span, so that the closed ones are needed.
func (l *line) reaches(key string) bool { return l.count > 0 && key < l.top.low }

// unread reports whether there are closed spans that weren't read.
func (l *line) unread() bool { return l.closed == nil && l.count > 0 }

// A pointer is the value of a timeline row.
type pointer struct {
	number  uint64
	private bool
}

func (p pointer) encode() []byte {
	n := p.number << 1
	if p.private {
		n |= 1
	}
	return appendVarint(nil, n)
}

func decodePointer(b []byte) (pointer, error) {
	n, err := varint(b)
	return pointer{number: n >> 1, private: n&1 != 0}, err
}

func encodeSpan(s span) []byte {
	b := appendUint(nil, 1, uint64(s.id)+1)
	b = appendString(b, 2, s.low)
	b = appendUint(b, 3, uint64(s.live))
	b = appendUint(b, 4, uint64(s.private))
	b = appendUint(b, 5, uint64(s.written))
	return appendUint(b, 6, uint64(s.dead))
}

func decodeSpan(b []byte) (s span, err error) {
	err = eachField(b, func(f field) (err error) {
		switch f.Number {
		case 1:
			s.id = uint32(f.Uint - 1)
		case 2:
			s.low = f.String()
		case 3:
			s.live, err = f.Count()
		case 4:
			s.private, err = f.Count()
		case 5:
			s.written, err = f.Count()
		case 6:
			s.dead, err = f.Count()
		}
		return err
	})
	if err == nil && s.private > s.live {
		err = errRecord
	}
	return s, err
}

func decodeLine(l *line, b []byte) error {
	return eachField(b, func(f field) (err error) {
		switch f.Number {
		case 1:
			l.top, err = decodeSpan(f.Bytes)
		case 2:
			l.count, err = f.Count()
		case 3:
			l.next = uint32(f.Uint)
		case 4:
			l.high = f.String()
		case 5:
			l.low = f.String()
		}
		return err
	})
}
