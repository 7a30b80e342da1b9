// Package quote tells which texts stand in JSON as they are, between quotes: it hides how that is found out
// eight bytes at a time. Nearly every text of a message is such a one.
package quote

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// Plain reports whether s is valid UTF-8 without a quote, a backslash or a control character below
// U+0020, so that every writer of JSON writes it byte for byte, but for those that also escape HTML, U+2028 and U+2029.
func Plain[T ~string](s T) bool {
	b := unsafe.Slice(unsafe.StringData(string(s)), len(s)) // which is only read
	var high uint64
	for len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		// Each term has a high bit set if a byte of x is below 0x20, or is a quote, or a backslash.
		quotes, slashes := x^('"'*ones), x^('\\'*ones)
		if ((x-0x20*ones)&^x|(quotes-ones)&^quotes|(slashes-ones)&^slashes)&highs != 0 {
			return false
		}
		high |= x
		b = b[8:]
	}
	for _, c := range b {
		if c < 0x20 || c == '"' || c == '\\' {
			return false
		}
		high |= uint64(c)
	}
	return high&highs == 0 || utf8.ValidString(string(s))
}
