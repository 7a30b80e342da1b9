package imetastore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/history"
	"parlance/imetastore"
)

// An answer of success that tells of an error, or lacks what it always has, is no answer and no end.
func TestFalseAnswers(t *testing.T) {
	for name, data := range map[string]string{
		"error among the data": `{"error":"e","msgCnt":0,"complete":1,"msgList":[]}`,
		"success is false":     `{"success":false,"msgCnt":0,"complete":1,"msgList":[]}`,
		"words":                `{"message":"down","msgCnt":0,"complete":1,"msgList":[]}`,
		"no list":              `{"msgCnt":0,"complete":1}`,
		"a list of null":       `{"msgCnt":0,"complete":1,"msgList":null}`,
		"an object for a list": `{"msgCnt":0,"complete":1,"msgList":{}}`,
		"no complete":          `{"msgCnt":0,"msgList":[]}`,
		"complete in words":    `{"msgCnt":0,"complete":"soon","msgList":[]}`,
		"a count in words":     `{"msgCnt":"none","complete":1,"msgList":[]}`,
		"a count below 0":      `{"msgCnt":-1,"complete":1,"msgList":[]}`,
		"error beside them":    `{"msgCnt":0,"complete":1,"msgList":[]},"errors":["e"],"x":{}`,
		"no data":              `null`,
		"TIM's own error":      `{"ActionStatus":"FAIL","ErrorInfo":"internal","ErrorCode":60011,"msgCnt":0,"complete":1,"msgList":[]}`,
		"TIM's status alone":   `{"ActionStatus":"FAIL","msgCnt":0,"complete":1,"msgList":[]}`,
		"a code that isn't 0":  `{"retCode":7,"msgCnt":0,"complete":1,"msgList":[]}`,
		"a list of errors":     `{"errors":[{"x":1}],"msgCnt":0,"complete":1,"msgList":[]}`,
		"a failed status":      `{"status":"failed","msgCnt":0,"complete":1,"msgList":[]}`,
	} {
		g := walkAll(t, sourceOf(t, listing(data), imetastore.SourceOptions{}), history.Everything, history.Window{})
		if parlance.KindOf(g.err) != parlance.Broken || g.end() != "" {
			t.Errorf("%s: end %q, %v", name, g.end(), g.err)
		}
	}
}

// A page that counts more than it lists is asked for again, and is a gap if it stays so.
func TestCountAboveTheList(t *testing.T) {
	short := `{"msgCnt":3,"complete":1,"msgList":[` + item(buyer, seller, firstSecond, 1, 1, "a") + `]}`
	whole := `{"msgCnt":3,"complete":1,"msgList":[` + item(buyer, seller, firstSecond, 1, 1, "a") + `,` + item(buyer, seller, firstSecond, 1, 2, "b") + `,` +
		item(buyer, seller, firstSecond, 1, 3, "c") + `]}`
	for _, stays := range []bool{true, false} {
		calls := 0
		up := &scripted{answer: func(path, _, _ string) (int, string) {
			if strings.HasSuffix(path, "login") {
				return 200, fmt.Sprintf(loggedIn, 1, "7200")
			}
			data := short
			if calls++; calls == 2 && !stays {
				data = whole
			}
			return 200, `{"code":"0000","data":` + data + `}`
		}}
		g := walkAll(t, sourceOf(t, up, imetastore.SourceOptions{}), history.Everything, history.Window{})
		if g.err != nil || g.end() == "" || (len(g.gaps) == 1) != stays || calls > 5 || calls < 2 {
			t.Errorf("stays %t: %v, end %q after %d calls, gaps %v", stays, g.err, g.end(), calls, g.gaps)
		}
		if !stays && len(g.texts) != 3 {
			t.Errorf("given %v", g.texts)
		}
	}
}

// A message between others than those whose history this is is set aside, and moves nothing.
func TestElsewhere(t *testing.T) {
	for name, alien := range map[string]string{
		"another buyer":  item("1907369850568257536", seller, firstSecond-1_000_000, 1, 1, "x"),
		"another seller": item(buyer, "seller_002", firstSecond-1_000_000, 1, 1, "x"),
	} {
		up := listing(`{"msgCnt":2,"complete":1,"msgList":[` + item(buyer, seller, firstSecond, 1, 1, "a") + `,` + alien + `]}`)
		g := walkAll(t, sourceOf(t, up, imetastore.SourceOptions{}), buyer, history.Window{})
		if g.err != nil || g.broken != 1 || g.texts["a"] != 1 || len(g.pages) != 1 {
			t.Fatalf("%s: %+v", name, g)
		}
		p := g.pages[0]
		if p.Top != parlance.TimeOfSeconds(firstSecond) || p.Low.Time != p.Top || len(p.Conversations) != 1 || p.Account != seller {
			t.Errorf("%s: top %v, low %v, account %s", name, p.Top, p.Low, p.Account)
		}
	}
}

// whenever makes every answer a false one while it counts down from n; below 0 always.
func whenever(p *platform, n int, falsify func(string) string) *scripted {
	return &scripted{answer: func(path, token, body string) (int, string) {
		status, answer := p.answer(path, token, body)
		if strings.HasSuffix(path, "login") || n == 0 || falsify(answer) == answer {
			return status, answer
		}
		n--
		return status, falsify(answer)
	}}
}

// A page that contradicts itself is asked for again. If it stays so, what it may lack is a gap, or the walk stops with an error; it never
// ends as if nothing were missing, and it ends.
func TestContradictions(t *testing.T) {
	all := row(buyerNumber, ones(9)...)
	none := `{"code":"0000","data":{"msgCnt":0,"complete":0,"lastMsgTime":0,"lastMsgKey":"","msgList":[]}}`
	above := item(buyer, seller, firstSecond+5000, 7, 7, "above")
	far := item(buyer, seller, firstSecond-5_000_000, 7, 7, "far")
	insert := func(extra string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, fmt.Sprintf(`"msgTimestamp":%d,`, firstSecond+4)) || strings.Contains(s, fmt.Sprintf(`"msgTimestamp":%d,`, firstSecond+8)) {
				return s
			}
			s = strings.Replace(s, `"msgCnt":3`, `"msgCnt":4`, 1)
			return strings.Replace(s, `"msgList":[`, `"msgList":[`+extra+`,`, 1)
		}
	}
	middle := func(s string) bool { return strings.Contains(s, fmt.Sprintf(`"msgTimestamp":%d,`, firstSecond+4)) }
	for name, c := range map[string]struct {
		falsify func(string) string
		floor   parlance.Time
	}{
		"empty, and more remain": {func(s string) string {
			if middle(s) {
				return none
			}
			return s
		}, 0},
		"counts more":        {func(s string) string { return strings.Replace(s, `"msgCnt":3`, `"msgCnt":5`, 1) }, 0},
		"counts fewer":       {func(s string) string { return strings.Replace(s, `"msgCnt":3`, `"msgCnt":1`, 1) }, 0},
		"above what's asked": {insert(above), 0},
		"below what's asked": {insert(far), parlance.TimeOfSeconds(firstSecond - 10)},
	} {
		for n := -1; n <= 2; n++ {
			p := newPlatform(t, manners{page: 3}, all...)
			g := walkAll(t, sourceOf(t, whenever(p, n, c.falsify), imetastore.SourceOptions{}), history.Everything, history.Window{Floor: c.floor})
			if n >= 0 {
				if g.err != nil || g.end() == "" || len(g.gaps) > 0 {
					t.Errorf("%s, %d times: end %q, gaps %v, %v", name, n, g.end(), g.gaps, g.err)
				}
			} else if g.err == nil && len(g.gaps) == 0 {
				t.Errorf("%s, always: end %q without a gap", name, g.end())
			}
			for _, m := range all {
				in := func(gap history.Gap) bool { return gap.From.Seconds() <= m.sec && m.sec <= gap.To.Seconds() }
				if g.texts[m.text] == 0 && (n >= 0 || !slices.ContainsFunc(g.gaps, in)) {
					t.Errorf("%s, %d times: %s is missing, gaps %v, %v", name, n, m.text, g.gaps, g.err)
				}
			}
			if p.calls > 60 {
				t.Errorf("%s, %d times: %d calls", name, n, p.calls)
			}
		}
	}
	// Where nothing else comes, ever, it is an error.
	for _, when := range []func(string) bool{func(string) bool { return true }, func(s string) bool { return !strings.Contains(s, `"complete":0`) }} {
		p := newPlatform(t, manners{page: 3}, all...)
		up := whenever(p, -1, func(s string) string {
			if when(s) {
				return none
			}
			return s
		})
		g := walkAll(t, sourceOf(t, up, imetastore.SourceOptions{}), history.Everything, history.Window{})
		if parlance.KindOf(g.err) != parlance.Broken || g.end() != "" || p.calls > 60 {
			t.Errorf("end %q after %d calls, %v", g.end(), p.calls, g.err)
		}
	}
}
