package fake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"parlance"
)

// history is a request for the newest messages of u's first conversation, and on iMetaStore of all.
func history(u *Upstream, more string) (method, path, body string) {
	u.mu.Lock() // rather than ask for the truth, which is much
	id := u.world.convs[0].id
	u.mu.Unlock()
	switch u.Platform() {
	case parlance.IMKit:
		return http.MethodGet, "/rooms/" + url.PathEscape(id) + "/messages/v3?limit=50" + more, ""
	case parlance.Shopline:
		return http.MethodGet, "/v1/conversations/" + id + "/messages?platform=shop_messages&limit=50" + more, ""
	default:
		return http.MethodPost, "/seller/im/msg", `{"buyerId":null,"minTime":0,"maxTime":4102444800` + more + `}`
	}
}

// A page is the part of an answer that all platforms have.
type page struct {
	items []json.RawMessage
	total int // totalCount, total, msgCnt
	limit int
	raw   imetastoreAnswer
}

// page makes the request of history, which must succeed.
func (r *reader) page(more string) page {
	r.t.Helper()
	_, path, body := history(r.u, more)
	switch r.u.Platform() {
	case parlance.IMKit:
		var a imkitAnswer
		r.get(path, body, &a)
		return page{items: a.Result.Data, total: a.Result.TotalCount}
	case parlance.Shopline:
		var a shoplineAnswer
		r.get(path, body, &a)
		return page{items: a.Items, total: a.Total, limit: a.Limit}
	default:
		var a imetastoreAnswer
		r.get(path, body, &a)
		return page{items: a.Data.MsgList, total: a.Data.MsgCnt, raw: a}
	}
}

// newReader makes an upstream and a reader that is logged in.
func newReader(t *testing.T, o Options) *reader {
	t.Helper()
	r := &reader{t: t, u: newUpstream(t, o)}
	if o.Platform == parlance.IMetaStore {
		for range 3 { // passing faults may hit the login as well
			c := r.u.Credentials()
			_, b, _ := r.send(http.MethodPost, "/seller/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, c.Email, c.Password))
			var out struct{ Data struct{ AccessToken string } }
			if json.Unmarshal(b, &out) == nil {
				r.token = out.Data.AccessToken
			}
		}
	}
	return r
}

// on calls f for each platform that has the fault.
func on(t *testing.T, x Fault, f func(t *testing.T, p parlance.Dialect)) {
	t.Helper()
	for _, p := range platforms {
		if FaultsOf(p).Has(x) {
			t.Run(string(p), func(t *testing.T) {
				t.Parallel()
				f(t, p)
			})
		}
	}
}

// TestPassing checks what each passing fault looks like, and that the same request gets through after two failures.
func TestPassing(t *testing.T) {
	t.Parallel()
	type failure struct {
		resp *http.Response
		body []byte
		err  error
	}
	isJSON := func(f failure) bool { return json.Valid(f.body) && f.err == nil }
	for x, looks := range map[Fault]func(f failure) bool{
		Limited: func(f failure) bool {
			return f.resp.StatusCode == 429 && f.resp.Header.Get("Retry-After") == "1" && isJSON(f)
		},
		LimitedBare: func(f failure) bool {
			return f.resp.StatusCode == 429 && f.resp.Header.Get("Retry-After") == "" && isJSON(f)
		},
		ErrorIn200: func(f failure) bool {
			var e struct {
				RC      int
				Code    string
				Message string
			}
			return f.resp.StatusCode == 200 && json.Unmarshal(f.body, &e) == nil && (e.RC == 500 || e.Code == "10004" || e.Code == "InternalServerError" && e.Message != "")
		},
		HTML: func(f failure) bool {
			return (f.resp.StatusCode == 200 || f.resp.StatusCode == 502) && strings.HasPrefix(string(f.body), "<html>")
		},
		ServerError: func(f failure) bool { return f.resp.StatusCode/100 == 5 && isJSON(f) },
		Cut: func(f failure) bool {
			return f.resp.StatusCode == 200 && errors.Is(f.err, io.ErrUnexpectedEOF) && int64(len(f.body)) < f.resp.ContentLength
		},
	} {
		on(t, x, func(t *testing.T, p parlance.Dialect) {
			r := newReader(t, Options{Platform: p, Faults: Faults{x}, Every: 1})
			served := func() int {
				n := 0
				for _, c := range r.u.Truth().Conversations {
					for _, m := range c.Messages {
						if m.Served != nil {
							n++
						}
					}
				}
				return n
			}
			method, path, body := history(r.u, "")
			for i := range 2 {
				var f failure
				f.resp, f.body, f.err = r.send(method, path, body)
				if !looks(f) {
					t.Fatalf("%s, failure %d: status %d, %v: %s", x, i, f.resp.StatusCode, f.err, f.body)
				}
			}
			if n := served(); n != 0 {
				t.Errorf("%s: %d messages count as served after failures only", x, n)
			}
			if n := len(r.page("").items); n == 0 || n != served() {
				t.Errorf("%s: a page of %d, %d count as served", x, n, served())
			}
			if resp, _, _ := r.send(method, path, body); x != Cut && x != HTML && x != ErrorIn200 && resp.StatusCode == 200 {
				t.Errorf("%s doesn't strike again", x)
			}
			r.u.Calm()
			r.page("")
		})
	}
}

// TestDeadToken checks that a token dies, for good, and what works then.
func TestDeadToken(t *testing.T) {
	t.Parallel()
	on(t, DeadToken, func(t *testing.T, p parlance.Dialect) {
		deaths := 1
		if p == parlance.IMetaStore {
			deaths = 3
		}
		r := newReader(t, Options{Platform: p, Seed: 3, Faults: Faults{DeadToken}})
		method, path, body := history(r.u, "")
		died := 0
		for range 100 {
			resp, b, _ := r.send(method, path, body)
			if resp.StatusCode == http.StatusOK {
				continue
			}
			if resp.StatusCode != http.StatusUnauthorized || !json.Valid(b) {
				t.Fatalf("status %d: %s", resp.StatusCode, b)
			}
			died++
			if p == parlance.IMetaStore {
				if resp, _, _ := r.send(method, path, body); resp.StatusCode != http.StatusUnauthorized {
					t.Error("the dead token works again")
				}
				r.login()
			}
		}
		if died != deaths {
			t.Errorf("tokens died %d times, want %d", died, deaths)
		}
	})
}

// TestCredentials checks that nothing but the credentials opens the door.
func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, p := range platforms {
		u := newUpstream(t, Options{Platform: p})
		method, path, body := history(u, "")
		for name, value := range map[string]string{"": "", "IM-Authorization": u.Credentials().Token, "Authorization": "Bearer wrong", "IM-API-KEY": "wrong"} {
			req := httptest.NewRequest(method, base+path, strings.NewReader(body))
			if name != "" {
				req.Header.Set(name, value)
			}
			resp, err := u.Transport().RoundTrip(req)
			if err != nil || resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s, %s %q: status %v, %v", p, name, value, resp.StatusCode, err)
			}
		}
	}
	u := newUpstream(t, Options{Platform: parlance.IMKit})
	req := httptest.NewRequest(http.MethodGet, base+"/rooms", nil)
	req.Header.Set("IM-API-KEY", u.Credentials().APIKey)
	if resp, err := u.Transport().RoundTrip(req); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the API key: status %d, %v", resp.StatusCode, err)
	}
}

// groups returns how many messages share each time.
func groups(c Conversation) map[parlance.Time]int {
	n := map[parlance.Time]int{}
	for _, m := range c.Messages {
		n[m.Created]++
	}
	return n
}

// most returns the largest number in m.
func most(m map[parlance.Time]int) (n int) {
	for _, x := range m {
		n = max(n, x)
	}
	return n
}

// TestTies checks which messages share a time, and that none do without the fault.
func TestTies(t *testing.T) {
	t.Parallel()
	on(t, Ties, func(t *testing.T, p parlance.Dialect) {
		for seed := range uint64(10) {
			for _, c := range newUpstream(t, Options{Platform: p, Seed: seed}).Truth().Conversations {
				if most(groups(c)) > 1 {
					t.Error("messages share a time without a fault")
				}
			}
			const page = 12
			for _, c := range newUpstream(t, Options{Platform: p, Seed: seed, Page: page, Faults: Faults{Ties}}).Truth().Conversations {
				if n := most(groups(c)); n < 2 || n > 5 {
					t.Errorf("at most %d messages share a time", n)
				}
				for i := len(c.Messages) - page; i > 0; i -= page {
					if c.Messages[i].Created != c.Messages[i-1].Created {
						t.Errorf("no tie across the page's edge at %d of %d", i, len(c.Messages))
					}
				}
			}
			flooded := newUpstream(t, Options{Platform: p, Seed: seed, Messages: 9, Page: page, Faults: Faults{TieFlood}}).Truth().Conversations
			if n := most(groups(flooded[0])); n != page*3/2 {
				t.Errorf("a flood of %d", n)
			}
		}
	})
}

// TestPages checks the faults that lie in how pages are made.
func TestPages(t *testing.T) {
	t.Parallel()
	ids := func(t *testing.T, p page) (ids []string) {
		for _, it := range p.items {
			ids = append(ids, idOf(t, it))
		}
		return ids
	}
	open := func(t *testing.T, p parlance.Dialect, faults ...Fault) *reader {
		return newReader(t, Options{Platform: p, Seed: 5, Messages: 300, Faults: faults})
	}
	full := map[parlance.Dialect]int{parlance.IMKit: 50, parlance.Shopline: 50, parlance.IMetaStore: 100}
	tests := map[Fault]func(t *testing.T, p parlance.Dialect){
		ShortPages: func(t *testing.T, p parlance.Dialect) {
			r := open(t, p, ShortPages)
			short := 0
			for range 20 {
				n := len(r.page("").items)
				if n > full[p] || n < full[p]/2 {
					t.Errorf("a page of %d", n)
				}
				if n < full[p] {
					short++
				}
			}
			if short == 0 {
				t.Error("no page is short")
			}
		},
		Clamp: func(t *testing.T, p parlance.Dialect) {
			if got := open(t, p, Clamp).page(""); len(got.items) > 10 || got.limit != len(got.items) {
				t.Errorf("a page of %d, limit %d", len(got.items), got.limit)
			}
		},
		ClampSilent: func(t *testing.T, p parlance.Dialect) {
			if got := open(t, p, ClampSilent).page(""); len(got.items) > 10 || p == parlance.Shopline && got.limit != 50 {
				t.Errorf("a page of %d, limit %d", len(got.items), got.limit)
			}
		},
		OrderAsc: func(t *testing.T, p parlance.Dialect) {
			want, got := open(t, p).page("").items, open(t, p, OrderAsc).page("").items
			slices.Reverse(got)
			if !slices.EqualFunc(want, got, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
				t.Error("the page isn't the usual one in reverse")
			}
		},
		IgnoreAnchor: func(t *testing.T, p parlance.Dialect) {
			for _, faults := range []Faults{nil, {IgnoreAnchor}} {
				r := open(t, p, faults...)
				first := r.page("")
				more := ""
				switch last := first.items[len(first.items)-1]; p {
				case parlance.IMKit:
					more = "&beforeMessage=" + idOf(t, last)
				case parlance.Shopline:
					more = "&end=" + createdOf(t, last)
				default:
					more = `,"lastMsgKey":` + strconv.Quote(first.raw.Data.LastMsgKey)
				}
				second := r.page(more)
				if same := string(first.items[0]) == string(second.items[0]); same != (faults != nil) {
					t.Errorf("faults %q: the same page again: %v", faults, same)
				}
			}
		},
		TotalWrong: func(t *testing.T, p parlance.Dialect) {
			right, wrong := open(t, p).page(""), open(t, p, TotalWrong)
			first, again := wrong.page("").total, wrong.page("").total
			if d := first - right.total; d == 0 || d < -2 || d > 3 || first != again {
				t.Errorf("a total of %d, then %d, where %d are", first, again, right.total)
			}
		},
		AnchorInclusive: func(t *testing.T, p parlance.Dialect) {
			for _, faults := range []Faults{nil, {AnchorInclusive}} {
				r := open(t, p, faults...)
				first := ids(t, r.page(""))
				anchor := first[len(first)-1]
				if second := ids(t, r.page("&beforeMessage="+anchor)); (second[0] == anchor) != (faults != nil) {
					t.Errorf("faults %q: the page of %s begins with %s", faults, anchor, second[0])
				}
			}
		},
		AnchorByTime: func(t *testing.T, p parlance.Dialect) {
			r := open(t, p, Ties, AnchorByTime, OrderCreated)
			held := r.u.Truth().Conversations[0].Messages
			for i := len(held) - 1; i > 0; i-- {
				if held[i].Created != held[i-1].Created {
					continue
				}
				if second := ids(t, r.page("&beforeMessage="+held[i].ID)); second[0] == held[i-1].ID {
					t.Error("what shares the anchor's time is on the next page")
				}
				return
			}
			t.Error("no ties")
		},
		OrderCreated: func(t *testing.T, p parlance.Dialect) {
			for _, faults := range []Faults{nil, {OrderCreated}} {
				if ordered := slices.IsSortedFunc(ids(t, open(t, p, faults...).page("")), func(a, b string) int { return strings.Compare(b, a) }); ordered != (faults != nil) {
					t.Errorf("faults %q: ordered by creation: %v", faults, ordered)
				}
			}
		},
		EndInclusive: func(t *testing.T, p parlance.Dialect) {
			for _, faults := range []Faults{nil, {EndInclusive}} {
				r := open(t, p, faults...)
				first := r.page("")
				if again := r.page("&end=" + createdOf(t, first.items[9])); (string(again.items[0]) == string(first.items[9])) != (faults != nil) {
					t.Errorf("faults %q: the page of end begins with %s", faults, again.items[0])
				}
			}
		},
		StartExclusive: func(t *testing.T, p parlance.Dialect) {
			counts := [2]int{}
			for i, faults := range []Faults{nil, {StartExclusive}} {
				r := open(t, p, faults...)
				switch first := r.page(""); p {
				case parlance.Shopline:
					counts[i] = len(r.page("&start=" + createdOf(t, first.items[9])).items)
				default:
					counts[i] = len(r.page(fmt.Sprintf(`,"minTime":%d`, first.raw.Data.LastMsgTime/1000)).items)
				}
			}
			if counts[0] != counts[1]+1 {
				t.Errorf("from a message's own time: %d messages, with the fault %d", counts[0], counts[1])
			}
		},
		Seconds: func(t *testing.T, p parlance.Dialect) {
			got := open(t, p, Seconds).page("")
			var it struct{ CreatedAtMS, UpdatedAtMS int64 }
			if p == parlance.IMKit {
				if err := json.Unmarshal(got.items[0], &it); err != nil || it.CreatedAtMS > 1e10 || it.UpdatedAtMS > 1e10 {
					t.Errorf("%v, %+v", err, it)
				}
			} else if got.raw.Data.LastMsgTime > 1e10 {
				t.Errorf("lastMsgTime %d", got.raw.Data.LastMsgTime)
			}
		},
		Millis: func(t *testing.T, p parlance.Dialect) {
			r := open(t, p, Millis)
			first := r.page("")
			at, key := first.raw.Data.LastMsgTime, strconv.Quote(first.raw.Data.LastMsgKey)
			if got := r.page(fmt.Sprintf(`,"maxTime":%d,"lastMsgKey":%s`, at/1000, key)); len(got.items) != 0 || got.raw.Data.Complete != 1 {
				t.Errorf("seconds get %d messages, complete %d", len(got.items), got.raw.Data.Complete)
			}
			if got := r.page(fmt.Sprintf(`,"maxTime":%d,"lastMsgKey":%s`, at, key)); len(got.items) != 100 {
				t.Errorf("milliseconds get %d messages", len(got.items))
			}
		},
		NullRefused: func(t *testing.T, p parlance.Dialect) {
			r := open(t, p, NullRefused)
			if resp, b, _ := r.send(history(r.u, "")); resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(b), `"code":"10002"`) {
				t.Errorf("status %d: %s", resp.StatusCode, b)
			}
			if got := r.page(`,"buyerId":` + r.u.Truth().Conversations[0].ID); len(got.items) == 0 {
				t.Error("a buyer gets nothing")
			}
		},
	}
	for x, test := range tests {
		t.Run(string(x), func(t *testing.T) { on(t, x, test) })
	}
}

// TestBadItem checks that one message is nonsense, on the wire too, and none else.
func TestBadItem(t *testing.T) {
	t.Parallel()
	on(t, BadItem, func(t *testing.T, p parlance.Dialect) {
		kinds := map[string]bool{}
		for seed := range uint64(20) {
			r := newReader(t, Options{Platform: p, Seed: seed, Messages: 20, Conversations: 1, Faults: Faults{BadItem}})
			r.page("")
			bad := 0
			for _, m := range r.u.Truth().Conversations[0].Messages {
				if m.Bad {
					bad++
					kinds[string(m.Raw[:9])] = true
					if string(m.Raw) != string(m.Served) {
						t.Errorf("served %s, holds %s", m.Served, m.Raw)
					}
				}
			}
			if bad != 1 {
				t.Errorf("%d messages are nonsense", bad)
			}
		}
		if len(kinds) < 3 {
			t.Errorf("all nonsense is of %d kinds", len(kinds))
		}
	})
}

// TestClockAhead checks that the newest message, and only that, is dated ten years ahead.
func TestClockAhead(t *testing.T) {
	t.Parallel()
	on(t, ClockAhead, func(t *testing.T, p parlance.Dialect) {
		ahead := 0
		for _, c := range newUpstream(t, Options{Platform: p, Faults: Faults{ClockAhead}}).Truth().Conversations {
			for _, m := range c.Messages {
				if m.Created > Epoch+9*365*24*3600*second {
					ahead++
				} else if m.Created > Epoch {
					t.Errorf("a message of %s", m.Created)
				}
			}
		}
		if ahead != 1 {
			t.Errorf("%d messages are dated ahead", ahead)
		}
	})
}

// TestGone checks that a conversation answers 404 from the third read on, and what is then known of it.
func TestGone(t *testing.T) {
	t.Parallel()
	on(t, Gone, func(t *testing.T, p parlance.Dialect) {
		r := newReader(t, Options{Platform: p, Conversations: 1, Faults: Faults{Gone}})
		held := r.u.Truth().Messages
		method, path, body := history(r.u, "")
		for i := range 4 {
			want := http.StatusOK
			if i >= 2 {
				want = http.StatusNotFound
			}
			if resp, b, _ := r.send(method, path, body); resp.StatusCode != want || !json.Valid(b) {
				t.Errorf("read %d: status %d: %s", i, resp.StatusCode, b)
			}
		}
		c := r.u.Truth().Conversations[0]
		served := 0
		for _, m := range c.Vanished {
			if m.Served != nil {
				served++
			}
		}
		if !c.Gone || len(c.Messages) != 0 || len(c.Vanished) != held || served != 50 {
			t.Errorf("gone %v, holds %d, once held %d of which %d were served", c.Gone, len(c.Messages), len(c.Vanished), served)
		}
	})
}

// TestChanges checks that what changes between requests shows in the truth and on the wire, that nothing changes without
// the fault or after Calm, and that the read after it is what is held.
func TestChanges(t *testing.T) {
	t.Parallel()
	held := func(u *Upstream) map[string]Message {
		all := map[string]Message{}
		for _, c := range u.Truth().Conversations {
			for _, m := range c.Messages {
				all[fmt.Sprint(m.ID, m.Identity)] = m
			}
		}
		return all
	}
	for x, changed := range map[Fault]func(p parlance.Dialect, before, after Message) bool{
		Arrivals: func(p parlance.Dialect, before, after Message) bool {
			return before.Raw == nil && after.Created > Epoch
		},
		Late: func(p parlance.Dialect, before, after Message) bool {
			return before.Raw == nil && after.Created < Epoch-60_000 && after.Created > Epoch-60_000-5*60_000
		},
		LateDeep: func(p parlance.Dialect, before, after Message) bool {
			return before.Raw == nil && after.Created < Epoch
		},
		Edits: func(p parlance.Dialect, before, after Message) bool {
			return before.Raw != nil && after.Raw != nil && string(before.Raw) != string(after.Raw) && (after.Updated > Epoch) && after.State == parlance.Live
		},
		Recalls: func(p parlance.Dialect, before, after Message) bool {
			return before.State == parlance.Live && after.State == parlance.Recalled && len(before.Raw) > 0
		},
		Deletes: func(p parlance.Dialect, before, after Message) bool { return after.Raw == nil },
	} {
		on(t, x, func(t *testing.T, p parlance.Dialect) {
			r := newReader(t, Options{Platform: p, Seed: 8, Messages: 120, Faults: Faults{x}, Every: 3})
			r.u.Truth()
			if p != parlance.IMetaStore {
				r.page("") // so that addresses are those of this host
			} else {
				r.login()
			}
			before := held(r.u)
			for range 40 {
				r.page("")
			}
			r.u.Step()
			r.u.Calm()
			after := held(r.u)
			different := 0
			for id := range before {
				if string(before[id].Raw) != string(after[id].Raw) {
					different++
					if !changed(p, before[id], after[id]) {
						t.Errorf("%s: %s became %s", x, before[id].Raw, after[id].Raw)
					}
				}
			}
			for id := range after {
				if _, ok := before[id]; !ok {
					different++
					if !changed(p, Message{}, after[id]) {
						t.Errorf("%s: there is now %s of %s", x, after[id].Raw, after[id].Created)
					}
				}
			}
			if different < 3 {
				t.Errorf("%s: %d messages changed", x, different)
			}
			checkAll(t, r.u, r.all(50))
		})
	}
}

// TestAttachments checks that files are served with what the truth says, and how links fail.
func TestAttachments(t *testing.T) {
	t.Parallel()
	for _, faults := range []Faults{nil, {Attachment404}, {AttachmentDead}} {
		for _, p := range platforms {
			r := newReader(t, Options{Platform: p, Faults: faults, Messages: 150})
			r.all(100)
			statuses := map[int]int{}
			for _, c := range r.u.Truth().Conversations {
				for _, m := range c.Messages {
					if m.File == nil {
						continue
					}
					if !strings.Contains(strings.ReplaceAll(string(m.Raw), `\/`, "/"), m.File.URL) {
						t.Errorf("%s: %s isn't in %s", p, m.File.URL, m.Raw)
					}
					resp, b, err := r.send(http.MethodGet, strings.TrimPrefix(m.File.URL, base), "")
					statuses[resp.StatusCode]++
					if resp.StatusCode == http.StatusOK && string(b) != string(m.File.Body) || err != nil {
						t.Errorf("%s: %s has %q, %v", p, m.File.URL, b, err)
					}
					if m.File.Missing != (resp.StatusCode == http.StatusNotFound) {
						t.Errorf("%s: %s: missing %v, status %d", p, m.File.URL, m.File.Missing, resp.StatusCode)
					}
				}
			}
			for range 60 {
				r.page("")
			}
			for _, c := range r.u.Truth().Conversations {
				for _, m := range c.Messages {
					if m.File != nil && faults.Has(AttachmentDead) {
						resp, _, _ := r.send(http.MethodGet, strings.TrimPrefix(m.File.URL, base), "")
						if resp.StatusCode != http.StatusForbidden {
							t.Errorf("%s: a dead link has status %d", p, resp.StatusCode)
						}
					}
				}
			}
			if n := statuses[http.StatusNotFound]; statuses[http.StatusOK] == 0 && !faults.Has(AttachmentDead) || n == 0 == faults.Has(Attachment404) {
				t.Errorf("%s, %q: %v", p, faults, statuses)
			}
		}
	}
}

// script makes a fixed sequence of requests and returns all that was answered.
func script(t *testing.T, o Options) string {
	t.Helper()
	r := newReader(t, o)
	var all strings.Builder
	for i := range 60 {
		method, path, body := history(r.u, "")
		switch {
		case i%7 == 3 && o.Platform == parlance.IMKit:
			path = "/rooms"
		case i%7 == 3 && o.Platform == parlance.Shopline:
			path = "/v1/conversations?platform=order_messages"
		}
		resp, b, err := r.send(method, path, body)
		fmt.Fprintln(&all, resp.StatusCode, resp.Header, string(b), err)
	}
	truth, err := json.Marshal(r.u.Truth())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&all, "%s %v", truth, r.u.Calls())
	return all.String()
}

// TestDeterminism checks that the same requests get the same bytes, with all faults at once, and others with another seed.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	for _, p := range platforms {
		faults := slices.DeleteFunc(FaultsOf(p), func(x Fault) bool { return x == Millis || x == DeadToken })
		o := Options{Platform: p, Seed: 77, Faults: faults, Conversations: 6}
		first := script(t, o)
		if again := script(t, o); first != again {
			t.Errorf("%s: the same seed gives other bytes", p)
		}
		o.Seed++
		if other := script(t, o); first == other {
			t.Errorf("%s: another seed gives the same bytes", p)
		}
	}
}

// TestNetwork reads through a real server, several at once, and has a connection cut there.
func TestNetwork(t *testing.T) {
	t.Parallel()
	for _, p := range platforms {
		r := newReader(t, Options{Platform: p, Faults: Faults{Cut, Edits, Late}, Every: 2})
		s := httptest.NewServer(r.u)
		t.Cleanup(s.Close)
		method, path, body := history(r.u, "")
		cuts, whole := 0, 0
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 10 {
					req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					req.Header.Set("IM-CLIENT-KEY", r.u.Credentials().ClientKey)
					req.Header.Set("IM-Authorization", r.u.Credentials().Token)
					req.Header.Set("Authorization", "Bearer "+r.u.Credentials().Token+r.token)
					resp, err := http.DefaultClient.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					b, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					mu.Lock()
					switch {
					case errors.Is(err, io.ErrUnexpectedEOF):
						cuts++
					case err == nil && resp.StatusCode == http.StatusOK && json.Valid(b):
						whole++
						if strings.Contains(string(b), "http://fake.invalid") {
							t.Error("an address isn't of this server")
						}
					default:
						t.Errorf("status %d, %v: %s", resp.StatusCode, err, b)
					}
					mu.Unlock()
					r.u.Truth()
				}
			})
		}
		wg.Wait()
		if cuts == 0 || whole == 0 {
			t.Errorf("%s: %d answers were cut, %d whole", p, cuts, whole)
		}
	}
}

// TestLines serves conversations of our own form on each platform.
func TestLines(t *testing.T) {
	t.Parallel()
	const lines = `{"conversation":"c1","conversation_kind":"shop","title":"A","id":"m1","sender":"cust","sender_name":"C","sender_role":"customer","sent_at":"2031-01-02T03:04:05.678Z","type":"text","text":"é </script>","edited_at":null,"deleted":false,"reactions":[{"emoji":"👍","senders":["shop"]}],"reply_to":null,"synthetic":[],"seq":0}
{"conversation":"c1","conversation_kind":"shop","title":"A","id":"m2","sender":"shop","sender_name":"S","sender_role":"merchant","sent_at":"2031-01-02T03:04:06.000Z","type":"image","text":"","edited_at":null,"deleted":false,"reactions":[],"reply_to":"m1","synthetic":[],"seq":1,"attachments":[{"type":"image","url":"https://elsewhere.example/a.png","name":"a.png"}]}
{"conversation":"c1","conversation_kind":"shop","title":"A","id":"m3","sender":"shop","sender_name":"S","sender_role":"merchant","sent_at":"2031-01-02T03:04:07.000Z","type":"image","text":"no file","edited_at":null,"deleted":false,"reactions":[],"reply_to":"m1","synthetic":[],"seq":2}
{"conversation":"c1","conversation_kind":"shop","title":"A","id":"m4","sender":"shop","sender_name":"S","sender_role":"merchant","sent_at":"2031-01-02T03:04:08.000Z","type":"text","text":"deleted","edited_at":null,"deleted":true,"reactions":[],"reply_to":null,"synthetic":[],"seq":3}
`
	for _, p := range platforms {
		r := newReader(t, Options{Platform: p, Lines: strings.NewReader(lines)})
		got := r.all(2)
		checkAll(t, r.u, got)
		truth := r.u.Truth()
		if len(truth.Conversations) != 1 || truth.Messages != 3 || len(truth.Conversations[0].Vanished) != 1 {
			t.Fatalf("%s: %+v", p, truth)
		}
		held := truth.Conversations[0].Messages
		if !strings.Contains(string(held[0].Raw), "é </script>") {
			t.Errorf("%s: %s", p, held[0].Raw)
		}
		if held[1].File == nil || !strings.HasPrefix(held[1].File.URL, base) || held[1].File.Name != "a.png" {
			t.Errorf("%s: %+v", p, held[1].File)
		}
	}
	if _, err := New(Options{Platform: parlance.IMKit, Lines: strings.NewReader(lines + "{}")}); !errors.Is(err, parlance.Invalid) || !strings.Contains(err.Error(), "line 5") {
		t.Errorf("a bad line: %v", err)
	}
}

// TestFaults checks the names of faults, and that the page for our users has each.
func TestFaults(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/fake.md")
	if err != nil {
		t.Fatal(err)
	}
	var all Faults
	for _, d := range Descriptions() {
		all = append(all, d.Fault)
		row := fmt.Sprintf("| `%s` | ", d.Fault)
		if !strings.Contains(string(text), "\n"+row) {
			t.Errorf("docs/fake.md lacks %s", d.Fault)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, row) && (!strings.Contains(line, d.Text) || !strings.Contains(line, string(d.Manner)) || !strings.Contains(line, d.Costs)) {
				t.Errorf("docs/fake.md says of %s: %s", d.Fault, line)
			}
		}
	}
	if got, err := ParseFaults(" " + all.String() + ",ties,"); err != nil || !slices.Equal(got, all) {
		t.Errorf("%v, %v", got, err)
	}
	for _, o := range []Options{
		{},
		{Platform: "line"},
		{Platform: parlance.IMKit, Page: -1},
		{Platform: parlance.IMKit, Faults: Faults{NullRefused}},
		{Platform: parlance.IMetaStore, Faults: Faults{Seconds, Millis}},
	} {
		if _, err := New(o); !errors.Is(err, parlance.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := ParseFaults("ties,tyes"); !errors.Is(err, parlance.Invalid) {
		t.Errorf("a fault that isn't one: %v", err)
	}
}

// BenchmarkRun reads 200 messages through pages of 20, without a network.
func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		u, err := New(Options{Platform: parlance.Shopline, Page: 20})
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range u.Truth().Conversations {
			platform := "shop_messages"
			if c.Kind == parlance.Order {
				platform = "order_messages"
			}
			for range (len(c.Messages) + 19) / 20 {
				r := httptest.NewRequest(http.MethodGet, "/v1/conversations/"+c.ID+"/messages?limit=20&platform="+platform, nil)
				r.Header.Set("Authorization", "Bearer "+u.Credentials().Token)
				resp, err := u.Transport().RoundTrip(r)
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(err)
				}
			}
		}
	}
}
