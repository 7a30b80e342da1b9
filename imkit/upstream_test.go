package imkit_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"parlance"
	"parlance/history"
	"parlance/imkit"
	"parlance/internal/upstream"
)

// A platform is an IMKit server of one room, written by hand, whose manners can be chosen. The zero manners are
// those that its documentation leads one to expect.
type platform struct {
	rows []platformRow

	byCreated  bool // sorted and compared by creation
	timeOnly   bool // anchors are compared by time alone
	inclusive  bool // the anchor belongs to the page
	ascending  bool // pages begin with the oldest message
	ignores    bool // anchors are ignored
	clamp      int  // rows of a page at most, whatever is asked for; 0: as asked
	refuses    int  // limits above it are refused; 0: none
	noTotal    bool // no totalCount
	extraTotal int  // that totalCount is too high by
	hidden     []string

	// answer is asked first, with the number of the call, from 1. It returns true if it has answered.
	answer func(w http.ResponseWriter, r *http.Request, n int) bool

	calls   int
	queries []string
}

type platformRow struct {
	id               string
	created, updated int64
	raw              string // in the place of the usual object
}

// at is the row's time in the platform's order.
func (p *platform) at(r platformRow) int64 {
	if p.byCreated {
		return r.created
	}
	return r.updated
}

func (r platformRow) json() string {
	if r.raw != "" {
		return r.raw
	}
	return fmt.Sprintf(`{"_id":%q,"id":%q,"room":"r","sender":{"_id":"ann","nickname":"Ann"},"messageType":"text","message":"text of %s","messageTimeMS":%d,"createdAtMS":%d,"updatedAtMS":%d}`,
		r.id, r.id, r.id, r.created, r.created, r.updated)
}

// compare is the platform's order, newest first.
func (p *platform) compare(a, b platformRow) int {
	return cmp.Or(cmp.Compare(p.at(b), p.at(a)), cmp.Compare(b.id, a.id))
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.calls++
	p.queries = append(p.queries, r.URL.RawQuery)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Date", "Wed, 15 Nov 2023 00:00:00 GMT")
	if p.answer != nil && p.answer(w, r, p.calls) {
		return
	}
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || q.Has("sortOrder") || r.URL.Path != "/rooms/r/messages/v3" {
		refuse(w, 404, "ROOM_NOT_FOUND")
		return
	}
	if p.refuses > 0 && limit > p.refuses {
		refuse(w, 400, "INVALID_PARAMETER")
		return
	}
	if p.clamp > 0 {
		limit = min(limit, p.clamp)
	}
	rows := slices.Clone(p.rows)
	slices.SortFunc(rows, p.compare)
	if id := q.Get("beforeMessage"); id != "" && !p.ignores {
		i := slices.IndexFunc(rows, func(x platformRow) bool { return x.id == id })
		if i < 0 {
			refuse(w, 404, "MESSAGE_NOT_FOUND")
			return
		}
		anchor := rows[i]
		rows = slices.DeleteFunc(rows, func(x platformRow) bool {
			n := p.compare(x, anchor)
			if p.timeOnly {
				n = cmp.Compare(p.at(anchor), p.at(x))
			}
			return n < 0 || n == 0 && !p.inclusive
		})
	}
	if t := q.Get("afterTime"); t != "" {
		since, _ := strconv.ParseInt(t, 10, 64)
		rows = slices.DeleteFunc(rows, func(x platformRow) bool { return x.updated <= since })
	}
	rows = rows[:min(limit, len(rows))]
	if p.ascending {
		slices.Reverse(rows)
	}
	p.send(w, rows)
}

func (p *platform) send(w http.ResponseWriter, rows []platformRow) {
	data := []json.RawMessage{}
	for _, x := range rows {
		data = append(data, json.RawMessage(x.json()))
	}
	result := map[string]any{"data": data, "userDeletedIDs": p.hidden, "inspect": map[string]any{"query": map[string]any{"appID": "SampleApp", "room": "r"}, "tookMS": 5}}
	if !p.noTotal {
		result["totalCount"] = len(p.rows) + p.extraTotal
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"RC": 0, "RM": "OK", "result": result}); err != nil {
		panic(err)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"RC":%d,"RM":"no","error":{"code":%q,"message":"no"}}`, status, code)
}

// base is the time of the oldest row of most rooms here.
const base = 1_600_000_000_000

// room adds n rows, a second apart, each updated when it was created.
func (p *platform) room(n int) *platform {
	for i := range n {
		at := base + int64(i)*1000
		p.rows = append(p.rows, platformRow{id: fmt.Sprintf("m%05d", i), created: at, updated: at})
	}
	return p
}

// tie gives rows from..to the time of row from.
func (p *platform) tie(from, to int) *platform {
	for i := from; i <= to; i++ {
		p.rows[i].created, p.rows[i].updated = p.rows[from].created, p.rows[from].updated
	}
	return p
}

// handlerTransport calls a handler without a network.
type handlerTransport struct{ http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	recorded := httptest.NewRecorder()
	h.ServeHTTP(recorded, r)
	return recorded.Result(), nil
}

// sourceOf returns a source that reads from h.
func sourceOf(t failer, h http.Handler, c imkit.Credentials, rooms ...string) *imkit.Source {
	t.Helper()
	client, err := imkit.NewClient("http://platform.test", c.Provide, upstream.Options{Transport: handlerTransport{h}})
	if err != nil {
		t.Fatal(err)
	}
	return imkit.NewSource(client, rooms...)
}

// A reading is what a walk brought.
type reading struct {
	ids      map[string]int // how often each was given
	broken   int            // items that can't be read
	pages    []history.Page
	gaps     []history.Gap
	findings []string
	total    *history.Total // the last
	end      history.Evidence
	err      error
}

func (g *reading) complete() bool {
	return g.err == nil && g.end != "" && len(g.gaps) == 0 && (g.total == nil || g.total.Count <= len(g.ids))
}

// lacks returns the rows of p that weren't given.
func (g *reading) lacks(p *platform) []platformRow {
	var lost []platformRow
	for _, r := range p.rows {
		if g.ids[r.id] == 0 {
			lost = append(lost, r)
		}
	}
	return lost
}

// tester is what readings need of a test.
type tester interface {
	failer
	Logf(format string, args ...any)
}

// walk reads the room from a place, at most pages pages; 0 is all. It holds each page against what the seam promises.
func (p *platform) walk(t tester, w history.Window, pages int) *reading {
	t.Helper()
	g := &reading{ids: map[string]int{}}
	g.read(t, p, w, pages)
	return g
}

func (g *reading) read(t tester, p *platform, w history.Window, pages int) {
	t.Helper()
	source := sourceOf(t, p, imkit.Credentials{ClientKey: "key", Token: "token"})
	began := p.calls
	last := history.Place{Time: parlance.MaxTime}
	if !w.Below.IsZero() {
		last = w.Below
	}
	for page, err := range source.Walk(contextOf(t), "r", w) {
		if p.calls-began > 60+20*len(p.rows) {
			t.Fatalf("%d calls for %d messages", p.calls-began, len(p.rows))
		}
		if err != nil {
			g.err = err
			return
		}
		fresh := 0
		for _, item := range page.Items {
			if item.Err != nil {
				g.broken++
			}
			if g.ids[string(item.Message.ID)]++; g.ids[string(item.Message.ID)] == 1 {
				fresh++
			}
		}
		if fresh == 0 && page.Low.Time >= last.Time && page.End == "" && w.Below.IsZero() {
			t.Fatalf("a page brings neither a new message nor a lower place: %+v", page.Low)
		}
		last = page.Low
		g.pages = append(g.pages, page)
		g.gaps = append(g.gaps, page.Gaps...)
		for _, f := range page.Findings {
			g.findings = append(g.findings, f.Text)
		}
		if len(page.Totals) > 0 {
			g.total = &page.Totals[len(page.Totals)-1]
		}
		if g.end = page.End; g.end != "" {
			return
		}
		g.promised(t, p, page)
		if pages--; pages == 0 {
			return
		}
	}
	t.Fatal("the walk ended without an end")
}

// promised checks that everything above the page's place has been given, except what gaps name.
func (g *reading) promised(t tester, p *platform, page history.Page) {
	t.Helper()
	if (page.Order == parlance.ByCreated) != p.byCreated {
		return // no page has told the order yet
	}
	for _, r := range g.lacks(p) {
		at := parlance.Time(r.created)
		if page.Order == parlance.ByUpdated {
			at = parlance.Time(r.updated)
		}
		if at > page.Low.Time && !g.named(at) {
			t.Fatalf("after a page that reached %v, %s of %v was not given; gaps %v", page.Low.Time, r.id, at, g.gaps)
		}
	}
}

func (g *reading) named(at parlance.Time) bool {
	return slices.ContainsFunc(g.gaps, func(x history.Gap) bool { return at >= x.From && at <= x.To })
}

// whole is walk for rooms that must be read completely.
func (p *platform) whole(t testing.TB) *reading {
	t.Helper()
	g := p.walk(t, history.Window{Order: parlance.ByUpdated}, 0)
	if lost := g.lacks(p); g.err != nil || len(lost) > 0 || !g.complete() {
		t.Fatalf("lost %d, first %+v; error %v; gaps %v; end %q", len(lost), lost[:min(1, len(lost))], g.err, g.gaps, g.end)
	}
	return g
}

// rowsOnly takes the rows out of an answer.
type rowsOnly struct {
	httptest.ResponseRecorder
	rows *[]platformRow
}

func (w *rowsOnly) Header() http.Header { return http.Header{} }

func (w *rowsOnly) Write(b []byte) (int, error) {
	var e struct {
		Result struct {
			Data []struct {
				ID string `json:"_id"`
			} `json:"data"`
		} `json:"result"`
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return 0, err
	}
	for _, x := range e.Result.Data {
		*w.rows = append(*w.rows, platformRow{id: x.ID})
	}
	return len(b), nil
}
