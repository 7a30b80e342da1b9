package imkit

import (
	"strconv"
	"strings"
	"time"

	"parlance"
)

// layouts are the ISO-8601 forms that are read. Fractions of a second may follow the
// seconds in all of them. A time without an offset is UTC.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02",
}

// parseTime reads an instant as ISO-8601 or as Unix milliseconds: digits alone are
// always milliseconds. Parts of a millisecond are cut off.
func parseTime(s string) (parlance.Time, bool) {
	if digits := strings.TrimPrefix(s, "-"); digits != "" && strings.Trim(digits, "0123456789") == "" {
		ms, err := strconv.ParseInt(s, 10, 64)
		t := parlance.Time(ms)
		return t, err == nil && t >= parlance.MinTime && t <= parlance.MaxTime
	}
	if i := strings.LastIndexByte(s, ' '); i > len("2006-01-02") {
		s = s[:i] + "+" + s[i+1:] // a plus sign that wasn't escaped in the query
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			ms := parlance.TimeOf(t)
			return ms, ms >= parlance.MinTime && ms <= parlance.MaxTime
		}
	}
	return 0, false
}
