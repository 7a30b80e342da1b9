package fold

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxSegment is how many signs may combine into one. Unicode's own bound is 30 marks on a letter; no language comes near it.
// More marks are dropped.
const maxSegment = 24

// A segment gathers signs that may combine.
type segment struct {
	buf      [maxSegment * utf8.UTFMax]byte
	size     int // bytes of buf
	signs    int
	from, to int  // of the text that they come from
	single   bool // the first sign is what it is if no other follows
	last     rune // the last sign that is no mark, of this segment or before it

	parts    [20 * utf8.UTFMax]byte // of the sign that is being taken: the longest decomposition has 18
	composed []byte
}

// take adds a sign of a decomposition of what stands from at to end.
func (g *segment) take(f *folder, r rune, at, end int) {
	if r > ' ' && r < 0x7f {
		g.begin(f, rune(lowered[r]), at, end)
		return
	}
	if to := alone(r); to != 0 {
		g.begin(f, to, at, end)
		return
	}
	g.general(f, r, at, end)
}

// general is take without its short cuts.
func (g *segment) general(f *folder, r rune, at, end int) {
	switch {
	case ignorable(r):
		g.extend(f, end)
		return
	case blank(r):
		g.flush(f)
		g.last = ' '
		if n := len(f.out); n > 0 && f.out[n-1] == ' ' {
			g.extend(f, end)
			return
		}
		g.push(' ', at, end)
		return
	case unicode.Is(unicode.M, r):
		// A vowel of Thai is a sign by itself, whatever it stands behind.
		if unicode.IsLetter(g.last) && unicode.In(g.last, unicode.Latin, unicode.Greek, unicode.Cyrillic) && classify(r) != Unspaced {
			g.extend(f, end)
			return
		}
	}
	if r == 'ß' || r == 'ẞ' {
		g.general(f, 's', at, end)
		r = 's'
	}
	r = lower(r)
	mark := unicode.Is(unicode.M, r)
	if !mark {
		g.last = r
	}
	switch {
	case begins(r):
		g.flush(f)
	case g.signs < maxSegment:
	case mark:
		g.extend(f, end)
		return
	default:
		g.flush(f)
	}
	g.push(r, at, end)
}

// begin adds a folded sign that begins a segment and is composed already.
func (g *segment) begin(f *folder, r rune, at, end int) {
	g.flush(f)
	g.last, g.single = r, true
	g.push(r, at, end)
}

// push adds a folded sign.
func (g *segment) push(r rune, at, end int) {
	if g.signs == 0 {
		g.from = at
	}
	g.to = end
	g.size += utf8.EncodeRune(g.buf[g.size:], r)
	g.signs++
}

// extend says that what ends at end was dropped.
func (g *segment) extend(f *folder, end int) {
	if g.signs > 0 {
		g.to = end
	} else if f.way != nil {
		f.way.extend(end)
	}
}

// flush appends the signs to the folder's output, composed.
func (g *segment) flush(f *folder) {
	if g.signs == 0 {
		return
	}
	x := len(f.out)
	if whole := g.buf[:g.size]; g.signs == 1 && g.single || norm.NFC.QuickSpan(whole) == g.size {
		f.out = append(f.out, whole...)
	} else {
		g.composed = norm.NFC.Append(g.composed[:0], whole...)
		f.out = append(f.out, g.composed...)
	}
	if f.way != nil {
		f.way.add(g.from, g.to, x, len(f.out))
	}
	g.size, g.signs, g.single = 0, 0, false
}

// begins reports whether r never combines with what stands before it.
func begins(r rune) bool {
	if r < 0x300 {
		return true
	}
	var b [utf8.UTFMax]byte
	return norm.NFC.Properties(b[:utf8.EncodeRune(b[:], r)]).BoundaryBefore()
}
