package fold

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// alone returns what r, which isn't ASCII, becomes if it is one sign before and after, begins a segment of its own and is no blank;
// 0 if that isn't so, or isn't known. It is what makes folding fast; a test holds it to what is slow.
func alone(r rune) rune {
	switch {
	case r < letters:
		return tables().alone[r]
	case 0x4E00 <= r && r <= 0x9FFF, // Han
		0x3041 <= r && r <= 0x3096,   // hiragana
		0x30A1 <= r && r <= 0x30FE,   // katakana
		0xAC00 <= r && r <= 0xD7A3,   // Hangul
		0x3001 <= r && r <= 0x3029,   // punctuation
		0x3400 <= r && r <= 0x4DBF,   // rare Han
		0x2018 <= r && r <= 0x2023,   // quotes
		0x1F300 <= r && r <= 0x1F64F, // emoji
		0x1F680 <= r && r <= 0x1F6FC, 0x1F90C <= r && r <= 0x1F9FF:
		return r
	case r == utf8.RuneError:
		return r
	case 0xFF01 <= r && r <= 0xFF5E: // full width
		return rune(lowered[r-0xFEE0])
	}
	return 0
}

// inOrder reports whether r is a mark of Thai, which never combine, that follows a Thai sign of out and needn't be sorted before it.
func inOrder(out []byte, r rune) bool {
	if !thaiMark(r) {
		return false
	}
	n := len(out) - 3
	if n < 0 || out[n] != 0xE0 || out[n+1] != 0xB8 && out[n+1] != 0xB9 {
		return false
	}
	before, _ := utf8.DecodeRune(out[n:])
	return r >= 0x0E47 || r <= 0x0E37 || before < 0x0E48 || before > 0x0E4B
}

// thaiMark reports whether r is a vowel or tone that stands above or below.
func thaiMark(r rune) bool {
	return r == 0x0E31 || 0x0E34 <= r && r <= 0x0E39 || 0x0E47 <= r && r <= 0x0E4C
}

// letters is where the tables end: of all scripts that have few letters.
const letters = 0x2000

// tables holds what would take too long to find out each time. They are made when they are first needed.
var tables = sync.OnceValue(func() *struct {
	alone [letters]rune
	class [letters]Class
} {
	t := new(struct {
		alone [letters]rune
		class [letters]Class
	})
	for r := range rune(letters) {
		t.class[r] = classify(r)
		if r < utf8.RuneSelf || unicode.Is(unicode.M, r) {
			continue
		}
		f := folder{src: string(r)}
		f.slowly()
		if only, n := utf8.DecodeRune(f.out); n == len(f.out) && n > 0 && only != ' ' && begins(only) {
			t.alone[r] = only
		}
	}
	return t
})

// lower returns the sign that stands for all that differ from r in case only.
func lower(r rune) rune {
	if r < utf8.RuneSelf {
		return rune(lowered[r])
	}
	if r == 0x345 {
		return 'ι' // a mark that is a letter
	}
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		if other != 0x345 {
			least = min(least, other)
		}
	}
	return unicode.ToLower(least)
}

// blank reports whether r is white space or a control sign.
func blank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// decompose appends the signs that r, which s holds, is made of.
func decompose(to []byte, s string, r rune) []byte {
	switch {
	case r == utf8.RuneError || r >= 0xAC00 && r <= 0xD7A3: // what isn't UTF-8; a syllable of Hangul, which composing takes whole
		return utf8.AppendRune(to, r)
	case r >= 0x3131 && r <= 0x318E: // single letters of Hangul
		return utf8.AppendRune(to, r)
	case r >= 0xFFA1 && r <= 0xFFDC: // the same in half width
		return utf8.AppendRune(to, wideHangul(r))
	case r == 0xFFE3: // a macron in full width
		return utf8.AppendRune(to, 0xAF)
	}
	parts := norm.NFKD.PropertiesString(s).Decomposition()
	if len(parts) == 0 || len(parts) > 1 && parts[0] == ' ' { // an accent that stands alone is a blank with a mark
		return utf8.AppendRune(to, r)
	}
	return append(to, parts...)
}

// wideHangul returns the letter of Hangul that r is in half width.
func wideHangul(r rune) rune {
	switch {
	case r <= 0xFFBE:
		return r - 0xFFA1 + 0x3131
	case 0xFFC2 <= r && r <= 0xFFC7:
		return r - 0xFFC2 + 0x314F
	case 0xFFCA <= r && r <= 0xFFCF:
		return r - 0xFFCA + 0x3155
	case 0xFFD2 <= r && r <= 0xFFD7:
		return r - 0xFFD2 + 0x315B
	case 0xFFDA <= r:
		return r - 0xFFDA + 0x3161
	}
	return r // not assigned
}

// ignorable reports whether nobody sees r (Unicode: Default_Ignorable_Code_Point).
func ignorable(r rune) bool {
	if r < 0xAD {
		return false
	}
	switch {
	case r >= 0x2000 && r < 0x3000:
		return 0x200B <= r && r <= 0x200F || 0x202A <= r && r <= 0x202E || 0x2060 <= r && r <= 0x206F
	case r >= 0x3000 && r < 0xFE00:
		return r == 0x3164
	case r < 0x2000:
		return r == 0xAD || r == 0x34F || r == 0x61C || r == 0x115F || r == 0x1160 || r == 0x17B4 || r == 0x17B5 || 0x180B <= r && r <= 0x180F
	case r < 0x10000:
		return r <= 0xFE0F || r == 0xFEFF || r == 0xFFA0 || 0xFFF0 <= r && r <= 0xFFF8
	}
	return 0x1BCA0 <= r && r <= 0x1BCA3 || 0x1D173 <= r && r <= 0x1D17A || 0xE0000 <= r && r <= 0xE0FFF
}
