// Package fold makes texts comparable: it hides what counts as the same sign for somebody who searches, and into
// which terms a text falls.
package fold

import (
	"strings"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/unicode/norm"
)

// Version names the rules by which this program folds. Texts that were folded by others can't be compared with these:
// an index of another version must be built again.
const Version = "1-" + norm.Version

// MaxGrowth is how many times as long as a text its folded form is at most: ﷺ is eighteen letters. Texts of people grow by next to nothing.
const MaxGrowth = 11

// Fold returns the folded form of s, in which two texts that a reader takes for the same words are the same bytes:
//
//   - signs that differ in form only become one (NFKC): full and half width, ligatures, circled and squared signs.
//     Two things stay what they are, since NFKC makes them part of their neighbours: single letters of Hangul such as
//     ㅋ, and accents that stand alone, such as ´
//   - letters become lower case (Unicode's simple folding, but ß becomes ss)
//   - combining marks after Latin, Greek and Cyrillic letters are dropped; all others stay (か and が differ)
//   - signs that can't be seen are dropped, such as joiners, direction marks and variation selectors
//   - what isn't UTF-8 becomes U+FFFD, byte by byte
//   - a run of white space and control signs becomes one blank, at the ends too
//
// It is idempotent. Its time is linear. The result is s itself if nothing changes, and at most MaxGrowth times as long.
func Fold(s string) string {
	n := unchanged(s)
	if n == len(s) {
		return s
	}
	f := folder{src: s, out: append(make([]byte, 0, len(s)+8), s[:n]...)}
	f.run(n)
	return unsafe.String(unsafe.SliceData(f.out), len(f.out)) // which nobody writes to any more
}

// Name returns the folded form of a name, in which blanks at its ends don't count.
func Name(s string) string { return strings.Trim(Fold(s), " ") }

// unchanged returns how many bytes s begins with that are ASCII and stay as they are.
func unchanged(s string) int {
	blank := false
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || lowered[c] != c || c == ' ' && blank {
			return i
		}
		blank = c == ' '
	}
	return len(s)
}

// lowered holds what ASCII becomes.
var lowered = func() (to [utf8.RuneSelf]byte) {
	for c := range to {
		switch {
		case c < ' ' || c == 0x7f:
			to[c] = ' '
		case 'A' <= c && c <= 'Z':
			to[c] = byte(c) + 'a' - 'A'
		default:
			to[c] = byte(c)
		}
	}
	return to
}()

// A folder folds one text.
type folder struct {
	src string
	out []byte
	way *way // nil if nobody wants to know

	g *segment // nil until there is something to combine
}

// run folds src from at on.
func (f *folder) run(at int) {
	settled := 0 // below it nothing combines with what follows
	for at < len(f.src) {
		if c := f.src[at]; c < utf8.RuneSelf {
			at = f.ascii(at)
			continue
		}
		r, size := utf8.DecodeRuneInString(f.src[at:])
		if to := alone(r); to != 0 {
			x := len(f.out)
			f.out = utf8.AppendRune(f.out, to)
			if f.way != nil {
				f.way.add(at, at+size, x, len(f.out))
			}
			at += size
			continue
		}
		if inOrder(f.out, r) {
			f.keep(at, size)
			at += size
			continue
		}
		at = f.back(settled, at)
		at = f.combined(at)
		settled = at
	}
}

// ascii folds the ASCII that stands at, and returns where it ends.
func (f *folder) ascii(at int) int {
	out := f.out
	blank := len(out) > 0 && out[len(out)-1] == ' '
	for ; at < len(f.src) && f.src[at] < utf8.RuneSelf; at++ {
		c := lowered[f.src[at]]
		if c == ' ' && blank {
			if f.way != nil {
				f.way.extend(at + 1)
			}
			continue
		}
		blank = c == ' '
		if f.way != nil {
			f.way.add(at, at+1, len(out), len(out)+1)
		}
		out = append(out, c)
	}
	f.out = out
	return at
}

// keep appends the sign of so many bytes that stands at in src.
func (f *folder) keep(at, size int) {
	x := len(f.out)
	f.out = append(f.out, f.src[at:at+size]...)
	if f.way != nil {
		f.way.add(at, at+size, x, x+size)
	}
}

// back takes back the last sign before at and the marks on it, which what stands at may combine with, and returns where it begins.
func (f *folder) back(settled, at int) int {
	for at > settled {
		r, size := utf8.DecodeLastRuneInString(f.src[:at])
		mark := thaiMark(r)
		to := r
		switch {
		case r < utf8.RuneSelf:
			to = rune(lowered[r])
		case !mark:
			to = alone(r)
		}
		if to == ' ' {
			break // nothing combines with it, and it may have been dropped
		}
		at -= size
		f.out = f.out[:len(f.out)-utf8.RuneLen(to)]
		if f.way != nil {
			f.way.cut(at, len(f.out))
		}
		if !mark {
			break
		}
	}
	return at
}

// combined folds what stands at and all that may combine with it, and returns where it ends.
func (f *folder) combined(at int) int {
	if f.g == nil {
		f.g = new(segment)
	}
	g := f.g
	g.last = 0
	first := true
	for at < len(f.src) {
		r, size := utf8.DecodeRuneInString(f.src[at:])
		if !first && (r < utf8.RuneSelf || alone(r) != 0) {
			break
		}
		first = false
		end := at + size
		if ignorable(r) {
			g.extend(f, end)
			at = end
			continue
		}
		for parts := decompose(g.parts[:0], f.src[at:end], r); len(parts) > 0; {
			part, n := utf8.DecodeRune(parts)
			parts = parts[n:]
			g.take(f, part, at, end)
		}
		at = end
	}
	g.flush(f)
	return at
}

// slowly folds src without short cuts, which it is the measure of.
func (f *folder) slowly() {
	var g segment
	for at, r := range f.src {
		_, size := utf8.DecodeRuneInString(f.src[at:])
		if ignorable(r) {
			g.extend(f, at+size)
			continue
		}
		for _, part := range string(decompose(nil, f.src[at:at+size], r)) {
			g.general(f, part, at, at+size)
		}
	}
	g.flush(f)
}
