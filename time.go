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
	year, month, day := t.Std().Date()
	inDay := int(t % msPerDay)
	if inDay < 0 {
		inDay += msPerDay
	}
	digits := func(n, width int) {
		for unit := width; unit > 0; unit /= 10 {
			b = append(b, byte('0'+n/unit%10))
		}
	}
	digits(year, 1000)
	b = append(b, '-')
	digits(int(month), 10)
	b = append(b, '-')
	digits(day, 10)
	b = append(b, 'T')
	digits(inDay/3_600_000, 10)
	b = append(b, ':')
	digits(inDay/60_000%60, 10)
	b = append(b, ':')
	digits(inDay/1000%60, 10)
	b = append(b, '.')
	digits(inDay%1000, 100)
	return append(b, 'Z')
}

const msPerDay = 24 * 60 * 60 * 1000
