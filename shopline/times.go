package shopline

import (
	"strings"
	"time"

	"parlance"
)

// timeLayouts are the accepted forms of a time. Each takes a fraction of any length
// behind its seconds. What has no offset is UTC.
var timeLayouts = [...]string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02",
}

// parseTime reads a bound of a range: RFC 3339 with any fraction and offset, the same
// without an offset, or a bare date. An offset's plus sign may have become a space,
// as it does in a query that was not escaped; a space may stand for the T. Fractions
// beyond the millisecond round up, which keeps both kinds of bound exact: no message
// lies between two milliseconds. The error is of kind Invalid.
//
// SHOPLINE messages, times: every RFC 3339 form is read.
func parseTime(name, s string) (parlance.Time, error) {
	date, rest := s, ""
	if len(s) > len(time.DateOnly) {
		date, rest = s[:len(time.DateOnly)], s[len(time.DateOnly):]
		switch rest[0] {
		case 'T', 't', ' ':
			rest = "T" + strings.ReplaceAll(rest[1:], " ", "+")
		}
		rest = strings.ReplaceAll(rest, "z", "Z")
	}
	for _, layout := range timeLayouts {
		t, err := time.Parse(layout, date+rest)
		if err != nil {
			continue
		}
		ms := parlance.TimeOf(t)
		if t.Nanosecond()%int(time.Millisecond) != 0 {
			ms++
		}
		return ms, nil
	}
	return 0, parlance.Errorf(parlance.Invalid, "%s is invalid: want a time such as 2022-08-23T07:57:01.134Z", name)
}

// commentTime returns t as comments write it: 2020-09-18T02:18:32.549+00:00.
func commentTime(t parlance.Time) string {
	return t.Std().Format("2006-01-02T15:04:05.000-07:00")
}
