package query

import (
	"fmt"
	"math"
	"time"

	"parlance"
	"parlance/search/internal/fold"
)

// Where a span of time that is open at one side ends.
const (
	earliest parlance.Time = math.MinInt64
	latest   parlance.Time = math.MaxInt64
)

const dateForms = "a day (2026-11-05), a month (2026-11), a year (2026) or an RFC 3339 time (2026-11-05T09:00:00+08:00)"

// A date is a day, month or year of a zone, or an instant.
type date struct {
	begin, end time.Time // half-open; the same of an instant
	instant    bool
}

// readDate reads a date.
func readDate(text string, zone *time.Location) (date, error) {
	text = fold.Fold(text)
	for i, form := range [...]string{"2006", "2006-01", "2006-01-02"} {
		if len(text) != len(form) {
			continue
		}
		t, err := time.Parse(form, text)
		if err != nil || t.Year() == 0 {
			return date{}, fmt.Errorf("there is no date %q; what it takes is %s", text, dateForms)
		}
		next := [...]time.Time{t.AddDate(1, 0, 0), t.AddDate(0, 1, 0), t.AddDate(0, 0, 1)}[i]
		return date{begin: dayStart(t, zone), end: dayStart(next, zone)}, nil
	}
	// Folding made the letters small, which RFC 3339 allows and package time doesn't.
	t, err := time.Parse(time.RFC3339Nano, upperInstant(text))
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return date{}, fmt.Errorf("%q is no date; what it takes is %s", text, dateForms)
	}
	return date{begin: t, end: t, instant: true}, nil
}

// upperInstant returns an RFC 3339 time with T and Z large.
func upperInstant(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c == 't' || c == 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// before returns the first millisecond that isn't before d.
func (d date) before() parlance.Time {
	ms := d.begin.UnixMilli()
	if d.begin.After(time.UnixMilli(ms)) {
		ms++
	}
	return parlance.Time(ms)
}

// after returns the first millisecond after d.
func (d date) after() parlance.Time {
	ms := d.end.UnixMilli()
	if d.instant {
		ms++
	}
	return parlance.Time(ms)
}

// dayStart returns the first instant of the zone's day that is t's in UTC. Where clocks are moved at midnight, that isn't
// 00:00, or 00:00 is there twice; where a day was left out, it is the next one's.
func dayStart(t time.Time, zone *time.Location) time.Time {
	year, month, day := t.Date()
	start := time.Date(year, month, day, 0, 0, 0, 0, zone)
	if y, m, d := start.Date(); time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Before(t) {
		_, start = start.ZoneBounds()
		return start
	}
	if moved, _ := start.ZoneBounds(); !moved.IsZero() {
		_, before := moved.Add(-1).Zone()
		if earlier := t.Add(-time.Duration(before) * time.Second); earlier.Before(moved) && earlier.Before(start) {
			return earlier.In(zone)
		}
		if h, m, s := start.Clock(); h+m+s > 0 && moved.Before(start) {
			return moved
		}
	}
	return start
}
