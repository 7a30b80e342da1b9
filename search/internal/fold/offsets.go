package fold

import (
	"math"
	"sort"
	"unicode/utf8"
)

// Offsets leads from folded text back to where it came from.
type Offsets struct {
	folded string
	size   int // of the original, in bytes
	pieces []piece
}

// A piece of folded text, up to the next piece.
type piece struct {
	folded, original uint32 // where it begins
	even             bool   // each sign has as many bytes here as there; else the piece is one whole
}

// Mapped is Fold, with the way back. Of a text of 4 GiB and more there is none.
func Mapped(s string) (string, Offsets) {
	f := folder{src: s, out: make([]byte, 0, len(s)+8), way: new(way)}
	if len(s) > math.MaxUint32 {
		return Fold(s), Offsets{}
	}
	f.run(0)
	folded := string(f.out)
	return folded, Offsets{folded: folded, size: len(s), pieces: f.way.pieces}
}

// Span returns the half-open span of bytes of the original that the half-open span of folded bytes came from,
// on whole signs: all of a ligature of which one letter is meant, a letter with the marks that were dropped, a run of blanks. Spans
// beyond the text are cut to it; an empty one gives an empty one.
func (o Offsets) Span(from, to int) (int, int) {
	to = min(to, len(o.folded))
	from = max(0, from)
	if from >= to {
		if from >= len(o.folded) || len(o.pieces) == 0 {
			return o.size, o.size
		}
		at := o.begin(from)
		return at, at
	}
	for to < len(o.folded) && !utf8.RuneStart(o.folded[to]) {
		to++
	}
	return o.begin(from), o.end(to)
}

// begin returns where the sign begins in the original that holds the folded byte at.
func (o Offsets) begin(at int) int {
	for at > 0 && !utf8.RuneStart(o.folded[at]) {
		at--
	}
	p := o.pieces[o.holding(at)]
	if p.even {
		return int(p.original) + at - int(p.folded)
	}
	return int(p.original)
}

// end returns where the sign ends in the original whose folded form ends at to, above 0.
func (o Offsets) end(to int) int {
	i := o.holding(to - 1)
	switch p := o.pieces[i]; {
	case p.even:
		return int(p.original) + to - int(p.folded)
	case i+1 < len(o.pieces):
		return int(o.pieces[i+1].original)
	default:
		return o.size
	}
}

// holding returns the number of the piece that holds the folded byte at.
func (o Offsets) holding(at int) int {
	return sort.Search(len(o.pieces), func(i int) bool { return int(o.pieces[i].folded) > at }) - 1
}

// A way gathers pieces while a text is folded.
type way struct {
	pieces           []piece
	folded, original int // where the last sign begins
	end              int // where it ends in the original
}

// add says that from to end of the original became x to y.
func (w *way) add(from, end, x, y int) {
	if x == y {
		return
	}
	if from < w.end { // one more sign of what the last one came from
		w.whole()
		w.end = max(w.end, end)
		return
	}
	even := end-from == y-x && y-x <= utf8.UTFMax
	if n := len(w.pieces); !even || n == 0 || !w.pieces[n-1].even || w.end != from {
		w.pieces = append(w.pieces, piece{uint32(x), uint32(from), even})
	}
	w.folded, w.original, w.end = x, from, end
}

// extend says that what ends at end was dropped: it belongs to the sign before it, if there is one.
func (w *way) extend(end int) {
	if len(w.pieces) == 0 {
		return
	}
	w.whole()
	w.end = end
}

// whole makes the last sign a piece of its own.
func (w *way) whole() {
	last := &w.pieces[len(w.pieces)-1]
	switch {
	case !last.even:
	case int(last.folded) == w.folded:
		last.even = false
	default:
		w.pieces = append(w.pieces, piece{uint32(w.folded), uint32(w.original), false})
	}
}

// cut forgets what came from at on, of the original, and from x on of the folded text.
func (w *way) cut(at, x int) {
	for n := len(w.pieces); n > 0 && int(w.pieces[n-1].folded) >= x; n-- {
		w.pieces = w.pieces[:n-1]
	}
	w.folded, w.original, w.end = x, at, at
}
