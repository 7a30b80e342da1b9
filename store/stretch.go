package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// This file reads the entries of a page by one scan of the log, where they lie together.

// isStretch reports whether the numbers run up, or down, with few others between them: then a scan
// that passes over those costs less than to ask for each.
func isStretch(numbers []uint64) bool {
	if len(numbers) < 2 {
		return false
	}
	first, last := numbers[0], numbers[len(numbers)-1]
	down := first > last
	for i, n := range numbers[1:] {
		if n == numbers[i] || n < numbers[i] != down {
			return false
		}
	}
	return max(first, last)-min(first, last) < 2*uint64(len(numbers))
}

// readStretch reads the entries of numbers that are a stretch into es, up to the one with which
// their contents reach so many bytes, and returns how many they are; 0 is no bound. It reads forwards also
// where the numbers run down, which costs an engine less: in parts, so that little is read beyond the bound.
func (s *Store) readStretch(ctx context.Context, ref parlance.Ref, numbers []uint64, bytes int, es []Entry) (int, error) {
	down := numbers[0] > numbers[len(numbers)-1]
	copies := arena{coming: len(numbers)}
	read, most := 0, s.readAtOnce()
	for n := 0; n < len(numbers); {
		// One partition of the log after the other.
		last := s.layout.SegmentEnd(numbers[n])
		before := last - uint64(s.layout.SegmentSize)
		end := n + 1
		for end < len(numbers) && end-n < most && numbers[end] > before && numbers[end] <= last {
			end++
		}
		if err := s.readPart(ctx, ref, numbers[n:end], down, before, &copies, es[n:end]); err != nil {
			return 0, err
		}
		for ; n < end; n++ {
			if read += es[n].Size(); bytes > 0 && read >= bytes {
				return n + 1, nil
			}
		}
		most = max(most, readAtOnceBytes/(read/n+1))
	}
	return len(numbers), nil
}

// readAtOnceBytes is how many bytes of entries may be read at once where it is seen how large they are.
const readAtOnceBytes = 1 << 20

// readPart reads the entries of numbers, all of one partition of the log that begins after the
// number before. The numbers run down or up.
func (s *Store) readPart(ctx context.Context, ref parlance.Ref, numbers []uint64, down bool, before uint64, copies *arena, es []Entry) error {
	at, step, left := 0, 1, len(numbers)
	if down {
		at, step = left-1, -1
	}
	r := driver.Range{From: s.layout.LogKey(numbers[at])}
	if high := max(numbers[0], numbers[left-1]); high < before+uint64(s.layout.SegmentSize) {
		r.To = s.layout.LogKey(high + 1)
	}
	for row, err := range s.engine.Scan(ctx, s.layout.LogPartition(ref, numbers[0]), r) {
		if err != nil {
			return fmt.Errorf("read entries of %s: %w", ref, err)
		}
		if len(row.Key) != 2 {
			return s.corrupt(format.ErrRecord, "the log of conversation %s", ref)
		}
		number := before + 1 + uint64(binary.BigEndian.Uint16(row.Key))
		if number < numbers[at] {
			continue
		}
		if number > numbers[at] {
			break
		}
		if _, err := es[at].Decode(number, copies.clone(row.Value)); err != nil {
			return parlance.Wrap(parlance.Corrupt, err, "the log of conversation %s is damaged", ref)
		}
		at += step
		if left--; left == 0 {
			return nil
		}
	}
	return parlance.Errorf(parlance.Corrupt, "the log of conversation %s has no entry %d", ref, numbers[at])
}

// An arena holds copies of values that are read together, and live about as long.
type arena struct {
	free   []byte
	coming int // how many values are still to come, roughly
}

// clone returns a copy of b that nothing else can grow into.
func (a *arena) clone(b []byte) []byte {
	const usual, least, most = 256, 4 << 10, 32 << 10 // bytes
	if len(b) > len(a.free) {
		a.free = make([]byte, max(len(b), min(a.coming*usual, most), least))
	}
	a.coming--
	n := copy(a.free, b)
	c := a.free[:n:n]
	a.free = a.free[n:]
	return c
}

// spaces are slices that pages were read into before.
var spaces = sync.Pool{New: func() any { return new([]Entry) }}

// maxSpace is the largest slice of entries that is kept for another page.
const maxSpace = 1024

// A Space is memory for the entries of a page, to be used again for others: see [Query]. A nil
// Space is none.
type Space []Entry

// NewSpace returns a space that is given back by [Space.Free].
func NewSpace() *Space { return (*Space)(spaces.Get().(*[]Entry)) }

// Free gives the space back. Neither it nor the entries that were read into it may be used after; what
// was made of them may, and their texts.
func (p *Space) Free() {
	if cap(*p) > maxSpace {
		return
	}
	clear(*p)
	spaces.Put((*[]Entry)(p))
}

// room returns the space's slice for n entries, made larger if need be.
func (p *Space) room(n int) []Entry {
	if p == nil {
		return make([]Entry, n)
	}
	clear(*p)
	*p = slices.Grow((*p)[:0], n)[:n]
	return (*p)[:n:n]
}
