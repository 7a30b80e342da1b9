package query

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"parlance/search/internal/fold"
)

// MinSnippet is the least size of a snippet, in bytes.
const MinSnippet = 64

// nearWord is how many bytes of the beginning a snippet gives up, at most, to begin with a word.
const nearWord = 24

const ellipsis = "…"

// A Snippet is a piece of a message's text with what was found in it.
type Snippet struct {
	Text  string   // valid UTF-8, at most as many bytes as asked for, on whole signs
	Marks [][2]int // half-open spans of bytes of Text, ascending, not overlapping
}

// Snippet returns the piece of text around the first match, of at most size bytes (at least MinSnippet). An ellipsis (…) at its ends
// says that there is more. Line breaks and control signs are blanks in it, a run of them one; what isn't UTF-8 is U+FFFD.
// Without a match, it is the text's beginning.
func (q *Query) Snippet(text string, size int) Snippet {
	size = max(size, MinSnippet)
	folded, offsets := fold.Mapped(text)
	marks := q.marksFromFirst(folded, fold.MaxGrowth*size) // what the snippet can show
	for i, m := range marks {
		marks[i][0], marks[i][1] = offsets.Span(m[0], m[1])
	}
	marks = merged(marks)
	from := 0
	if len(marks) > 0 {
		from = snippetStart(text, marks[0][0], size)
	}
	return cutSnippet(text, from, size, marks)
}

// snippetStart returns where the snippet begins whose first mark begins at mark: a third of the size before it, or more if
// little follows.
func snippetStart(text string, mark, size int) int {
	follows := 0
	for rest := text[mark:]; rest != "" && follows < size; {
		r, n := utf8.DecodeRuneInString(rest)
		follows += utf8.RuneLen(r)
		rest = rest[n:]
	}
	room := max(size/3, size-follows) - len(ellipsis)
	at := mark
	for at > 0 {
		r, n := utf8.DecodeLastRuneInString(text[:at])
		if room -= utf8.RuneLen(r); room < 0 {
			break
		}
		at -= n
	}
	if at <= len(ellipsis) {
		return 0 // an ellipsis would take as much
	}
	for at < mark && !signBegins(text, at) {
		_, n := utf8.DecodeRuneInString(text[at:])
		at += n
	}
	return min(mark, wordNear(text, at, mark))
}

// wordNear returns where the next word begins, if at is inside of one and that isn't far; else at.
func wordNear(text string, at, limit int) int {
	if before, _ := utf8.DecodeLastRuneInString(text[:at]); fold.ClassOf(before) != fold.Letter {
		return at
	}
	inside := true
	for i, r := range text[at:min(limit, at+nearWord)] {
		class := fold.ClassOf(r)
		if inside = inside && class == fold.Letter; !inside && class != fold.Space {
			return at + i
		}
	}
	return at
}

// cutSnippet writes text from the byte from on, up to size bytes.
func cutSnippet(text string, from, size int, marks [][2]int) Snippet {
	var (
		b     strings.Builder
		s     Snippet
		fits  int // bytes up to which whole signs fit beside an ellipsis
		part  int // bytes up to which parts of signs do
		word  int // bytes up to which whole words do
		blank bool
		open  = -1 // where the mark under way begins
		over  bool
	)
	if from > 0 {
		b.WriteString(ellipsis)
		fits = b.Len()
		part = fits
	}
	head := fits
	for at := from; ; {
		for ; len(marks) > 0 && open >= 0 && marks[0][1] <= at; marks = marks[1:] {
			s.Marks = append(s.Marks, [2]int{open, b.Len()})
			open = -1
		}
		if len(marks) > 0 && open < 0 && marks[0][0] <= at {
			open = b.Len()
		}
		if b.Len() <= size-len(ellipsis) {
			part = b.Len()
			if at == len(text) || signBegins(text, at) {
				fits = b.Len()
				if wordEnds(text, at) {
					word = fits
				}
			}
		}
		if at == len(text) {
			break
		}
		r, n := utf8.DecodeRuneInString(text[at:])
		at += n
		switch {
		case !unicode.IsControl(r) && r != '\u2028' && r != '\u2029':
			blank = r == ' '
		case blank:
			continue
		default:
			r, blank = ' ', true
		}
		if over = b.Len()+utf8.RuneLen(r) > size; over {
			break
		}
		b.WriteRune(r)
	}
	s.Text = b.String()
	if open >= 0 {
		s.Marks = append(s.Marks, [2]int{open, b.Len()})
	}
	if over {
		marked := 0 // where the last mark ends that is begun before the end
		for _, m := range s.Marks {
			if m[0] < fits {
				marked = m[1]
			}
		}
		switch {
		case fits == head:
			fits = part // one sign is longer than all
		case word >= marked && fits-word <= nearWord && word > head:
			fits = word
		}
		s.Text = s.Text[:fits] + ellipsis
		s.Marks = clipped(s.Marks, fits)
	}
	s.Marks = clipped(s.Marks, len(s.Text))
	return s
}

// wordEnds reports whether no word goes on at, and no blank stands before it.
func wordEnds(text string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	class := fold.ClassOf(before)
	return class != fold.Space && (class != fold.Letter || fold.ClassOf(after) != fold.Letter)
}

// clipped returns what of the spans lies below end. It changes its argument.
func clipped(spans [][2]int, end int) [][2]int {
	out := spans[:0]
	for _, s := range spans {
		if s[1] = min(s[1], end); s[0] < s[1] {
			out = append(out, s)
		}
	}
	return out
}

// signBegins reports whether a sign begins at, as a reader sees signs: a letter with its marks is one, an emoji with what
// changes it, the two letters of a flag.
func signBegins(text string, at int) bool {
	r, _ := utf8.DecodeRuneInString(text[at:])
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	const joiner = '\u200d'
	switch {
	case r < 0x300 || at == 0:
		return true
	case r == joiner || before == joiner || unicode.Is(unicode.M, r):
		return false
	case 0x1160 <= r && r <= 0x11FF: // vowels and ends of Hangul
		return false
	case 0x1F3FB <= r && r <= 0x1F3FF, 0xE0020 <= r && r <= 0xE007F: // skins, and flags' names
		return false
	case isFlag(r):
		odd := false
		for n := at; n > 0; {
			r, size := utf8.DecodeLastRuneInString(text[:n])
			if !isFlag(r) {
				break
			}
			odd = !odd
			n -= size
		}
		return !odd
	}
	return true
}

// isFlag reports whether r is one of two letters of a flag.
func isFlag(r rune) bool { return 0x1F1E6 <= r && r <= 0x1F1FF }
