package parlance

import "time"

// A Time is an instant in Unix milliseconds, UTC. Zero means "not known" or "never".
type Time int64

// MaxTime is the last instant that every dialect can write: the end of the year 9999.
const MaxTime Time = 253402300799999

// MinTime is the first instant that every dialect can write: the start of the year 1.
const MinTime Time = -62135596800000

// TimeOf returns t cut to milliseconds (towards the past).
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// TimeOfSeconds returns the instant sec seconds after the epoch.
func TimeOfSeconds(sec int64) Time { return Time(sec * 1000) }

// Std returns t as a time.Time in UTC.
func (t Time) Std() time.Time { return time.UnixMilli(int64(t)).UTC() }

// Seconds returns t in whole Unix seconds, rounded down.
func (t Time) Seconds() int64 {
	s := int64(t) / 1000
	if int64(t)%1000 < 0 {
		s--
	}
	return s
}

// IsZero reports whether t is not known.
func (t Time) IsZero() bool { return t == 0 }

// String returns t as RFC 3339 with milliseconds and Z: 2021-01-24T13:08:52.613Z.
func (t Time) String() string { return string(t.Append(nil)) }

// Append appends what [Time.String] returns to b. It is written by hand because
// every message of a page has a time or two. Years outside 1 to 9999 are left to package time.
func (t Time) Append(b []byte) []byte {
	if t < MinTime || t > MaxTime {
		return t.Std().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	}
	day, inDay := int64(t)/msPerDay, int(int64(t)%msPerDay)
	if inDay < 0 {
		day, inDay = day-1, inDay+msPerDay
	}
	year, month, dayOfMonth := civil(day)
	const form = "0000-00-00T00:00:00.000Z"
	at := len(b)
	b = append(b, form...)
	d := b[at:]
	two := func(at, n int) {
		d[at] += byte(n / 10)
		d[at+1] += byte(n % 10)
	}
	two(0, year/100)
	two(2, year%100)
	two(5, month)
	two(8, dayOfMonth)
	minutes, ms := inDay/60_000, inDay%60_000
	two(11, minutes/60)
	two(14, minutes%60)
	two(17, ms/1000)
	d[20] += byte(ms / 100 % 10)
	two(21, ms%100)
	return b
}

// civil returns the date of a day counted from the epoch, of the years 1 to 9999.
func civil(day int64) (year, month, dayOfMonth int) {
	// The year begins in March here, so that a leap day is its last.
	const years400, toMarch0 = 146_097, 719_468 // days
	z := int(day) + toMarch0
	era, inEra := z/years400, z%years400
	inYear := (inEra - inEra/1460 + inEra/36524 - inEra/146_096) / 365
	ofYear := inEra - (365*inYear + inYear/4 - inYear/100)
	m := (5*ofYear + 2) / 153
	dayOfMonth = ofYear - (153*m+2)/5 + 1
	month = m + 3
	if month > 12 {
		month -= 12
	}
	year = era*400 + inYear
	if month <= 2 {
		year++
	}
	return year, month, dayOfMonth
}

const msPerDay = 24 * 60 * 60 * 1000
