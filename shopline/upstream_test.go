package shopline_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"parlance"
	"parlance/history"
	"parlance/shopline"
)

// A manner is how an upstream answers where the documentation leaves it a choice, or where it
// errs. The zero manner is our own server's.
type manner struct {
	endInclusive   bool
	startExclusive bool
	clamp          int    // most items of a page; 0: 250
	hidesClamp     bool   // limit in the answer is the asked one
	order          string // "" newest first, "oldest first", "shuffled"
	total          string // "" of the range, "conversation", "page": wrong
	short          bool   // pages have between half and all of what they should
	ignoresEnd     bool
	oldestFirst    bool // the oldest of the range are given, not the newest
}

// A row is a message of an upstream.
type row struct {
	id string
	at parlance.Time
	// raw is the whole item; empty: it is made of the others.
	raw string
}

func (r row) item() string {
	if r.raw != "" {
		return r.raw
	}
	return fmt.Sprintf(`{"id":%q,"platform":"shop_messages","message":{"sender_id":%q,"created_at":%q,"acting_sender_id":null,"is_sent_by_merchant":false,"content":{"text":"text of %s"}}}`,
		r.id, customer, r.at, r.id)
}

// A platform is a small upstream with one conversation, "c".
type platform struct {
	manner manner
	random *rand.Rand

	mu    sync.Mutex
	rows  []row
	calls []*http.Request
	// before, if set, may answer a call in the place of what follows; n counts from 1.
	before func(n int, w http.ResponseWriter, r *http.Request) bool
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, r)
	if p.before != nil && p.before(len(p.calls), w, r) {
		return
	}
	if r.URL.Path != "/v1/conversations/c/messages" || r.URL.Query().Get("platform") != "shop_messages" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	p.messages(w, r)
}

func (p *platform) messages(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	bound := func(name string) parlance.Time {
		t, err := time.Parse(time.RFC3339, q.Get(name))
		if err != nil {
			return 0
		}
		return parlance.TimeOf(t)
	}
	start, end := bound("start"), bound("end")
	if p.manner.ignoresEnd {
		end = 0
	}
	if end != 0 && p.manner.endInclusive {
		end++
	}
	if start != 0 && p.manner.startExclusive {
		start++
	}
	in := slices.DeleteFunc(slices.Clone(p.rows), func(m row) bool { return m.at < start || end != 0 && m.at >= end })
	slices.SortFunc(in, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.id, a.id))
	})
	if p.manner.oldestFirst {
		slices.Reverse(in)
	}
	total := len(in)
	asked, _ := strconv.Atoi(q.Get("limit"))
	limit := min(asked, cmp.Or(p.manner.clamp, 250))
	page := in[:min(limit, len(in))]
	if p.manner.short && len(page) > 1 {
		page = page[:len(page)-p.random.IntN(len(page)/2+1)]
	}
	switch p.manner.order {
	case "oldest first":
		slices.Reverse(page)
	case "shuffled":
		p.random.Shuffle(len(page), func(i, j int) { page[i], page[j] = page[j], page[i] })
	}
	if p.manner.hidesClamp {
		limit = asked
	}
	switch p.manner.total {
	case "conversation":
		total = len(p.rows)
	case "page":
		total = len(page)
	}
	fmt.Fprintf(w, `{"total":%d,"limit":%d,"items":[`, total, limit)
	for i, m := range page {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprint(w, m.item())
	}
	fmt.Fprint(w, `]}`)
}

// serve starts p and returns a source of it. Nobody may call p's source after the test.
func (p *platform) serve(t testing.TB) *shopline.Source {
	t.Helper()
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	return sourceOf(t, srv.URL, "secret-token")
}

func sourceOf(t testing.TB, url, token string) *shopline.Source {
	t.Helper()
	c, err := shopline.NewClient(url, shopline.StaticToken(token), shopline.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return shopline.NewSource(c, shopline.SourceOptions{})
}

// base is when the messages of these tests begin.
const base parlance.Time = 1611493000000

// rowsAt returns messages at these milliseconds above base.
func rowsAt(ms ...int) []row {
	rows := make([]row, len(ms))
	for i, m := range ms {
		rows[i] = row{id: fmt.Sprintf("m%04d", i), at: base + parlance.Time(m)}
	}
	return rows
}

// A walked is what a walk gave.
type walked struct {
	pages    []history.Page
	ids      map[parlance.MessageID]int
	broken   []history.Item
	gaps     []history.Gap
	findings []string
	end      history.Evidence
	err      error
}

// walk reads a stream from a window, and stops before page number stop; 0: never.
func walk(t interface{ Context() context.Context }, s *shopline.Source, window history.Window, stop int) walked {
	got := walked{ids: map[parlance.MessageID]int{}}
	for p, err := range s.Walk(t.Context(), "shop_messages/c", window) {
		if err != nil {
			got.err = err
			break
		}
		got.pages = append(got.pages, p)
		for _, it := range p.Items {
			if it.Err != nil {
				got.broken = append(got.broken, it)
				continue
			}
			got.ids[it.Message.ID]++
		}
		got.gaps = append(got.gaps, p.Gaps...)
		for _, f := range p.Findings {
			got.findings = append(got.findings, f.Text)
		}
		got.end = p.End
		if len(got.pages) == stop {
			break
		}
	}
	return got
}

// missing returns, as a text, what of rows a walk neither gave nor named; empty: nothing.
func (g *walked) missing(rows []row) string {
	var missing []string
	for _, r := range rows {
		named := slices.ContainsFunc(g.gaps, func(gap history.Gap) bool { return gap.From <= r.at && r.at <= gap.To })
		if g.ids[parlance.MessageID(r.id)] == 0 && !named {
			missing = append(missing, r.id)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	b, _ := json.Marshal(missing)
	return string(b)
}

// serveFunc starts a server for a test and returns its address.
func serveFunc(t testing.TB, f http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return srv.URL
}
