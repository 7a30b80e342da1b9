package query

import (
	"strings"
	"testing"
	"time"

	"parlance"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		query, zone, from, to string // empty: open
	}{
		{"during:2026-11-05", "UTC", "2026-11-05T00:00:00Z", "2026-11-06T00:00:00Z"},
		{"during:2026-11", "Asia/Shanghai", "2026-10-31T16:00:00Z", "2026-11-30T16:00:00Z"},
		{"during:２０２６", "Asia/Tokyo", "2025-12-31T15:00:00Z", "2026-12-31T15:00:00Z"},
		{"during:2024-02-29", "UTC", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"before:2026-11-05", "Asia/Shanghai", "", "2026-11-04T16:00:00Z"},
		{"after:2026-11-05", "Asia/Shanghai", "2026-11-05T16:00:00Z", ""},
		{"after:2026-10", "UTC", "2026-11-01T00:00:00Z", ""},
		{"before:2026", "UTC", "", "2026-01-01T00:00:00Z"},
		{"before:2026-11-05T09:00:00+08:00", "America/New_York", "", "2026-11-05T01:00:00Z"},
		{"after:2026-11-05t01:00:00z", "America/New_York", "2026-11-05T01:00:00.001Z", ""},
		{"before:2026-11-05T01:00:00.0005Z", "UTC", "", "2026-11-05T01:00:00.001Z"},
		{"after:2026-11-05T01:00:00.0005Z", "UTC", "2026-11-05T01:00:00.001Z", ""},
		// Days of 25 and 23 hours.
		{"during:2026-11-01", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		{"during:2026-03-08", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"},
		// One that begins at 01:00, the one before it, one whose first hour is there twice, one that begins at
		// 00:30, and those beside one that was left out.
		{"during:2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"during:2018-11-03", "America/Sao_Paulo", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"},
		{"during:2018-02-17", "America/Sao_Paulo", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"},
		{"during:2025-11-02", "America/Havana", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"},
		{"during:2025-03-09", "America/Havana", "2025-03-09T05:00:00Z", "2025-03-10T04:00:00Z"},
		{"during:1919-03-31", "America/Toronto", "1919-03-31T04:30:00Z", "1919-04-01T04:00:00Z"},
		{"before:2011-12-30", "Pacific/Apia", "", "2011-12-30T10:00:00Z"},
		{"after:2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z", ""},
		{"during:2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		{"during:2011-12", "Pacific/Apia", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		z := zone(t, c.zone)
		q, err := Parse(c.query, z)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		want := Fact{Field: Time, From: earliest, To: latest}
		for text, at := range map[string]*parlance.Time{c.from: &want.From, c.to: &want.To} {
			if text == "" {
				continue
			}
			instant, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				t.Fatal(err)
			}
			*at = parlance.TimeOf(instant)
		}
		got := q.Root().(Fact)
		if got != want {
			t.Errorf("%s in %s: %s to %s, want %s to %s", c.query, c.zone, got.From, got.To, c.from, c.to)
		}
		if again, err := Parse(q.String(), z); err != nil || again.Root() != q.Root() {
			t.Errorf("%s in %s is written as %s", c.query, c.zone, q)
		}
	}
}

func TestDayThatWasLeftOut(t *testing.T) {
	_, err := Parse("during:2011-12-30", zone(t, "Pacific/Apia"))
	if err == nil || !strings.Contains(err.Error(), "clocks in Pacific/Apia were moved over the whole of 2011-12-30") {
		t.Error(err)
	}
}

// The days of a year follow one another, and each begins with its first instant, wherever clocks are moved when.
func TestDaysAreWhole(t *testing.T) {
	for _, name := range []string{"UTC", "Asia/Shanghai", "Asia/Tehran", "America/New_York", "America/Sao_Paulo", "America/Havana", "Africa/Cairo", "Asia/Beirut", "Pacific/Apia", "Australia/Lord_Howe", "Europe/London", "America/Asuncion", "Asia/Amman"} {
		z := zone(t, name)
		for _, year := range []int{1987, 2008, 2011, 2018, 2026} {
			for day := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == year; day = day.AddDate(0, 0, 1) {
				at := dayStart(day, z)
				y, m, d := at.In(z).Date()
				yy, mm, dd := at.Add(-time.Millisecond).In(z).Date()
				if time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Before(day) || !time.Date(yy, mm, dd, 0, 0, 0, 0, time.UTC).Before(day) {
					t.Errorf("%s: %s begins at %s", name, day.Format(time.DateOnly), at.In(z))
				}
			}
		}
	}
}

func TestWhenInTime(t *testing.T) {
	for query, want := range map[string]bool{
		"before:2026-11-05": false, "before:2026-11-06": true, "after:2026-11-04": true, "after:2026-11-05": false,
		"during:2026-11-05": true, "during:2026-11": true, "during:2025": false, "during:2026 during:2026-10": false,
		"before:2026-11-05T12:00:00Z": false, "before:2026-11-05T12:00:00.001Z": true,
		"after:2026-11-05T12:00:00Z": false, "after:2026-11-05T11:59:59.999Z": true, "-during:2026-11-05": false,
	} {
		d := document("x")
		d.Message.Created = parlance.TimeOf(time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC))
		q, err := Parse(query, time.UTC)
		if err != nil || q.Match(d) != want {
			t.Errorf("%s: %v, want %v", query, err, want)
		}
	}
}
