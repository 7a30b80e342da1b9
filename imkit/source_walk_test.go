package imkit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parlance"
	"parlance/history"
)

func contextOf(t failer) context.Context {
	if c, ok := t.(interface{ Context() context.Context }); ok {
		return c.Context()
	}
	return context.Background()
}

var updated = history.Window{Order: parlance.ByUpdated}

func TestWalkSmallRooms(t *testing.T) {
	for n, calls := range []int{1, 3, 3, 3} {
		p := new(platform).room(n)
		p.whole(t)
		if p.calls != calls {
			t.Errorf("%d messages took %d calls, want %d: %q", n, p.calls, calls, p.queries)
		}
	}
}

func TestWalkLongRooms(t *testing.T) {
	for _, n := range []int{99, 100, 101, 199, 1000} {
		g := new(platform).room(n).whole(t)
		if len(g.findings) > 0 {
			t.Errorf("%d messages: findings %q", n, g.findings)
		}
	}
}

func TestAnchorInclusive(t *testing.T) { (&platform{inclusive: true}).room(350).whole(t) }

func TestAnchorExclusive(t *testing.T) { (&platform{}).room(350).whole(t) }

func TestAnchorInclusiveByTime(t *testing.T) {
	(&platform{inclusive: true, timeOnly: true}).room(350).tie(120, 180).whole(t)
}

// B1: equal times across a page edge, on a server that compares by time alone.
func TestB1TiesAtAPageEdge(t *testing.T) {
	p := (&platform{timeOnly: true}).room(300).tie(190, 215)
	if g := p.whole(t); len(g.findings) > 0 {
		t.Errorf("findings %q", g.findings)
	}
}

// B1: a whole page of one time. The page is made larger.
func TestB1TiesFillAPage(t *testing.T) {
	for _, timeOnly := range []bool{false, true} {
		p := (&platform{timeOnly: timeOnly}).room(1000).tie(200, 800)
		p.whole(t)
		if !strings.Contains(strings.Join(p.queries, "\n"), "limit=1000") {
			t.Errorf("time only %v: no larger page was asked for", timeOnly)
		}
	}
}

// B1: more messages of one time than any page holds. A server that tells them apart loses none; one that doesn't
// leaves a gap of that millisecond.
func TestB1MoreTiesThanAPage(t *testing.T) {
	for _, limits := range []platform{{clamp: 50}, {refuses: 100}} {
		p := limits
		p.room(400).tie(100, 350).whole(t)

		p = limits
		p.timeOnly = true
		p.room(400).tie(100, 350)
		g := p.walk(t, updated, 0)
		at := parlance.Time(p.rows[100].updated)
		if len(g.gaps) != 1 || g.gaps[0].From != at || g.gaps[0].To != at || g.end == "" || g.total.Count != 400 {
			t.Errorf("%+v: gaps %v, end %q, want a gap at %v", limits, g.gaps, g.end, at)
		}
		for _, r := range g.lacks(&p) {
			if !g.named(parlance.Time(r.updated)) {
				t.Errorf("%s was lost outside the gap", r.id)
			}
		}
	}
}

// B1: a server that compares by time alone, inclusively, gives nothing below so many.
func TestB1TiesThatNoPageGoesBelow(t *testing.T) {
	p := (&platform{timeOnly: true, inclusive: true, clamp: 50}).room(400).tie(100, 350)
	g := p.walk(t, updated, 0)
	if len(g.gaps) != 1 || g.gaps[0].From != parlance.MinTime || g.gaps[0].To != parlance.Time(p.rows[100].updated) || g.complete() {
		t.Errorf("gaps %v, end %q", g.gaps, g.end)
	}
}

// B1: exactly one page of ties at the bottom is no gap if the count says that there are no more.
func TestB1TotalProvesTheBottom(t *testing.T) {
	p := (&platform{timeOnly: true, clamp: 50}).room(80).tie(0, 49)
	p.whole(t)
	p.rows = append(p.rows, platformRow{id: "a", created: base, updated: base})
	if g := p.walk(t, updated, 0); len(g.gaps) != 1 || g.complete() {
		t.Errorf("51 of one millisecond on pages of 50: gaps %v", g.gaps)
	}
}

// B2: short pages in the middle are no end.
func TestB2ShortPages(t *testing.T) {
	p := new(platform).room(300)
	p.answer = func(http.ResponseWriter, *http.Request, int) bool {
		p.clamp = 2 + p.calls*7%40
		return false
	}
	p.whole(t)
}

// B2: an empty page in the middle is no end.
func TestB2EmptyPage(t *testing.T) {
	for at := 1; at <= 4; at++ {
		p := new(platform).room(250)
		p.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n == at {
				p.send(w, nil)
			}
			return n == at
		}
		p.whole(t)
	}
}

// B2, B4: a server that gives nothing but empty pages from some call on is not at its end.
func TestB4EmptyForEver(t *testing.T) {
	p := new(platform).room(250)
	p.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
		if n > 2 {
			p.send(w, nil)
		}
		return n > 2
	}
	if g := p.walk(t, updated, 0); g.complete() {
		t.Errorf("end %q, total %+v, gaps %v", g.end, g.total, g.gaps)
	}
}

// B3: an anchor that was edited stands at the top and brings known rows. The walk neither loops nor ends.
func TestB3EditedAnchor(t *testing.T) {
	for edited := 1; edited <= 2; edited++ {
		p := new(platform).room(500)
		p.answer = func(_ http.ResponseWriter, r *http.Request, n int) bool {
			if id := r.URL.Query().Get("beforeMessage"); id != "" && n%3 == 0 && n < 30 {
				for i := range p.rows {
					if p.rows[i].id == id || edited == 2 && i > 0 && p.rows[i-1].id == id {
						p.rows[i].updated = base + 10_000_000 + int64(n)
					}
				}
			}
			return false
		}
		if g := p.walk(t, updated, 0); g.err != nil || g.end == "" || len(g.lacks(p)) > 0 || len(g.gaps) > 0 {
			t.Errorf("error %v, end %q, lost %d, gaps %v", g.err, g.end, len(g.lacks(p)), g.gaps)
		}
	}
}

// B4: an error is an error of its kind, never the end.
func TestB4Errors(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   parlance.ErrorKind
		after  time.Duration
	}{
		"token":             {401, `{"RC":401,"RM":"Unauthorized","error":{"code":"INVALID_TOKEN","message":"x"}}`, parlance.Unauthenticated, 0},
		"client key":        {403, `{"RC":403,"RM":"Forbidden","error":{"code":"INVALID_CLIENT_KEY","message":"x"}}`, parlance.Unauthenticated, 0},
		"member":            {403, `{"RC":403,"RM":"Forbidden","error":{"code":"NOT_ROOM_MEMBER","message":"x"}}`, parlance.Forbidden, 0},
		"room":              {404, `{"RC":404,"RM":"Room not found","error":{"code":"ROOM_NOT_FOUND","message":"x"}}`, parlance.NotFound, 0},
		"flat":              {404, `{"error":"ROOM_NOT_FOUND","message":"x"}`, parlance.NotFound, 0},
		"slow down":         {429, `{"error":"RATE_LIMIT_EXCEEDED","retryAfter":7}`, parlance.Limited, 7 * time.Second},
		"slow down, plain":  {429, `slow down`, parlance.Limited, time.Minute},
		"slow down, in 403": {403, `{"RC":403,"error":"RATE_LIMIT_EXCEEDED","retryAfter":"9"}`, parlance.Limited, 9 * time.Second},
		"HTML":              {200, `<html>`, parlance.Broken, 0},
		"HTML 404":          {404, `<html>`, parlance.Broken, 0},
		"HTML 502":          {502, `<html>`, parlance.Unavailable, 0},
		"B23: RC 401":       {200, `{"RC":401,"RM":"Unauthorized","error":{"code":"INVALID_TOKEN"}}`, parlance.Unauthenticated, 0},
		"B23: RC 429":       {200, `{"RC":429,"RM":"x","error":"RATE_LIMIT_EXCEEDED","retryAfter":3}`, parlance.Limited, 3 * time.Second},
		"B23: RC 500":       {200, `{"RC":500,"RM":"x"}`, parlance.Unavailable, 0},
		"B23: RC 1":         {200, `{"RC":1,"RM":"x","result":{"data":[]}}`, parlance.Broken, 0},
		"B23: error alone":  {200, `{"error":"X","message":"x"}`, parlance.Broken, 0},
		"no rows":           {200, `{"RC":0,"RM":"OK","result":{"totalCount":5}}`, parlance.Broken, 0},
		"null rows":         {200, `{"RC":0,"RM":"OK","result":{"data":null}}`, parlance.Broken, 0},
		"null":              {200, `{"RC":0,"RM":"OK","result":null}`, parlance.Broken, 0},
		"array":             {200, `[]`, parlance.Broken, 0},
		"cut off":           {200, `{"RC":0,"RM":"OK","result":{"data":[`, parlance.Broken, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; at <= 3; at++ {
				p := new(platform).room(150)
				p.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
					if n == at {
						w.WriteHeader(c.status)
						w.Write([]byte(c.body))
					}
					return n == at
				}
				g := p.walk(t, updated, 0)
				if g.end != "" || !errors.Is(g.err, c.want) || parlance.RetryAfter(g.err) != c.after {
					t.Errorf("call %d: %v (%v), after %v; end %q; want %v, %v", at, g.err, parlance.KindOf(g.err), parlance.RetryAfter(g.err), g.end, c.want, c.after)
				}
			}
		})
	}
}

// B6: pages that begin with the oldest message.
func TestB6OldestFirst(t *testing.T) {
	p := (&platform{ascending: true, timeOnly: true}).room(350).tie(240, 260)
	if g := p.whole(t); len(g.findings) != 1 {
		t.Errorf("findings %q", g.findings)
	}
}

// B6: pages in no order at all: the lowest row is the lowest, wherever it stands.
func TestB6Shuffled(t *testing.T) {
	p := new(platform).room(350)
	p.answer = func(w http.ResponseWriter, r *http.Request, n int) bool {
		inner := *p
		inner.answer, inner.calls = nil, 0
		rows := inner.pageOf(r)
		for i := range rows {
			j := (i * 37) % len(rows)
			rows[i], rows[j] = rows[j], rows[i]
		}
		p.send(w, rows)
		return true
	}
	if g := p.whole(t); len(g.findings) == 0 {
		t.Error("no finding")
	}
}

// B17: seconds for milliseconds.
func TestB17Seconds(t *testing.T) {
	p := new(platform).room(120)
	for i := range p.rows {
		r := &p.rows[i]
		r.raw = strings.NewReplacer(fmt.Sprint(r.created), fmt.Sprint(r.created/1000)).Replace(r.json())
	}
	g := p.whole(t)
	if len(g.findings) != 1 || g.pages[0].Top != parlance.Time(p.rows[119].created) {
		t.Errorf("findings %q, top %v", g.findings, g.pages[0].Top)
	}
}

// B17: times that can't be; the rows are given as they are, and the walk passes them.
func TestB17TimesThatCannotBe(t *testing.T) {
	for _, bad := range []string{"5", "-1", "1600000000000000", `"soon"`, "1.5", "1e400", "{}", "9223372036854775808"} {
		p := new(platform).room(250)
		for i := range p.rows {
			if r := &p.rows[i]; i%3 == 0 {
				r.raw = strings.NewReplacer(fmt.Sprint(r.created), bad).Replace(r.json())
			}
		}
		if g := p.whole(t); g.broken == 0 {
			t.Errorf("%s: no item has an error", bad)
		}
	}
}

// B18: ids that look like large numbers stay exact.
func TestB18LongIDs(t *testing.T) {
	p := new(platform)
	for i := range 3 {
		p.rows = append(p.rows, platformRow{id: fmt.Sprintf("90071992547409930%d", i), created: base, updated: base})
	}
	p.whole(t)
}

// An unknown anchor is neither the end nor the room's being gone.
func TestDeletedAnchor(t *testing.T) {
	for _, gone := range []int{1, 2, 40} {
		p := new(platform).room(500)
		deleted := 0
		p.answer = func(_ http.ResponseWriter, r *http.Request, n int) bool {
			id := r.URL.Query().Get("beforeMessage")
			if i := slices.IndexFunc(p.rows, func(x platformRow) bool { return x.id == id }); i > 0 && n%3 == 2 {
				deleted += min(gone, len(p.rows)-i)
				p.rows = slices.Delete(p.rows, i, min(i+gone, len(p.rows)))
			}
			return false
		}
		g := p.walk(t, updated, 0)
		if g.err != nil || g.end == "" || len(g.lacks(p)) > 0 || len(g.gaps) > 0 || deleted == 0 {
			t.Errorf("%d gone: error %v, end %q, lost %d, gaps %v, deleted %d", gone, g.err, g.end, len(g.lacks(p)), g.gaps, deleted)
		}
	}
}

func TestRoomDeletedMeanwhile(t *testing.T) {
	p := new(platform).room(500)
	p.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
		if n > 2 {
			refuse(w, 404, "ROOM_NOT_FOUND")
		}
		return n > 2
	}
	if g := p.walk(t, updated, 0); !errors.Is(g.err, parlance.NotFound) {
		t.Errorf("error %v", g.err)
	}
}

func TestIgnoredAnchor(t *testing.T) {
	p := (&platform{ignores: true, refuses: 100}).room(500)
	g := p.walk(t, updated, 0)
	if g.err != nil || g.end == "" || g.complete() || len(g.gaps) != 1 || len(g.findings) != 1 || g.total.Count != 500 || len(g.ids) != 100 {
		t.Errorf("error %v, end %q, gaps %v, findings %q, %d given", g.err, g.end, g.gaps, g.findings, len(g.ids))
	}
	if p.calls > 40 {
		t.Errorf("%d calls", p.calls)
	}
	(&platform{ignores: true}).room(70).whole(t) // everything is on the newest page
	if g := (&platform{ignores: true, noTotal: true, clamp: 20}).room(70).walk(t, updated, 0); g.complete() {
		t.Error("complete on no evidence")
	}
}

func TestClampedLimit(t *testing.T) {
	for _, clamp := range []int{2, 20, 99} {
		(&platform{clamp: clamp}).room(250).whole(t)
	}
}

// Old messages that were edited stand at the top of a room sorted by update, and where they were in one sorted by creation.
func TestOrders(t *testing.T) {
	for _, byCreated := range []bool{false, true} {
		for _, first := range []parlance.Timeline{parlance.ByCreated, parlance.ByUpdated} {
			p := (&platform{byCreated: byCreated}).room(350)
			for i := 0; i < len(p.rows); i += 9 {
				p.rows[i].updated += 5_000_000
			}
			g := p.walk(t, history.Window{Order: first}, 0)
			want := parlance.ByUpdated
			if byCreated {
				want = parlance.ByCreated
			}
			if lost := g.lacks(p); len(lost) > 0 || !g.complete() || g.pages[0].Order != want {
				t.Errorf("by created %v, taken for %v: lost %d, error %v, order %v", byCreated, first, len(lost), g.err, g.pages[0].Order)
			}
		}
	}
}

// A page that doesn't tell leaves the order open; a later one tells.
func TestOrderFoundLater(t *testing.T) {
	p := new(platform).room(250)
	for i := range 60 { // among the older half, by update
		p.rows[i].updated = p.rows[120].updated - 500 - int64(i)
	}
	g := p.walk(t, history.Window{Order: parlance.ByCreated}, 0)
	if lost := g.lacks(p); len(lost) > 0 || !g.complete() || g.pages[len(g.pages)-1].Order != parlance.ByUpdated {
		t.Errorf("lost %d, error %v, gaps %v", len(lost), g.err, g.gaps)
	}
}

func TestHiddenAndTotals(t *testing.T) {
	p := (&platform{hidden: []string{"m00001", "x"}, extraTotal: 1}).room(5)
	g := p.walk(t, updated, 0)
	if g.err != nil || len(g.gaps) > 0 || g.total.Count != 6 || !g.total.Whole || g.total.Query != "GET /rooms/r/messages/v3" || len(g.total.Hidden) != 2 {
		t.Errorf("error %v, total %+v", g.err, g.total)
	}
	if g.pages[0].Clock.String() != "2023-11-15T00:00:00.000Z" {
		t.Errorf("clock %v", g.pages[0].Clock)
	}
}

// B14: one message dated in the future is given and reported.
func TestB14Future(t *testing.T) {
	p := new(platform).room(5)
	p.rows[4].updated = base * 2
	if g := p.whole(t); len(g.findings) != 1 {
		t.Errorf("findings %q", g.findings)
	}
}

func TestEmptyRoom(t *testing.T) {
	if g := new(platform).walk(t, updated, 0); g.err != nil || g.end == "" {
		t.Errorf("error %v, end %q", g.err, g.end)
	}
	p := &platform{extraTotal: 3}
	if g := p.walk(t, updated, 0); g.end == "" || g.complete() || p.calls != 2 {
		t.Errorf("end %q, total %+v, %d calls", g.end, g.total, p.calls)
	}
}

// A Place is good for ever: even if all that it names is gone.
func TestPlaceWithoutKey(t *testing.T) {
	p := new(platform).room(500)
	first := p.walk(t, updated, 3)
	at := first.pages[2].Low
	for name, key := range map[string]string{"none": "", "no JSON": "{", "unknown": `{"above":[["x",1600000000000,1600000000000]]}`} {
		first.ids = map[string]int{}
		for _, page := range first.pages {
			for _, i := range page.Items {
				first.ids[string(i.Message.ID)]++
			}
		}
		again := *first
		again.read(t, p, history.Window{Below: history.Place{Time: at.Time, Key: key}, Order: parlance.ByUpdated}, 0)
		if again.err != nil || len(again.lacks(p)) > 0 || again.ids["m00499"] != 1 {
			t.Errorf("%s: error %v, lost %d, the newest was given %d times", name, again.err, len(again.lacks(p)), again.ids["m00499"])
		}
	}
}

// pageOf returns the rows that r asks for.
func (p *platform) pageOf(r *http.Request) []platformRow {
	var rows []platformRow
	inner := *p
	inner.answer = nil
	recorder := &rowsOnly{rows: &rows}
	inner.ServeHTTP(recorder, r)
	for i := range rows {
		j := slices.IndexFunc(p.rows, func(x platformRow) bool { return x.id == rows[i].id })
		rows[i] = p.rows[j]
	}
	return rows
}

func drawPlatform(t *rapid.T) *platform {
	p := &platform{
		byCreated: rapid.Bool().Draw(t, "by created"),
		timeOnly:  rapid.Bool().Draw(t, "time only"),
		inclusive: rapid.Bool().Draw(t, "inclusive"),
		ascending: rapid.Bool().Draw(t, "ascending"),
		ignores:   rapid.IntRange(0, 19).Draw(t, "ignores") == 0,
		refuses:   rapid.SampledFrom([]int{0, 0, 100}).Draw(t, "refuses"),
	}
	if rapid.Bool().Draw(t, "clamped") {
		p.clamp = rapid.IntRange(1, 9).Draw(t, "clamp")
	}
	// Without a count, a page of one message proves nothing: the next one may have its time.
	p.noTotal = p.clamp != 1 && rapid.IntRange(0, 3).Draw(t, "no total") == 0
	n := rapid.IntRange(0, 40).Draw(t, "messages")
	if p.clamp == 0 {
		n *= 6
	}
	at := int64(base)
	steps := rapid.SampledFrom([][]int{{0, 1, 1, 1}, {0, 0, 0, 1}, {1, 2}, {0}}).Draw(t, "steps")
	for i := range n {
		at += int64(rapid.SampledFrom(steps).Draw(t, "step"))
		r := platformRow{id: fmt.Sprintf("%02x%d", rapid.IntRange(0, 255).Draw(t, "id"), i), created: at, updated: at}
		if rapid.IntRange(0, 3).Draw(t, "edited") == 0 {
			r.updated += int64(rapid.IntRange(0, 20).Draw(t, "later"))
		}
		p.rows = append(p.rows, r)
	}
	return p
}

// Any room, on a server of any manners: what the walk lost is named by a gap, and without total or gap nothing is lost, or the
// reading fails. Stopped after any page and resumed from its place, it brings the same.
func TestWalkLosesNothingSilently(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlatform(t)
		window := history.Window{Order: rapid.SampledFrom([]parlance.Timeline{parlance.ByCreated, parlance.ByUpdated}).Draw(t, "order")}
		right := parlance.ByUpdated
		if p.byCreated {
			right = parlance.ByCreated
		}
		if p.noTotal { // without a count nobody sees that the order was mistaken
			window.Order = right
		}
		guessed := window.Order == right
		g := &reading{ids: map[string]int{}}
		for stops := 0; g.end == "" && g.err == nil; stops++ {
			pages := rapid.IntRange(0, 3).Draw(t, "pages")
			if stops > 8 {
				pages = 0
			}
			g.read(t, p, window, pages)
			if len(g.pages) > 0 {
				last := g.pages[len(g.pages)-1]
				window = history.Window{Below: last.Low, Order: last.Order}
			}
		}
		if p.noTotal && errors.Is(g.err, parlance.Broken) {
			return // an empty page that doesn't count is no end: the reading fails, which isn't silent
		}
		if g.err != nil {
			t.Fatalf("error %v", g.err)
		}
		for _, r := range g.lacks(p) {
			if !g.named(parlance.Time(p.at(r))) && (p.noTotal || g.total.Count <= len(g.ids)) {
				t.Fatalf("%s of %d was lost in silence; gaps %v", r.id, p.at(r), g.gaps)
			}
		}
		// With few messages on a page, or the order mistaken at first, more gaps are named than there are.
		if guessed && !p.ignores && !p.timeOnly && !p.noTotal && p.clamp == 0 && p.refuses == 0 && !g.complete() {
			t.Fatalf("lost %d, gaps %v, total %v, end %q", len(g.lacks(p)), g.gaps, g.total, g.end)
		}
	})
}
