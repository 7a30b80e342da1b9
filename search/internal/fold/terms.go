package fold

import (
	"unicode"
	"unicode/utf8"
)

// The classes of terms. A term is its class's byte and folded text.
const (
	Sign byte = '1' // one sign of a run in a script that is written without blanks (see Unspaced), or a symbol such as an emoji
	Pair byte = '2' // two neighbours inside such a run
	Word byte = 'w' // a run of other letters, digits, marks and underscores, cut after MaxWord bytes at a sign's end
)

// MaxWord is how many bytes of a run of letters and digits the index knows.
const MaxWord = 64

// MayBeCut reports whether a term's word may be the beginning of a longer one.
func MayBeCut(word []byte) bool { return len(word) > MaxWord-utf8.UTFMax }

// CutWord returns what of a word its term holds.
func CutWord(word string) string {
	if len(word) <= MaxWord {
		return word
	}
	n := MaxWord
	for n > 0 && !utf8.RuneStart(word[n]) {
		n--
	}
	return word[:n]
}

// Terms calls add with each term of a folded text, in order; one that occurs twice may be told twice. The terms' bytes
// are valid during the call only.
func Terms(folded string, add func(term []byte)) {
	term := make([]byte, 0, 1+MaxWord)
	before := -1 // where the sign before begins, if it is of the same run
	for at := 0; at < len(folded); {
		r, size := utf8.DecodeRuneInString(folded[at:])
		class := ClassOf(r)
		if class == Letter {
			end := EndOfWord(folded, at)
			add(append(append(term, Word), CutWord(folded[at:end])...))
			at, before = end, -1
			continue
		}
		if class != Space {
			add(append(append(term, Sign), folded[at:at+size]...))
		}
		if class != Unspaced {
			at, before = at+size, -1
			continue
		}
		if before >= 0 {
			add(append(append(term, Pair), folded[before:at+size]...))
		}
		at, before = at+size, at
	}
}

// EndOfWord returns where the run of letters ends that at is inside of.
func EndOfWord(folded string, at int) int {
	for at < len(folded) {
		if c := folded[at]; 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(folded[at:])
		if ClassOf(r) != Letter {
			break
		}
		at += size
	}
	return at
}

// A Class says which kind of run a sign of folded text belongs to.
type Class uint8

// The classes of signs.
const (
	Space    Class = iota // blanks: of no run
	Unspaced              // of a script that is written without blanks: Han, kana, bopomofo, Hangul, Thai, Lao, Khmer, Myanmar
	Letter                // other letters, digits, marks and underscores: of a word
	Symbol                // all else, each for itself: punctuation, emoji, what isn't assigned
)

// ClassOf returns r's class, which depends on nothing but r.
func ClassOf(r rune) Class {
	switch {
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
		return Letter
	case 0 <= r && r < letters:
		return tables().class[r]
	case 0x4E00 <= r && r <= 0x9FFF, 0x3041 <= r && r <= 0x3096, 0x30A1 <= r && r <= 0x30FA, 0xAC00 <= r && r <= 0xD7A3,
		0x3005 <= r && r <= 0x3007, 0x302A <= r && r <= 0x302F, 0x3031 <= r && r <= 0x3035, 0x3099 <= r && r <= 0x309A, 0x30FC <= r && r <= 0x30FE:
		return Unspaced
	case 0x3001 <= r && r <= 0x3003, 0x3008 <= r && r <= 0x3011, 0x2010 <= r && r <= 0x2027, 0x1F300 <= r && r <= 0x1FAFF:
		return Symbol
	}
	return classify(r)
}

// classify is ClassOf, slowly.
func classify(r rune) Class {
	switch {
	case blank(r):
		return Space
	case r == '_':
		return Letter
	case r == 0x3006, 0x302A <= r && r <= 0x302F, 0x3031 <= r && r <= 0x3035, 0x3099 <= r && r <= 0x309A, r == 0x30FC:
		return Unspaced // of scripts in common, but with kana and Han
	case !unicode.In(r, unicode.L, unicode.N, unicode.M):
		return Symbol
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao,
		unicode.Khmer, unicode.Myanmar, unicode.Bopomofo):
		return Unspaced
	}
	return Letter
}
