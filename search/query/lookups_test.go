package query

import (
	"slices"
	"strings"
	"testing"
)

func TestLookups(t *testing.T) {
	long := strings.Repeat("x", 70)
	for _, c := range []struct {
		query string
		want  []Lookup
	}{
		{"酒", []Lookup{{Exact, "1酒"}}},
		{"北京酒店", []Lookup{{Exact, "2北京"}, {Exact, "2京酒"}, {Exact, "2酒店"}}},
		{"はははは", []Lookup{{Exact, "2はは"}}},
		{`"酒、店"`, []Lookup{{Exact, "1酒"}, {Exact, "1、"}, {Exact, "1店"}}},
		{"refund", []Lookup{{Prefix, "wrefund"}}},
		{`"refund"`, []Lookup{{Infix, "wrefund"}}},
		{"a2345", []Lookup{{Infix, "wa2345"}}},
		{"a2345-67", []Lookup{{Suffix, "wa2345"}, {Exact, "1-"}, {Prefix, "w67"}}},
		{"foo-bar", []Lookup{{Exact, "wfoo"}, {Exact, "1-"}, {Prefix, "wbar"}}},
		{`"see you there"`, []Lookup{{Suffix, "wsee"}, {Exact, "wyou"}, {Prefix, "wthere"}}},
		{`" see you "`, []Lookup{{Exact, "wsee"}, {Exact, "wyou"}}},
		{"abc酒店", []Lookup{{Exact, "wabc"}, {Exact, "2酒店"}}},
		{`"酒店abc"`, []Lookup{{Exact, "2酒店"}, {Prefix, "wabc"}}},
		{"👍🏽", []Lookup{{Exact, "1👍"}, {Exact, "1🏽"}}},
		{"ที่", []Lookup{{Exact, "2ที"}, {Exact, "2ี่"}}},
		{long, []Lookup{{Exact, "w" + long[:64]}}},
		{`"` + long + `"`, []Lookup{{Infix, "w" + long}}},
		{`"` + long + ` b"`, []Lookup{{Suffix, "w" + long}, {Prefix, "wb"}}},
		{`"a ` + long + ` b"`, []Lookup{{Suffix, "wa"}, {Exact, "w" + long[:64]}, {Prefix, "wb"}}},
	} {
		q, err := Parse(c.query, nil)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := q.Root().(Text).Lookups(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.query, got, c.want)
		}
	}
}

func TestTakes(t *testing.T) {
	cut := "w" + strings.Repeat("x", 61) // may go on
	for _, c := range []struct {
		l    Lookup
		yes  []string
		less []string
	}{
		{Lookup{Exact, "wab"}, []string{"wab"}, []string{"wabc", "wa", "1ab", cut, ""}},
		{Lookup{Prefix, "wab"}, []string{"wab", "wabc"}, []string{"wa", "wcab", cut, ""}},
		{Lookup{Suffix, "wab"}, []string{"wab", "wcab", cut}, []string{"wabc", "1ab", cut[:61], ""}},
		{Lookup{Infix, "wab"}, []string{"wab", "wcabc", cut}, []string{"wacb", "1ab", "2ab", cut[:61], ""}},
	} {
		for want, terms := range map[bool][]string{true: c.yes, false: c.less} {
			for _, term := range terms {
				if c.l.Takes([]byte(term)) != want {
					t.Errorf("%v takes %q: %v", c.l, term, !want)
				}
			}
		}
	}
}
