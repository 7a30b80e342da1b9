package imetastore_test

import (
	"fmt"
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
