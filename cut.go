package parlance

import "unicode/utf8"

// Cut returns s, or as much of its beginning as fits into so many bytes with a sign at its end that it goes on.
func Cut(s string, bytes int) string {
	if len(s) <= bytes {
		return s
	}
	const more = "…"
	n := max(0, bytes-len(more))
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + more
}
