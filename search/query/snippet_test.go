package query

import (
	"strings"
	"testing"
)

func TestSnippet(t *testing.T) {
	words := strings.Repeat("some words before ", 20)
	for _, c := range []struct {
		query, text string
		size        int
		want        string // with marks in brackets
	}{
		{"酒店", "我想订一家酒店。", 100, "我想订一家[酒店]。"},
		{"has:link", "nothing is marked", 100, "nothing is marked"},
		{"two -one", "one two", 100, "one [two]"},
		{"two OR one", "One two\r\n\r\none\x00", 100, "[One] [two] [one] "},
		{`"a b"`, "xA\n\nBx", 64, "x[A B]x"},
		{"cafe", "CAFE\u0301S und ﬁ", 64, "[CAFE\u0301]S und ﬁ"},
		{`"f"`, "oﬃce", 64, "o[ﬃ]ce"},
		{"株式", "これは㍿です", 64, "これは[㍿]です"},
		{`"b"`, "a\xffb\xff", 64, "a\ufffd[b]\ufffd"},
		{"aba", "ababa", 64, "[aba]ba"},
		{`"aba"`, "ababa", 64, "[ababa]"},
		{"target", words + "target " + words, 90, "…before some words before [target] some words before some words before some words…"},
		{"target", words + "target", 64, "…some words before some words before some words before [target]"},
		{"before", strings.Repeat("x", 200), 64, strings.Repeat("x", 61) + "…"},
		{"酒店", strings.Repeat("我", 50) + "酒店" + strings.Repeat("好", 50), 64, "…我我我我我我[酒店]好好好好好好好好好好好…"},
		{`"x"`, strings.Repeat("x", 100), 10, "[" + strings.Repeat("x", 61) + "]…"},
		{`"2345"`, strings.Repeat("y", 100) + "2345" + strings.Repeat("y", 100), 64, "…" + strings.Repeat("y", 18) + "[2345]" + strings.Repeat("y", 36) + "…"},
		{"b", strings.Repeat("a", 70) + " b", 64, "…" + strings.Repeat("a", 59) + " [b]"},
		{"👨", strings.Repeat("👨‍👩‍👧", 10), 64, "[👨\u200d]👩‍👧[👨\u200d]👩‍👧[👨\u200d]👩‍👧…"},
		{"a", "a" + strings.Repeat("\u0301", 100), 64, "[a" + strings.Repeat("\u0301", 30) + "]…"},
	} {
		q, err := Parse(c.query, nil)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		s := checkSnippet(t, q, c.text, c.size)
		var b strings.Builder
		at := 0
		for _, m := range s.Marks {
			b.WriteString(s.Text[at:m[0]] + "[" + s.Text[m[0]:m[1]] + "]")
			at = m[1]
		}
		b.WriteString(s.Text[at:])
		if b.String() != c.want {
			t.Errorf("%s in %q: %q, want %q", c.query, c.text, b.String(), c.want)
		}
	}
}
