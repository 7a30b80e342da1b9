// Package fold makes texts comparable: it hides what counts as the same sign for somebody who searches, and into
// which terms a text falls.
package fold

// Fold returns the folded form of s, in which two texts that a reader takes for the same words are the same bytes:
// NFKC, then lower case (Unicode's simple folding), then no combining marks after Latin, Greek and Cyrillic letters.
// Kana keep theirs (か and が differ). What isn't UTF-8 becomes U+FFFD; a run of white space and control signs becomes one
// blank. It is idempotent.
func Fold(s string) string { panic("to be written") }

// Offsets leads from folded text back to where it came from.
type Offsets struct{ at []uint32 }

// Mapped is Fold, with the way back.
func Mapped(s string) (string, Offsets) { panic("to be written") }

// Span returns the half-open span of bytes of the original that the half-open span of folded bytes came from,
// on whole signs.
func (o Offsets) Span(from, to int) (int, int) { panic("to be written") }

// The classes of terms. A term is its class's byte and folded text.
const (
	Sign byte = '1' // one sign of a run in a script that is written without blanks (Han, kana, Hangul, Thai, Lao, Khmer, Myanmar), or a symbol such as an emoji
	Pair byte = '2' // two neighbours inside such a run
	Word byte = 'w' // a run of other letters, digits, marks and underscores, cut after MaxWord bytes at a sign's end
)

// MaxWord is how many bytes of a run of letters and digits the index knows.
const MaxWord = 64

// Terms calls add with each term of a folded text, in order; one that occurs twice may be told twice. The terms' bytes
// are valid during the call only.
func Terms(folded string, add func(term []byte)) { panic("to be written") }
