package shopline

import (
	"strings"
	"testing"
	"time"

	"parlance"
)

func TestParseTime(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"2022-08-23T07:57:01.134Z", "2022-08-23T07:57:01.134Z"},
		{"2022-08-23T07:57:01.134+00:00", "2022-08-23T07:57:01.134Z"},
		{"2022-08-23T07:57:01.134 00:00", "2022-08-23T07:57:01.134Z"}, // an unescaped plus
		{"2022-08-23T15:57:01.134 08:00", "2022-08-23T07:57:01.134Z"},
		{"2022-08-23T15:57:01.134+0800", "2022-08-23T07:57:01.134Z"},
		{"2022-08-23T02:57:01-05:00", "2022-08-23T07:57:01.000Z"},
		{"2022-08-23 07:57:01Z", "2022-08-23T07:57:01.000Z"},
		{"2022-08-23 07:57:01 00:00", "2022-08-23T07:57:01.000Z"},
		{"2022-08-23t07:57:01.5z", "2022-08-23T07:57:01.500Z"},
		{"2022-08-23T07:57:01", "2022-08-23T07:57:01.000Z"},
		{"2022-08-23T07:57:01.134", "2022-08-23T07:57:01.134Z"},
		{"2022-08-23", "2022-08-23T00:00:00.000Z"},
		{"2022-08-23T07:57:01.134000Z", "2022-08-23T07:57:01.134Z"},
		{"2022-08-23T07:57:01.134000001Z", "2022-08-23T07:57:01.135Z"}, // no message lies between
		{"2022-08-23T07:57:01.9999Z", "2022-08-23T07:57:02.000Z"},
		{"1969-12-31T23:59:59.9995Z", "1970-01-01T00:00:00.000Z"},
	} {
		got, err := parseTime("end", c.text)
		if err != nil || got.String() != c.want {
			t.Errorf("parseTime(%q) = %v, %v; want %s", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{
		"", " ", "now", "1661241421134", "2022-08", "2022-8-23", "2022-08-23T", "2022-08-23Z", "2022-08-23T07:57",
		"2022-02-30", "2022-08-23T25:00:00Z", "2022-08-23T07:57:01.134ZZ", "2022-08-23T07:57:01.134  00:00", "23/08/2022",
	} {
		if got, err := parseTime("end", text); parlance.KindOf(err) != parlance.Invalid {
			t.Errorf("parseTime(%q) = %v, %v; want an Invalid error", text, got, err)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2022-08-23T07:57:01.134Z")
	f.Add("2022-08-23T07:57:01.134 00:00")
	f.Add("2022-08-23")
	f.Add("0000-01-01T00:00:00.0000001+23:59")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTime("end", text)
		if err != nil {
			if parlance.KindOf(err) != parlance.Invalid {
				t.Fatalf("error %v is of kind %v", err, parlance.KindOf(err))
			}
			return
		}
		if std, err := time.Parse(time.RFC3339Nano, text); err == nil {
			if d := got.Std().Sub(std); d < 0 || d >= time.Millisecond {
				t.Fatalf("parseTime(%q) = %v", text, got)
			}
		}
		if got < parlance.MinTime || got > parlance.MaxTime {
			return // has no text of its own
		}
		again, err := parseTime("end", got.String())
		if err != nil || again != got {
			t.Fatalf("parseTime(%q) = %v, which reads as %v, %v", text, got, again, err)
		}
		spaced, err := parseTime("end", strings.ReplaceAll(text, "+", " "))
		if err != nil || spaced != got {
			t.Fatalf("%q without its plus reads as %v, %v; want %v", text, spaced, err, got)
		}
	})
}
