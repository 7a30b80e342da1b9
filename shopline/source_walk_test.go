package shopline_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parlance"
	"parlance/history"
	"parlance/shopline"
)

// check fails the test unless a walk ended with all of rows given and without a gap.
func check(t *testing.T, got walked, rows []row) {
	t.Helper()
	if got.err != nil || got.end == "" || len(got.gaps) > 0 {
		t.Fatalf("error %v, end %q, gaps %v", got.err, got.end, got.gaps)
	}
	if missing := got.missing(rows); missing != "" || len(got.ids) != len(rows) {
		t.Fatalf("%d of %d messages; missing %s", len(got.ids), len(rows), missing)
	}
}

// spread returns n messages, one each millisecond.
func spread(n int) []row {
	ms := make([]int, n)
	for i := range ms {
		ms[i] = i
	}
	return rowsAt(ms...)
}

func tie(n, ms int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = ms
	}
	return all
}

// TestWalkManners reads conversations of several shapes from platforms of every manner that loses
// nothing.
func TestWalkManners(t *testing.T) {
	shapes := map[string][]row{
		"empty":             nil,
		"one":               rowsAt(5),
		"two of a time":     rowsAt(5, 5),
		"a page":            spread(50),
		"many":              spread(173),
		"B1 ties at edges":  rowsAt(append(append(tie(60, 90), tie(45, 91)...), tie(7, 3)...)...),
		"ties at the end":   rowsAt(append(tie(8, 1), tie(8, 2)...)...),
		"B1 one whole page": rowsAt(append(tie(180, 7), 1, 2, 3, 9)...),
	}
	for name, m := range map[string]manner{
		"ours":                     {},
		"A1 end inclusive":         {endInclusive: true},
		"A3 total of conversation": {total: "conversation"},
		"A3 total of the page":     {total: "page"},
		"A5 clamped to 200":        {clamp: 200},
		"A11 B6 oldest at the top": {order: "oldest first"},
		"A11 B6 in no order":       {order: "shuffled", endInclusive: true},
		"A5 clamped, not said":     {clamp: 200, hidesClamp: true},
		"A1 inclusive and clamped": {clamp: 190, hidesClamp: true, endInclusive: true},
	} {
		for shape, rows := range shapes {
			t.Run(name+"/"+shape, func(t *testing.T) {
				p := &platform{manner: m, rows: rows, random: rand.New(rand.NewPCG(1, 2))}
				got := walk(t, p.serve(t), history.Window{}, 0)
				check(t, got, rows)
				if sorted := m.order == ""; sorted != (len(got.findings) == 0) && len(rows) > 2 && m.total != "page" {
					t.Errorf("findings %q", got.findings)
				}
			})
		}
	}
}

// TestWalkCalls holds the number of calls: an archive that has everything must not cost more.
func TestWalkCalls(t *testing.T) {
	for _, c := range []struct {
		rows []row
		want int
	}{
		{nil, 1},
		{spread(1), 3},
		{spread(20), 3},    // the page, its last message again, what lies below
		{spread(99), 4},    // 50 messages, 49 new ones, and the same two
		{spread(1000), 23}, // 1+49n
		{rowsAt(5, 5, 9), 3},
	} {
		p := &platform{rows: c.rows}
		got := walk(t, p.serve(t), history.Window{}, 0)
		check(t, got, c.rows)
		if len(p.calls) != c.want {
			t.Errorf("%d messages took %d calls, want %d", len(c.rows), len(p.calls), c.want)
		}
	}
}

// TestWalkTieFlood (B1, A4) has more messages in one millisecond than any page: the gap is named,
// and all the rest is read.
func TestWalkTieFlood(t *testing.T) {
	for _, at := range []int{0, 50, 100} {
		rows := append(spread(101), rowsAt(tie(375, at)...)...)
		for i := range rows {
			rows[i].id = fmt.Sprint(i)
		}
		p := &platform{rows: rows}
		got := walk(t, p.serve(t), history.Window{}, 0)
		if got.err != nil || got.end == "" || got.missing(rows) != "" {
			t.Fatalf("error %v, end %q, missing %s", got.err, got.end, got.missing(rows))
		}
		want := base + parlance.Time(at)
		if len(got.gaps) != 1 || got.gaps[0].From != want || got.gaps[0].To != want || got.gaps[0].Conversation != "c" {
			t.Errorf("gaps %v, want one at %v", got.gaps, want)
		}
		if len(got.ids) != 100+250 {
			t.Errorf("%d messages", len(got.ids))
		}
		for _, r := range p.calls {
			if r.URL.Query().Get("limit") == "1" {
				t.Error("limit=1 can never page")
			}
		}
	}
}

// TestWalkDoubt: a platform that gives two messages and counts those that it had no room for has more of that millisecond.
func TestWalkDoubt(t *testing.T) {
	p := &platform{manner: manner{clamp: 2, hidesClamp: true}, rows: rowsAt(5, 5, 5)}
	got := walk(t, p.serve(t), history.Window{}, 0)
	if got.err != nil || got.end == "" || len(got.gaps) != 1 || got.missing(p.rows) != "" {
		t.Errorf("error %v, end %q, gaps %v", got.err, got.end, got.gaps)
	}
}

// TestWalkShortPages (B2) reads from a platform whose pages have fewer messages than they
// could, at the end and in the middle.
func TestWalkShortPages(t *testing.T) {
	for seed := range uint64(30) {
		p := &platform{manner: manner{short: true}, rows: spread(130), random: rand.New(rand.NewPCG(seed, 1))}
		check(t, walk(t, p.serve(t), history.Window{}, 0), p.rows)
	}
}

// TestWalkIgnoredEnd (B3) must neither go on for ever nor end well.
func TestWalkIgnoredEnd(t *testing.T) {
	for _, n := range []int{2, 50, 51, 400} {
		p := &platform{manner: manner{ignoresEnd: true}, rows: spread(n)}
		got := walk(t, p.serve(t), history.Window{}, 0)
		if !errors.Is(got.err, parlance.Broken) || got.end != "" {
			t.Errorf("%d messages: error %v, end %q", n, got.err, got.end)
		}
		if len(p.calls) > 20 {
			t.Errorf("%d messages: %d calls", n, len(p.calls))
		}
	}
}

// TestWalkOldestFirst (B7, A11): who is given the oldest page would believe that there is nothing
// newer.
func TestWalkOldestFirst(t *testing.T) {
	p := &platform{manner: manner{oldestFirst: true}, rows: spread(200)}
	if got := walk(t, p.serve(t), history.Window{}, 0); !errors.Is(got.err, parlance.Broken) || len(got.pages) > 0 {
		t.Errorf("error %v after %d pages", got.err, len(got.pages))
	}
}

// TestWalkErrors (B4, B23): what is no page of messages is an error and never an end.
func TestWalkErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   parlance.ErrorKind
	}{
		"A10 unknown":        {404, `{"message":"conversation not found","code":"NotFound"}`, parlance.NotFound},
		"token":              {401, `{"message":"no"}`, parlance.Unauthenticated},
		"permission":         {403, `{"message":"no"}`, parlance.Forbidden},
		"refused":            {422, `{"error":"no"}`, parlance.Invalid},
		"slow down":          {429, `{"error":"Rate limit exceeded","code":"RateLimitExceeded"}`, parlance.Limited},
		"fault":              {500, `oops`, parlance.Unavailable},
		"gateway":            {502, `<html>bad gateway</html>`, parlance.Unavailable},
		"HTML":               {200, `<html>please log in</html>`, parlance.Broken},
		"nothing":            {200, ``, parlance.Broken},
		"error in a success": {200, `{"error":"Rate limit exceeded","code":"RateLimitExceeded"}`, parlance.Broken},
		"no list":            {200, `{"total":0,"limit":50,"items":null}`, parlance.Broken},
		"half a page":        {200, `{"total":0,"limit":50,"items":[`, parlance.Broken},
		"a list":             {200, `[]`, parlance.Broken},
	} {
		for at := 1; at <= 3; at++ {
			p := &platform{rows: spread(60), before: func(n int, w http.ResponseWriter, _ *http.Request) bool {
				if n == at {
					w.WriteHeader(c.status)
					w.Write([]byte(c.body))
				}
				return n == at
			}}
			s := p.serve(t)
			got := walk(t, s, history.Window{}, 0)
			if !errors.Is(got.err, c.want) || got.end != "" || len(got.pages) != at-1 {
				t.Errorf("%s at call %d: error %v, end %q, %d pages", name, at, got.err, got.end, len(got.pages))
			}
			if c.status == 429 && parlance.RetryAfter(got.err).Seconds() != 1 {
				t.Errorf("wait %v", parlance.RetryAfter(got.err))
			}
			if len(p.calls) != at {
				t.Errorf("%s: %d calls, want no repetition", name, len(p.calls))
			}
		}
	}
}

// TestWalkGone (A9, A10) deletes the conversation while it is read, on a platform that
// answers with an empty list then.
func TestWalkGone(t *testing.T) {
	p := &platform{rows: spread(120)}
	p.before = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
		if n == 2 {
			p.rows = nil
		}
		return false
	}
	if got := walk(t, p.serve(t), history.Window{}, 0); !errors.Is(got.err, parlance.NotFound) || got.end != "" || len(got.ids) != 50 {
		t.Errorf("error %v, end %q, %d messages", got.err, got.end, len(got.ids))
	}
}

// TestWalkVanished deletes the messages at the place alone.
func TestWalkVanished(t *testing.T) {
	p := &platform{rows: spread(50)}
	p.before = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
		if n == 2 {
			p.rows = p.rows[1:]
		}
		return false
	}
	if got := walk(t, p.serve(t), history.Window{}, 0); got.err != nil || got.end == "" || len(got.findings) != 1 {
		t.Errorf("error %v, end %q, findings %q", got.err, got.end, got.findings)
	}
}

// TestWalkFloor (A2, B7, B13): what lies above the floor is given before the place is there, and
// who goes on is given the rest.
func TestWalkFloor(t *testing.T) {
	for _, m := range []manner{{}, {startExclusive: true}, {endInclusive: true, total: "conversation"}, {startExclusive: true, clamp: 7, hidesClamp: true}} {
		p := &platform{manner: m, rows: spread(200)}
		floor := base + 130
		s := p.serve(t)
		ids := map[parlance.MessageID]bool{}
		reached := false
		for page, err := range s.Walk(t.Context(), "shop_messages/c", history.Window{Floor: floor}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				ids[it.Message.ID] = true
			}
			if !reached && page.Low.Time == floor {
				reached = true
				for _, r := range p.rows {
					if r.at > floor && !ids[parlance.MessageID(r.id)] {
						t.Errorf("%+v: %s lies above the floor and wasn't given", m, r.id)
					}
				}
				if page.End != "" {
					t.Error("the floor is no end")
				}
			}
			if page.Low.Time < floor && !reached {
				t.Errorf("%+v: below the floor without having stood at it", m)
			}
		}
		if !reached || len(ids) != len(p.rows) {
			t.Errorf("%+v: reached %t, %d messages", m, reached, len(ids))
		}
	}
}

// TestWalkBadItems (B16, B17): one that can't be read is set aside, moves no cursor, and
// those around it are read.
func TestWalkBadItems(t *testing.T) {
	for name, raw := range map[string]string{
		"B17 year 1970":     `{"id":"bad","message":{"sender_id":"u","created_at":"1970-01-19T15:38:13.000Z"}}`,
		"B17 year 1":        `{"id":"bad","message":{"sender_id":"u","created_at":"0001-01-01T00:00:00Z"}}`,
		"B17 year 9999":     `{"id":"bad","message":{"sender_id":"u","created_at":"9999-01-01T00:00:00Z"}}`,
		"a number for time": `{"id":"bad","message":{"sender_id":"u","created_at":1611493000}}`,
		"no message":        `{"id":"bad"}`,
		"text":              `"bad"`,
		"null":              `null`,
		"no id":             `{"message":{"sender_id":"u","created_at":"2021-01-24T12:56:40.060Z"}}`,
	} {
		rows := spread(120)
		rows[60].raw = raw
		p := &platform{rows: rows}
		got := walk(t, p.serve(t), history.Window{}, 0)
		rest := append(append([]row{}, rows[:60]...), rows[61:]...)
		check(t, got, rest)
		if len(got.broken) == 0 || string(got.broken[0].Raw) != raw || !errors.Is(got.broken[0].Err, parlance.Invalid) {
			t.Errorf("%s: %+v", name, got.broken)
		}
	}
}

// TestWalkBadBottom: below messages without a time nothing can be asked for. It is a gap.
func TestWalkBadBottom(t *testing.T) {
	rows := spread(60)
	rows[0].raw = `{"id":"bad","message":{"created_at":null}}`
	p := &platform{rows: rows}
	got := walk(t, p.serve(t), history.Window{}, 0)
	if got.err != nil || got.end == "" || len(got.ids) != 59 || len(got.gaps) != 1 || got.gaps[0].To != base || len(got.broken) == 0 {
		t.Errorf("error %v, end %q, %d messages, gaps %v", got.err, got.end, len(got.ids), got.gaps)
	}
}

// TestWalkFuture (B14) has a message dated ten years ahead: it is kept and reported.
func TestWalkFuture(t *testing.T) {
	rows := spread(60)
	rows[59].at += 20 * 365 * 24 * 3600 * 1000
	p := &platform{rows: rows}
	got := walk(t, p.serve(t), history.Window{}, 0)
	check(t, got, rows)
	if strings.Join(got.findings, ";") != "a message is dated in the future" {
		t.Errorf("findings %q", got.findings)
	}
	if page := got.pages[0]; page.Clock == 0 || page.Top != rows[59].at {
		t.Errorf("clock %v, top %v", page.Clock, page.Top)
	}
}

// TestWalkTotals (B27): each count comes with its query.
func TestWalkTotals(t *testing.T) {
	p := &platform{rows: spread(60)}
	got := walk(t, p.serve(t), history.Window{}, 0)
	for i, page := range got.pages {
		total := page.Totals[0]
		if total.Whole != (i == 0) || total.Whole && total.Count != 60 || total.Conversation != "c" ||
			!strings.HasPrefix(total.Query, "GET /v1/conversations/c/messages?") || strings.Contains(total.Query, "end=") == total.Whole {
			t.Errorf("page %d: %+v", i, total)
		}
	}
}

// TestWalkBytes (B22): what the platform sent is kept byte for byte.
func TestWalkBytes(t *testing.T) {
	const odd = "{ \"message\" : {\"content\":{\"text\":\"\\u00e9\\/ <\xff>\"}, \"n\":1.50e2,\"sender_id\":\"u\",\"created_at\":\"2021-01-24T20:56:40.000+08:00\"},\t\"id\":\"odd\", \"x\":null }"
	p := &platform{rows: []row{{id: "odd", at: base, raw: odd}}}
	got := walk(t, p.serve(t), history.Window{}, 0)
	check(t, got, p.rows)
	if m := got.pages[0].Items[0].Message; string(m.Native.JSON) != odd || m.Created != base || m.Text != "é/ <\ufffd>" {
		t.Errorf("%+v", m)
	}
}

// TestWalkUnknownStream: what isn't a stream of this source can't be walked.
func TestWalkUnknownStream(t *testing.T) {
	s := new(platform).serve(t)
	for _, id := range []history.StreamID{"", "*", "c", "shop_messages/", "other/c"} {
		for _, err := range s.Walk(t.Context(), id, history.Window{}) {
			if !errors.Is(err, parlance.NotFound) {
				t.Errorf("%q: %v", id, err)
			}
		}
	}
}

// TestWalkProperty walks random conversations on platforms of random manners, with stops at
// random pages. What is neither given nor named as a gap must not exist; every place keeps
// its promise; and nothing loops.
func TestWalkProperty(t *testing.T) {
	p := &platform{}
	srv := httptest.NewServer(p)
	defer srv.Close()
	s := sourceOf(t, srv.URL, "secret-token")
	rapid.Check(t, func(rt *rapid.T) { walkRandomly(rt, p, s) })
}

func walkRandomly(t *rapid.T, p *platform, s *shopline.Source) {
	m := manner{
		endInclusive:   rapid.Bool().Draw(t, "end inclusive"),
		startExclusive: rapid.Bool().Draw(t, "start exclusive"),
		clamp:          rapid.SampledFrom([]int{0, 0, 2, 3, 7, 20, 50, 100}).Draw(t, "clamp"),
		hidesClamp:     rapid.Bool().Draw(t, "hides clamp"),
		order:          rapid.SampledFrom([]string{"", "oldest first", "shuffled"}).Draw(t, "order"),
		total:          rapid.SampledFrom([]string{"", "conversation", "page"}).Draw(t, "total"),
		short:          rapid.Bool().Draw(t, "short pages"),
	}
	if m.total != "" && m.total != "conversation" {
		// A platform that hides messages of its last millisecond and counts accordingly can't be told
		// from one that has no more.
		m.hidesClamp, m.short = false, false
	}
	span := rapid.SampledFrom([]int{1, 5, 40, 1000}).Draw(t, "span")
	rows := rowsAt(rapid.SliceOfN(rapid.IntRange(0, span), 0, 160).Draw(t, "times")...)
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	p.mu.Lock() // nothing is drawn while it is held: a draw may not return
	p.manner, p.rows, p.calls, p.random = m, rows, nil, random
	p.mu.Unlock()

	all := walked{ids: map[parlance.MessageID]int{}}
	window := history.Window{}
	if !m.short && rapid.Bool().Draw(t, "floor set") {
		window.Floor = base + parlance.Time(rapid.IntRange(-1, span+1).Draw(t, "floor"))
	}
	for runs := 0; all.end == ""; runs++ {
		stop := rapid.IntRange(0, 5).Draw(t, "stop")
		if runs > 100 {
			stop = 0
		}
		before := len(p.calls)
		got := walk(t, s, window, stop)
		if got.err != nil {
			t.Fatalf("%+v: %v", m, got.err)
		}
		if calls, most := len(p.calls)-before, 40+14*len(rows); calls > most {
			t.Fatalf("%+v: %d messages took %d calls", m, len(rows), calls)
		}
		for _, page := range got.pages {
			for _, it := range page.Items {
				all.ids[it.Message.ID]++
			}
			all.gaps = append(all.gaps, page.Gaps...)
			all.end = page.End
			for _, f := range page.Findings {
				all.findings = append(all.findings, f.Text)
			}
			if window.Below.Time != 0 && page.Low.Time > window.Below.Time {
				t.Fatalf("place %v lies above %v", page.Low, window.Below)
			}
			window.Below = page.Low
			var above []row
			for _, r := range rows {
				if r.at > page.Low.Time && !page.Low.IsZero() {
					above = append(above, r)
				}
			}
			if missing := all.missing(above); missing != "" {
				t.Fatalf("%+v: place %v, but %s is missing; gaps %v", m, page.Low, missing, all.gaps)
			}
		}
	}
	// Of the last millisecond a platform of short pages may show a part each time. Its total tells.
	told := slices.Contains(all.findings, "the platform counts more messages than it gave")
	if missing := all.missing(rows); missing != "" && !(m.short && told) {
		t.Fatalf("%+v: %d of %d messages, missing %s, gaps %v", m, len(all.ids), len(rows), missing, all.gaps)
	}
	// A gap needs a reason: some millisecond fills a page. What follows may be doubted then too.
	groups, largest := map[parlance.Time]int{}, 0
	for _, r := range rows {
		groups[r.at]++
		largest = max(largest, groups[r.at])
	}
	counts := m.total == "" || m.total == "conversation"
	if len(all.gaps) > 0 && counts && !m.short && window.Floor == 0 && (m.clamp == 0 || largest < m.clamp) {
		t.Fatalf("%+v: gaps %v, with at most %d messages in a millisecond", m, all.gaps, largest)
	}
}
