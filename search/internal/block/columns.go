package block

import (
	"encoding/binary"
	"errors"
	"slices"

	"parlance"
)

// ErrDamaged says that a page isn't there, or isn't one that was written here.
var ErrDamaged = errors.New("a page of the index is damaged")

// A column is the page of Columns of PageDocuments documents. Conversations and senders are named by their places in the block's tables.
type column struct {
	created []parlance.Time
	thread  []uint32
	number  []uint64
	first   []uint64
	sender  []uint32
	flags   []Flags
}

func (c *column) len() int { return len(c.created) }

// encode writes the page: how many documents; the unit of the times; the first time and by how much each next is later; the
// conversations that there are, then which of them each document is of, and by how much more than 1 its number is above that of the one
// before of the same conversation, then by how much each lies above its message's first; the senders likewise; the flags.
func (c *column) encode() []byte {
	n := c.len()
	b := binary.AppendUvarint(nil, uint64(n))
	unit := parlance.Time(1000)
	for _, t := range c.created {
		if t%1000 != 0 {
			unit = 1
			break
		}
	}
	b = binary.AppendUvarint(b, uint64(unit))
	last := parlance.Time(0)
	for i, t := range c.created {
		if i == 0 {
			b = binary.AppendVarint(b, int64(t/unit))
		} else {
			b = binary.AppendUvarint(b, uint64((t-last)/unit))
		}
		last = t
	}
	b, threads := appendPlaces(b, c.thread)
	numbers := make([]uint64, len(threads))
	for i, place := range c.thread {
		local, _ := slices.BinarySearch(threads, place)
		b = binary.AppendVarint(b, int64(c.number[i]-numbers[local]-1))
		numbers[local] = c.number[i]
	}
	for i, number := range c.number {
		b = binary.AppendUvarint(b, number-c.first[i])
	}
	b, _ = appendPlaces(b, c.sender)
	for _, f := range c.flags {
		b = binary.AppendUvarint(b, uint64(f))
	}
	return b
}

// appendPlaces writes places: those that there are, ascending, then which of them each one is.
func appendPlaces(b []byte, places []uint32) ([]byte, []uint32) {
	distinct := slices.Clone(places)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	b = binary.AppendUvarint(b, uint64(len(distinct)))
	last := int64(-1)
	for _, p := range distinct {
		b = binary.AppendUvarint(b, uint64(int64(p)-last-1))
		last = int64(p)
	}
	for _, p := range places {
		local, _ := slices.BinarySearch(distinct, p)
		b = binary.AppendUvarint(b, uint64(local))
	}
	return b, distinct
}

// A pageReader reads varints; after the first that can't be read all are 0.
type pageReader struct {
	b   []byte
	bad bool
}

func (r *pageReader) uint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	v, w := binary.Uvarint(r.b)
	if w <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[w:]
	return v
}

func (r *pageReader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *pageReader) int() int64 {
	v := r.uint()
	return int64(v>>1) ^ -int64(v&1)
}

// below reads a number below limit.
func (r *pageReader) below(limit uint64) uint64 {
	v := r.uint()
	if v >= limit {
		r.bad = true
		return 0
	}
	return v
}

func (r *pageReader) string() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// places reads what appendPlaces wrote of n documents.
func (r *pageReader) places(n int) (places, distinct, local []uint32) {
	distinct = make([]uint32, r.below(uint64(n)+1))
	last := int64(-1)
	for i := range distinct {
		last += int64(r.below(MaxDocuments)) + 1
		distinct[i] = uint32(last)
	}
	places, local = make([]uint32, n), make([]uint32, n)
	for i := range places {
		local[i] = uint32(r.below(uint64(len(distinct))))
		if r.bad {
			return places, distinct, local
		}
		places[i] = distinct[local[i]]
	}
	return places, distinct, local
}

func decodeColumn(b []byte) (*column, error) {
	r := &pageReader{b: b}
	n := int(r.below(PageDocuments + 1))
	unit := parlance.Time(r.below(1001))
	c := &column{created: make([]parlance.Time, n), number: make([]uint64, n), first: make([]uint64, n), flags: make([]Flags, n)}
	for i := range c.created {
		if i == 0 {
			c.created[i] = parlance.Time(r.int()) * unit
		} else {
			c.created[i] = c.created[i-1] + parlance.Time(r.uint())*unit
		}
	}
	var threads, local []uint32
	c.thread, threads, local = r.places(n)
	numbers := make([]uint64, len(threads))
	for i := range c.number {
		if r.bad {
			return nil, ErrDamaged
		}
		c.number[i] = numbers[local[i]] + uint64(r.int()) + 1
		numbers[local[i]] = c.number[i]
	}
	for i, number := range c.number {
		c.first[i] = number - r.uint()
	}
	c.sender, _, _ = r.places(n)
	for i := range c.flags {
		c.flags[i] = Flags(r.uint())
	}
	if r.bad || len(r.b) > 0 {
		return nil, ErrDamaged
	}
	return c, nil
}
