package block

import (
	"encoding/binary"
	"math/bits"
)

// A Set is a set of documents of a chunk, by their number in it: a bit each.
type Set [ChunkDocuments / 64]uint64

// Add puts a document into s.
func (s *Set) Add(n uint32) { s[n/64] |= 1 << (n % 64) }

// Has reports whether a document is in s.
func (s *Set) Has(n uint32) bool { return s[n/64]&(1<<(n%64)) != 0 }

// And leaves what is also in t.
func (s *Set) And(t *Set) {
	for i := range s {
		s[i] &= t[i]
	}
}

// Or adds what is in t.
func (s *Set) Or(t *Set) {
	for i := range s {
		s[i] |= t[i]
	}
}

// AndNot takes out what is in t.
func (s *Set) AndNot(t *Set) {
	for i := range s {
		s[i] &^= t[i]
	}
}

// Fill puts all documents from <= n < to into s.
func (s *Set) Fill(from, to uint32) {
	for n := from; n < to; {
		if n%64 == 0 && n+64 <= to {
			s[n/64] = ^uint64(0)
			n += 64
			continue
		}
		s.Add(n)
		n++
	}
}

// Empty reports whether nothing is in s.
func (s *Set) Empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

// Count returns how many documents are in s.
func (s *Set) Count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Below returns the highest document of s below n, or -1.
func (s *Set) Below(n int) int {
	if n <= 0 {
		return -1
	}
	i := (n - 1) / 64
	w := s[i] & (^uint64(0) >> (63 - (n-1)%64))
	for w == 0 {
		if i--; i < 0 {
			return -1
		}
		w = s[i]
	}
	return i*64 + 63 - bits.LeadingZeros64(w)
}

// Postings have a head and a body. The head is how many there are × 2, plus 1 if the body is a bitmap, as varint; of a list of more than
// one, how many bytes the body has follows. The body is the bitmap, a bit for each of the chunk's documents; or the first, and for the others by how
// much more than 1 it lies above the one before, as varints.

// appendPostings writes ascending numbers below size.
func appendPostings(head, body []byte, ns []uint32, size int) ([]byte, []byte) {
	start := len(body)
	if len(ns) > size/8 {
		head = binary.AppendUvarint(head, uint64(len(ns))<<1|1)
		body = append(body, make([]byte, (size+7)/8)...)
		for _, n := range ns {
			body[start+int(n/8)] |= 1 << (n % 8)
		}
		return head, body
	}
	head = binary.AppendUvarint(head, uint64(len(ns))<<1)
	last := int64(-1)
	for _, n := range ns {
		body = binary.AppendUvarint(body, uint64(int64(n)-last-1))
		last = int64(n)
	}
	if len(ns) > 1 {
		head = binary.AppendUvarint(head, uint64(len(body)-start))
	}
	return head, body
}

// postings are the postings of a term in a chunk, as they stand in a page.
type postings struct {
	n      int
	bitmap bool
	bytes  []byte
}

// readPostings reads what appendPostings wrote.
func readPostings(head, body *pageReader, size int) (p postings, err error) {
	h := head.uint()
	p.n, p.bitmap = int(h>>1), h&1 == 1
	if head.bad || p.n < 1 || p.n > size {
		return p, ErrDamaged
	}
	length := 0
	switch {
	case p.bitmap:
		length = (size + 7) / 8
	case p.n == 1:
		if _, length = binary.Uvarint(body.b); length <= 0 {
			return p, ErrDamaged
		}
	default:
		length = int(head.below(uint64(len(body.b)) + 1))
	}
	if head.bad || length > len(body.b) {
		return p, ErrDamaged
	}
	p.bytes, body.b = body.b[:length], body.b[length:]
	return p, nil
}

// each calls do with each number, ascending.
func (p *postings) each(size int, do func(n uint32)) error {
	if p.bitmap {
		for i, x := range p.bytes {
			for ; x != 0; x &= x - 1 {
				n := uint32(i*8 + bits.TrailingZeros8(x))
				if int(n) >= size {
					return ErrDamaged
				}
				do(n)
			}
		}
		return nil
	}
	b, n := p.bytes, int64(-1)
	for range p.n {
		// Most gaps take a byte.
		if len(b) > 0 && b[0] < 0x80 {
			n += int64(b[0]) + 1
			b = b[1:]
		} else {
			gap, w := binary.Uvarint(b)
			if w <= 0 || gap >= uint64(size) {
				return ErrDamaged
			}
			n += int64(gap) + 1
			b = b[w:]
		}
		if n >= int64(size) {
			return ErrDamaged
		}
		do(uint32(n))
	}
	if len(b) != 0 {
		return ErrDamaged
	}
	return nil
}
