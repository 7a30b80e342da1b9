package query

// A Snippet is a piece of a message's text with what was found in it.
type Snippet struct {
	Text  string   // valid UTF-8, at most as many bytes as asked for, on whole signs
	Marks [][2]int // half-open spans of bytes of Text, ascending, not overlapping
}

// Snippet returns the piece of text around the first match, of at most size bytes (at least 64). An ellipsis (…) at its ends
// says that there is more.
func (q *Query) Snippet(text string, size int) Snippet { panic("to be written") }
