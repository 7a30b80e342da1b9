package query

import (
	"testing"
)

func TestTextMatch(t *testing.T) {
	for _, c := range []struct {
		query, text string
		want        bool
	}{
		{"refund", "Two refunds, please", true},
		{"refund", "prefund", false},
		{"REFUND", "ｒｅｆｕｎｄ", true},
		{`"fund"`, "prefund", true},
		{"2345", "Order A12345.", true},
		{"a1234", "Order A12345.", true},
		{"酒店", "我想订一家酒店。", true},
		{"abc酒店", "abc酒店", true},
		{"abc酒店", "xabc酒店", false},
		{"abc酒店", "abc 酒店", false},
		{"酒店abc", "我的酒店abcd", true},
		{"店 abc", "酒店abc", true},
	} {
		q, err := Parse(c.query, nil)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := q.Match(document(c.text)); got != c.want {
			t.Errorf("%s in %q: %v, want %v", c.query, c.text, got, c.want)
		}
	}
}
