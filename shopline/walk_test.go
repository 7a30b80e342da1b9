package shopline_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parlance"
	"parlance/shopline"
)

// raw makes a request that must succeed past the validating client.
func (f *fixture) raw(path string) string {
	f.t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Authorization", "Bearer "+f.token)
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, r)
	if w.Code != 200 {
		f.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

func (f *fixture) page(path string, q url.Values) shopline.Page {
	f.t.Helper()
	var p shopline.Page
	if err := json.Unmarshal([]byte(f.raw(path+"?"+q.Encode())), &p); err != nil {
		f.t.Fatal(err)
	}
	return p
}

// TestPagesAgainstModel compares pages of random conversations, ties and all, with a
// plain sorted slice.
func TestPagesAgainstModel(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		id := fmt.Sprintf("c%d", run)
		ref := f.conversation(parlance.Conversation{ID: parlance.ConversationID(id), Kind: parlance.Order, OrderID: id})
		base := parlance.TimeOf(start)
		model := make([]parlance.Message, rapid.IntRange(0, 40).Draw(t, "messages"))
		for i := range model {
			model[i] = said(parlance.MessageID(fmt.Sprintf("m%02d", i)), base+parlance.Time(rapid.IntRange(0, 12).Draw(t, "ms")), "x")
		}
		f.mirror(ref, model...)
		slices.SortFunc(model, func(a, b parlance.Message) int {
			return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
		})

		q := url.Values{"platform": {"order_messages"}}
		bound := func(name string) (parlance.Time, bool) {
			if !rapid.Bool().Draw(t, name+" set") {
				return 0, false
			}
			at := base + parlance.Time(rapid.IntRange(-1, 14).Draw(t, name))
			q.Set(name, at.String())
			return at, true
		}
		from, hasFrom := bound("start")
		to, hasTo := bound("end")
		limit := rapid.IntRange(1, 45).Draw(t, "limit")
		q.Set("limit", fmt.Sprint(limit))
		page := rapid.IntRange(1, 4).Draw(t, "page")
		q.Set("page", fmt.Sprint(page))

		want := slices.DeleteFunc(slices.Clone(model), func(m parlance.Message) bool {
			return hasFrom && m.Created < from || hasTo && m.Created >= to
		})
		total := len(want)
		want = want[min((page-1)*limit, total):]
		want = want[:min(limit, len(want))]
		got := f.page("/v1/conversations/"+id+"/messages", q)
		if got.Total != total || got.Limit != limit || len(got.Items) != len(want) {
			t.Fatalf("%v: total %d, limit %d, %d items; want %d, %d, %d", q, got.Total, got.Limit, len(got.Items), total, limit, len(want))
		}
		for i, it := range got.Items {
			if it.ID != want[i].ID || it.Message.CreatedAt != want[i].Created.String() {
				t.Fatalf("%v: item %d is %s, want %s", q, i, it.ID, want[i].ID)
			}
		}
	})
}

// walkByEnd reads a whole conversation as a client must that pages by time alone: down
// from end, one millisecond above the oldest message of each page, with a larger limit
// where a page lies inside one millisecond.
func walkByEnd(f *fixture, path string, platform shopline.Platform, limit int) map[parlance.MessageID]int {
	f.t.Helper()
	seen := map[parlance.MessageID]int{}
	q := url.Values{"platform": {string(platform)}}
	var end time.Time
	for {
		q.Set("limit", fmt.Sprint(limit))
		p := f.page(path, q)
		if len(p.Items) == 0 {
			return seen
		}
		fresh := false
		oldest := time.Time{}
		for _, it := range p.Items {
			fresh = fresh || seen[it.ID] == 0
			seen[it.ID]++
			t, err := time.Parse(time.RFC3339, it.Message.CreatedAt)
			if err != nil {
				f.t.Fatal(err)
			}
			if oldest.IsZero() || t.Before(oldest) {
				oldest = t
			}
		}
		next := oldest.Add(time.Millisecond)
		switch {
		case len(p.Items) < min(limit, p.Limit) && !fresh:
			return seen
		case len(p.Items) < min(limit, p.Limit):
			next = oldest // a short page: nothing is left at its oldest time
		case !end.IsZero() && !next.Before(end):
			if limit > p.Limit {
				f.t.Fatalf("a tie of more than %d messages can't be walked by time", p.Limit)
			}
			limit *= 2
			continue
		}
		end = next
		q.Set("end", end.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	}
}

// TestWalkTies has five messages in one millisecond and a limit of two: a page has two,
// and the walk all.
func TestWalkTies(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := f.conversation(parlance.Conversation{ID: "ties", Kind: parlance.Shop, Customer: customer})
	when := at(t, "2021-01-24T13:00:00.123Z")
	f.mirror(ref, said("a", when, "1"), said("b", when, "2"), said("c", when, "3"), said("d", when, "4"), said("e", when, "5"))
	p := get[shopline.Page](f, "/v1/conversations/ties/messages?platform=shop_messages&limit=2")
	if p.Total != 5 || p.Limit != 2 || ids(p) != "e d" {
		t.Errorf("total %d, limit %d, items %s", p.Total, p.Limit, ids(p))
	}
	if got := walkByEnd(f, "/v1/conversations/ties/messages", shopline.ShopMessages, 2); len(got) != 5 {
		t.Errorf("walked %v", got)
	}
}

func TestWalkAgainstModel(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		id := parlance.ConversationID(fmt.Sprintf("c%d", run))
		ref := f.conversation(parlance.Conversation{ID: id, Kind: parlance.Room})
		ms := make([]parlance.Message, rapid.IntRange(0, 60).Draw(t, "messages"))
		for i := range ms {
			ms[i] = said(parlance.MessageID(fmt.Sprintf("m%02d", i)), parlance.TimeOf(start)+parlance.Time(rapid.IntRange(0, 20).Draw(t, "ms")), "x")
		}
		f.mirror(ref, ms...)
		got := walkByEnd(f, "/v1/conversations/"+string(id)+"/messages", shopline.ShopMessages, rapid.IntRange(2, 20).Draw(t, "limit"))
		if len(got) != len(ms) {
			t.Fatalf("walked %d of %d messages", len(got), len(ms))
		}
	})
}

// TestWalkOwn walks what was written here by exclusive ends alone, as the simplest client
// does: each message exactly once, however fast they were written.
func TestWalkOwn(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	const n = 30
	for i := range n {
		f.do("POST", "/v1/conversations/message", fmt.Sprintf(`{"sender_id":%q,"recipient_id":%q,"text":"%d"}`, merchant, customer, i))
	}
	id := get[shopline.ConversationPage](f, "/v1/conversations?platform=shop_messages").Items[0].ID
	q := url.Values{"platform": {"shop_messages"}, "limit": {"1"}}
	for i := n - 1; i >= 0; i-- {
		p := f.page("/v1/conversations/"+string(id)+"/messages", q)
		if p.Total != i+1 || len(p.Items) != 1 || p.Items[0].Message.Content.Text != fmt.Sprint(i) {
			t.Fatalf("step %d: %+v", i, p)
		}
		q.Set("end", p.Items[0].Message.CreatedAt)
	}
	if p := f.page("/v1/conversations/"+string(id)+"/messages", q); p.Total != 0 || len(p.Items) != 0 {
		t.Errorf("behind the end: %+v", p)
	}
}
