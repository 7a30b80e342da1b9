// Package body reads the JSON that clients send, and refuses what would cost far more than its bytes once it is
// decoded: it hides how that is found out in one pass, without decoding anything.
package body

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"parlance"
	"parlance/internal/inflight"
)

// What a body costs while its request is carried out, roughly: each byte as text, as the message that is made of it, as a row and as
// the answer, and each value as an entry of a list or a table.
const (
	perByte  = 4
	perValue = 100
)

// Read returns the whole of r's body. The error is an [http.MaxBytesError] if it is larger than [parlance.MaxBody], of kind Invalid if
// it is too deep or holds too many values, of kind Unavailable if there is no room for it at present.
func Read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	var b bytes.Buffer
	from := http.MaxBytesReader(w, r.Body, parlance.MaxBody)
	for {
		n, err := io.CopyN(&b, from, chunk)
		if held := inflight.Take(r.Context(), n); held != nil {
			return nil, held
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	depth, values := measure(b.Bytes())
	if err := within(depth, values); err != nil {
		return nil, err
	}
	return b.Bytes(), inflight.Take(r.Context(), (perByte-1)*int64(b.Len())+perValue*int64(values))
}

// chunk is how much of a body is read before it is counted.
const chunk = 64 << 10

// Check returns why JSON is too costly to be decoded, as an error of kind Invalid: more than [parlance.MaxDepth] arrays and objects stand in one
// another, or it holds more than [parlance.MaxValues] values and names. Whether it is JSON at all is not looked at.
func Check(b []byte) error { return within(measure(b)) }

// measure returns how deep JSON is and how many values it holds, counted no further than what is taken.
func measure(b []byte) (deepest, values int) {
	depth := 0
	scalar := false // the byte before was part of a number or a word
	for i := 0; i < len(b); i++ {
		was := scalar
		scalar = false
		switch c := b[i]; c {
		case '"':
			values++
			if i = end(b, i); i < 0 {
				return deepest, values
			}
		case '{', '[':
			values++
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
		default:
			if scalar = true; !was {
				values++
			}
		}
		if values > parlance.MaxValues || deepest > parlance.MaxDepth {
			break
		}
	}
	return deepest, values
}

func within(depth, values int) error {
	switch {
	case depth > parlance.MaxDepth:
		return parlance.Errorf(parlance.Invalid, "JSON is nested too deep: at most %d arrays and objects in one another are taken", parlance.MaxDepth)
	case values > parlance.MaxValues:
		return parlance.Errorf(parlance.Invalid, "JSON holds too much: at most %d values and names are taken", parlance.MaxValues)
	}
	return nil
}

// end returns the index of the quote that ends the string which begins at start, -1 if there is none.
func end(b []byte, start int) int {
	for i := start + 1; ; i++ {
		at := bytes.IndexAny(b[i:], `"\`)
		if at < 0 {
			return -1
		}
		if i += at; b[i] == '"' {
			return i
		}
		if i++; i >= len(b) {
			return -1
		}
	}
}
