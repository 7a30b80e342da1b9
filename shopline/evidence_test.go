package shopline_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"parlance"
	"parlance/history"
	"parlance/shopline"
)

// falseLists are answers of status 200 that are none to a question for a list, whatever it is of; %s is where the list's numbers stand.
var falseLists = map[string]string{
	"error, message and code":  `{"message":"m","error":"e","code":"InternalError","items":[],%s}`,
	"ok is false":              `{"ok":false,"errors":["e"],"items":[],%s}`,
	"success is false":         `{"success":false,"items":[],%s}`,
	"a status of error":        `{"status":"error","items":[],%s}`,
	"a code that is a number":  `{"code":500,"items":[],%s}`,
	"errors with items":        `{"errors":{"base":["e"]},"items":[{"id":"x"}],%s}`,
	"words in place of items":  `{"message":"We are down for maintenance","items":[],%s}`,
	"a detail":                 `{"detail":"try later","items":[],%s}`,
	"no items":                 `{%s}`,
	"items that are an object": `{"items":{},%s}`,
	"items that are null":      `{"items":null,%s}`,
	"items that are a text":    `{"items":"","a":1,%s}`,
	"nothing":                  `{}`,
	"a list":                   `[]`,
}

// Issue of a false end: nothing but a page that is one ends a walk, at whatever call another answer comes.
func TestWalkFalseAnswers(t *testing.T) {
	bodies := map[string]string{
		"no total":                `{"items":[],"limit":24}`,
		"no limit":                `{"items":[],"total":0}`,
		"a total that is null":    `{"items":[],"total":null,"limit":24}`,
		"a total that is a word":  `{"items":[],"total":"none","limit":24}`,
		"a total that is a list":  `{"items":[],"total":[],"limit":24}`,
		"a total below 0":         `{"items":[],"total":-1,"limit":24}`,
		"a limit that is a truth": `{"items":[],"total":0,"limit":true}`,
	}
	for name, body := range falseLists {
		bodies[name] = strings.Replace(body, "%s", `"total":0,"limit":24`, 1)
	}
	for name, body := range bodies {
		for at := 1; at <= 3; at++ {
			p := &platform{rows: spread(60), before: func(n int, w http.ResponseWriter, _ *http.Request) bool {
				if n == at {
					w.Write([]byte(body))
				}
				return n == at
			}}
			got := walk(t, p.serve(t), history.Window{}, 0)
			if !errors.Is(got.err, parlance.Broken) || got.end != "" || len(got.pages) != at-1 {
				t.Errorf("%s at call %d: error %v, end %q, %d pages", name, at, got.err, got.end, len(got.pages))
			}
		}
	}
}

// An empty page that counts messages of its own range is no end.
func TestWalkEmptyPageThatCounts(t *testing.T) {
	for at := 1; at <= 4; at++ {
		p := &platform{rows: spread(120), before: func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n >= at {
				fmt.Fprintf(w, `{"items":[],"total":%d,"limit":50}`, 120-min(n-1, 2)*49)
			}
			return n >= at
		}}
		if got := walk(t, p.serve(t), history.Window{}, 0); !errors.Is(got.err, parlance.Broken) || got.end != "" {
			t.Errorf("from call %d on: error %v, end %q", at, got.err, got.end)
		}
	}
}

// A list of conversations that is none is no empty one.
func TestStreamsFalseAnswers(t *testing.T) {
	const numbers = `"pagination":{"current_page":1,"per_page":50,"total_pages":0,"total_count":0}`
	bodies := map[string]string{
		"no pagination":             `{"items":[]}`,
		"pagination that is a list": `{"items":[],"pagination":[]}`,
		"no total_count":            `{"items":[],"pagination":{"current_page":1,"per_page":50,"total_pages":0}}`,
		"a total_count of null":     `{"items":[],"pagination":{"current_page":1,"per_page":50,"total_pages":0,"total_count":null}}`,
		"total_pages in words":      `{"items":[],"pagination":{"current_page":1,"per_page":50,"total_pages":"none","total_count":0}}`,
		"another page":              `{"items":[{"id":"a"}],"pagination":{"current_page":7,"per_page":50,"total_pages":9,"total_count":1}}`,
	}
	for name, body := range falseLists {
		bodies[name] = strings.Replace(body, "%s", numbers, 1)
	}
	for name, body := range bodies {
		for _, at := range []int{1, 2} {
			l := &lister{ids: numbered(120)}
			l.answer = func(w http.ResponseWriter, _, _ int) bool {
				if l.calls == at {
					w.Write([]byte(body))
				}
				return l.calls == at
			}
			if seen, _, err := listed(t, l); !errors.Is(err, parlance.Broken) || len(seen) != (at-1)*50 {
				t.Errorf("%s at call %d: %v, %d conversations", name, at, err, len(seen))
			}
		}
	}
}

// A list that counts more than it holds is read again, and says so if that stays.
func TestStreamsLack(t *testing.T) {
	l := &lister{ids: numbered(2), offCount: 2}
	seen, asides, err := listed(t, l)
	if err != nil || len(seen) != 2 || len(asides) != 1 || !strings.Contains(asides[0].Error(), "4") || l.calls < 2 || l.calls > 20 {
		t.Errorf("%v after %d calls: %d conversations, %v", err, l.calls, len(seen), asides)
	}

	// For a moment only.
	l = &lister{ids: numbered(2), offCount: 2}
	l.before = func(l *lister) {
		if l.calls == 2 {
			l.ids, l.offCount = numbered(4), 0
		}
	}
	if seen, asides, err := listed(t, l); err != nil || len(seen) != 4 || len(asides) > 0 {
		t.Errorf("%v: %d conversations, %v", err, len(seen), asides)
	}

	// Pages that are said not to be there, and are; one in their midst that is empty.
	l = &lister{ids: numbered(170), offPages: -3}
	if seen, asides, err := listed(t, l); err != nil || len(seen) != 170 || len(asides) > 0 {
		t.Errorf("%v: %d conversations, %v", err, len(seen), asides)
	}
	l = &lister{ids: numbered(170)}
	l.answer = func(w http.ResponseWriter, page, _ int) bool {
		if page == 2 {
			fmt.Fprint(w, `{"items":[],"pagination":{"current_page":2,"per_page":50,"total_pages":4,"total_count":170}}`)
		}
		return page == 2
	}
	if seen, asides, err := listed(t, l); err != nil || len(seen) != 120 || len(asides) != 1 {
		t.Errorf("%v: %d conversations, %v", err, len(seen), asides)
	}
}

// An item of the list that is no conversation of it is told, and costs no other.
func TestStreamsBadItems(t *testing.T) {
	for name, item := range map[string]string{
		"null":            `null`,
		"a number":        `7`,
		"no id":           `{}`,
		"an id of null":   `{"id":null}`,
		"a long id":       `{"id":"` + strings.Repeat("x", 600) + `"}`,
		"an id with NUL":  `{"id":"a\u0000b"}`,
		"an id no UTF-8":  "{\"id\":\"a\xff\"}",
		"half an id":      `{"id":"a\ud800"}`,
		"another's":       `{"id":"z","type":"order_messages"}`,
		"one of two":      `{"id":"twice","type":"shop_messages"}`,
		"another of many": `{"id":"z","type":"line_messages"}`,
	} {
		l := &lister{ids: numbered(3), items: []string{item}}
		if name == "one of two" {
			l.items, l.other = nil, []string{item, `{"id":"c001","type":"order_messages"}`}
		}
		seen, asides, err := listed(t, l)
		want := 3
		if name == "one of two" {
			// Each of the two says something wrong: its type, or where it was already.
			if len(asides) != 2 {
				t.Errorf("%s: %v", name, asides)
			}
			asides = asides[:min(1, len(asides))]
		}
		if err != nil || len(seen) != want || len(asides) != 1 || !errors.Is(asides[0], parlance.Invalid) {
			t.Errorf("%s: %v, %d conversations, %v", name, err, len(seen), asides)
		}
	}
	// Text that is no UTF-8 is text.
	l := &lister{ids: numbered(1), items: []string{"{\"id\":\"odd\",\"type\":\"shop_messages\",\"name\":\"\xff\",\"order_number\":\"\\ud800\"}"}}
	if seen, asides, err := listed(t, l); err != nil || len(seen) != 2 || len(asides) > 0 {
		t.Errorf("%v: %v, %v", err, seen, asides)
	}
	// Very many are a few and the count.
	l = &lister{ids: numbered(1)}
	for i := range 3000 {
		l.items = append(l.items, fmt.Sprintf(`{"n":%d}`, i))
	}
	if seen, asides, err := listed(t, l); err != nil || len(seen) != 1 || len(asides) < 50 || len(asides) > 200 {
		t.Errorf("%v: %v, %d asides", err, seen, len(asides))
	}
}

// Whose token it is must be told.
func TestAccountFalseAnswers(t *testing.T) {
	for _, body := range []string{
		`{}`, `{"staff":{"id":"s"}}`, `{"merchant":{}}`, `{"merchant":{"id":null}}`, `{"merchant":{"id":7}}`, `[]`,
		`{"merchant":{"id":"m"},"error":"e"}`, `{"success":false,"merchant":{"id":"m"}}`,
	} {
		srv := serveBody(t, body)
		if account, err := sourceOf(t, srv, "t").Account(t.Context()); !errors.Is(err, parlance.Broken) {
			t.Errorf("%s: %q, %v", body, account, err)
		}
	}
}

// An item that says that it is of another conversation is set aside, and moves nothing: what lies between its time and the page's is read.
func TestWalkElsewhere(t *testing.T) {
	for name, member := range map[string]string{
		"platform":           `"platform":"order_messages"`,
		"another platform":   `"platform":"line_messages"`,
		"conversation":       `"platform":"shop_messages","conversation_id":"d"`,
		"conversation whole": `"platform":"shop_messages","conversation":{"id":"d"}`,
		"customer":           `"platform":"shop_messages","customer_id":"somebody-else"`,
		"shop":               `"platform":"shop_messages","shop_id":"another-shop"`,
		"merchant":           `"merchant_id":"another-shop"`,
	} {
		for _, at := range []parlance.Time{base - 1_000_000, base + 70, base + 1_000_000} {
			rows := spread(120)
			alien := fmt.Sprintf(`{"id":"alien",%s,"message":{"sender_id":"u","created_at":%q}}`, member, at)
			p := &platform{rows: rows}
			p.before = func(n int, w http.ResponseWriter, r *http.Request) bool {
				switch r.URL.Path {
				case "/v1/token/info":
					fmt.Fprint(w, `{"merchant":{"id":"own"}}`)
				case "/v1/conversations":
					fmt.Fprint(w, `{"items":[{"id":"c","customer_id":"u"}],"pagination":{"current_page":1,"per_page":50,"total_pages":1,"total_count":1}}`)
				default:
					if r.URL.Query().Get("end") == "" && r.URL.Query().Get("start") == "" { // the first page has it
						p.rows = append(spread(120), row{id: "alien", at: base + 119, raw: alien})
						p.messages(w, r)
						p.rows = rows
						return true
					}
					return false
				}
				return true
			}
			s := p.serve(t)
			if _, err := s.Account(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, err := range s.Streams(t.Context()) {
				if err != nil && !strings.Contains(err.Error(), "order_messages") {
					t.Fatal(err)
				}
			}
			got := walk(t, s, history.Window{}, 0)
			check(t, got, rows)
			if len(got.broken) == 0 || string(got.broken[0].Raw) != alien || got.broken[0].Message.ID != "" {
				t.Errorf("%s: set aside: %+v", name, got.broken)
			}
			for _, page := range got.pages {
				if page.Top > base+119 || page.Low.Time < base {
					t.Errorf("%s: top %v, low %v", name, page.Top, page.Low)
				}
			}
		}
	}
}

// A message in the midst of a page that is far older than the others doesn't move the walk past what lies between.
func TestWalkStray(t *testing.T) {
	for _, where := range []int{0, 1, 25, 48} {
		rows := spread(200)
		p := &platform{rows: rows}
		p.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if q := r.URL.Query(); q.Get("end") != "" || q.Get("start") != "" {
				return false
			}
			var items []string
			for i := range 49 {
				if i == where {
					items = append(items, rows[3].item(), rows[90].item())
				}
				items = append(items, rows[199-i].item())
			}
			fmt.Fprintf(w, `{"total":200,"limit":51,"items":[%s]}`, strings.Join(items, ","))
			return true
		}
		got := walk(t, p.serve(t), history.Window{}, 0)
		check(t, got, rows)
		if len(got.findings) == 0 {
			t.Errorf("%d: no finding", where)
		}
	}
}

// A conversation of which the list shows a last message isn't empty.
func TestWalkEmptyThoughListed(t *testing.T) {
	p := &platform{}
	p.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/conversations" {
			return false
		}
		fmt.Fprint(w, `{"items":[{"id":"c","last_message":{"id":"m","created_at":"2021-01-24T13:08:52.613Z","value":"x"}}],"pagination":{"current_page":1,"per_page":50,"total_pages":1,"total_count":1}}`)
		return true
	}
	s := p.serve(t)
	for range s.Streams(t.Context()) {
		break
	}
	if got := walk(t, s, history.Window{}, 0); !errors.Is(got.err, parlance.Broken) || got.end != "" {
		t.Errorf("error %v, end %q", got.err, got.end)
	}
}

// Answers that are too large are asked for in smaller ones. A message that is too large by itself is a gap, and those around it are read.
func TestWalkTooLarge(t *testing.T) {
	big := func(r row, bytes int) row {
		r.raw = strings.Replace(r.item(), "text of", strings.Repeat("x", bytes), 1)
		return r
	}
	deep := func(r row) row {
		r.raw = strings.Replace(r.item(), `"platform"`, `"deep":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+`,"platform"`, 1)
		return r
	}
	t.Run("fifty of 700 kB", func(t *testing.T) {
		rows := spread(60)
		for i := range 50 {
			rows[i] = big(rows[i], 700_000)
		}
		p := &platform{rows: rows}
		check(t, walk(t, p.serve(t), history.Window{}, 0), rows)
		if len(p.calls) > 30 {
			t.Errorf("%d calls", len(p.calls))
		}
	})
	for _, at := range []int{0, 30, 59} {
		for _, inclusive := range []bool{false, true} {
			t.Run(fmt.Sprint("one that is too deep ", at, inclusive), func(t *testing.T) {
				rows := rowsAt()
				for i := range 60 {
					rows = append(rows, row{id: fmt.Sprintf("m%04d", i), at: base + parlance.Time(i)*1000})
				}
				rows[at] = deep(rows[at])
				p := &platform{rows: rows, manner: manner{endInclusive: inclusive}}
				got := walk(t, p.serve(t), history.Window{}, 0)
				if got.err != nil || got.end == "" || got.missing(rows) != "" || len(got.ids) != 59 {
					t.Fatalf("error %v, end %q, %d messages, missing %s", got.err, got.end, len(got.ids), got.missing(rows))
				}
				if len(got.gaps) != 1 || got.gaps[0].From > rows[at].at || got.gaps[0].To < rows[at].at || got.gaps[0].To-got.gaps[0].From > 1 {
					t.Errorf("gaps %v", got.gaps)
				}
				if len(p.calls) > 120 {
					t.Errorf("%d calls", len(p.calls))
				}
			})
		}
	}
}

// So is a list of conversations.
func TestStreamsTooLarge(t *testing.T) {
	deep := `{"id":"deep","type":"shop_messages","x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`
	l := &lister{ids: numbered(60), items: []string{deep, `{"id":"last","type":"shop_messages"}`}}
	seen, asides, err := listed(t, l)
	if err != nil || len(seen) != 61 || len(asides) != 1 || !errors.Is(asides[0], parlance.Invalid) || l.calls > 120 {
		t.Errorf("%v after %d calls: %d conversations, %v", err, l.calls, len(seen), asides)
	}
}

// What isn't UTF-8, and halves of surrogate pairs, are kept as they came and read as U+FFFD; of ids they make none.
func TestWalkNotUTF8(t *testing.T) {
	const form = "{\"id\":\"%s\",\"platform\":\"shop_messages\",\"message\":{\"sender_id\":\"%s\",\"created_at\":\"2021-01-24T12:56:40.000Z\",\"content\":{\"text\":\"%s\"}}}"
	for _, bad := range []string{"\xff", `\ud800`, `\udc00x`, "\xed\xa0\x80"} {
		raw := fmt.Sprintf(form, "m", "u", "a"+bad+"b")
		p := &platform{rows: []row{{id: "m", at: base, raw: raw}}}
		got := walk(t, p.serve(t), history.Window{}, 0)
		check(t, got, p.rows)
		m := got.pages[0].Items[0].Message
		if string(m.Native.JSON) != raw || !strings.HasPrefix(m.Text, "a\ufffd") || !strings.HasSuffix(m.Text, "b") {
			t.Errorf("%q: text %q, native %s", bad, m.Text, m.Native.JSON)
		}
		for _, raw := range []string{fmt.Sprintf(form, "m"+bad, "u", "x"), fmt.Sprintf(form, "m", "u"+bad, "x")} {
			if _, err := shopline.MessageOf([]byte(raw)); !errors.Is(err, parlance.Invalid) {
				t.Errorf("%q: %v", raw, err)
			}
		}
	}
}

func serveBody(t *testing.T, body string) string {
	t.Helper()
	return serveFunc(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
}
