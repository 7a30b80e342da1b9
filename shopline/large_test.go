package shopline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"parlance"
	"parlance/shopline"
	"parlance/store"
)

// A page of large messages ends before its bound in bytes, and its limit says how many it holds; a client that goes on with
// the time of its last message reads everything. One that counts pages is refused, and is told what to do.
func TestPagesAreBounded(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	f.client = http.DefaultClient // 40 MB needn't be held against the description
	const size, all = 3_500_000, 25
	ref := f.conversation(parlance.Conversation{ID: "c", Kind: parlance.Shop, Customer: customer})
	for i := range all {
		if _, err := f.store.Put(t.Context(), ref, store.Mirror, parlance.Message{
			ID: parlance.MessageID(fmt.Sprintf("m%02d", i)), Sender: customer, Role: parlance.Customer, Type: parlance.TypeText,
			Text: strings.Repeat("x", size), Sent: parlance.TimeOf(start), Created: parlance.TimeOf(start) + parlance.Time(i), Updated: parlance.TimeOf(start),
		}); err != nil {
			t.Fatal(err)
		}
	}
	const path = "/v1/conversations/c/messages?platform=shop_messages"
	for _, limit := range []int{20, 50, 100} {
		seen := map[parlance.MessageID]bool{}
		pages, end := 0, ""
		for {
			r := f.do("GET", fmt.Sprint(path, "&limit=", limit, end), "")
			var p struct {
				Total, Limit int
				Items        []struct {
					ID      parlance.MessageID
					Message shopline.Body
				}
			}
			if err := json.Unmarshal([]byte(r.body), &p); err != nil || r.status != 200 {
				t.Fatalf("limit %d: status %d, %v", limit, r.status, err)
			}
			if len(p.Items) == 0 {
				break
			}
			pages++
			if len(r.body) > parlance.MaxPage+parlance.MaxMessage || p.Total != all-len(seen) || len(p.Items) < p.Total && p.Limit != len(p.Items) {
				t.Fatalf("limit %d: %d bytes, limit %d, total %d, %d items", limit, len(r.body), p.Limit, p.Total, len(p.Items))
			}
			for _, it := range p.Items {
				if seen[it.ID] {
					t.Errorf("limit %d: %s again", limit, it.ID)
				}
				seen[it.ID] = true
			}
			end = "&end=" + strings.ReplaceAll(p.Items[len(p.Items)-1].Message.CreatedAt, "+", "%2B")
		}
		if len(seen) != all || pages < 3 {
			t.Errorf("limit %d: %d messages on %d pages", limit, len(seen), pages)
		}
		if r := f.do("GET", fmt.Sprint(path, "&page=1&limit=", limit), ""); r.status != 422 || !strings.Contains(r.body, "lower limit") {
			t.Errorf("limit %d, by number: %d %.200s", limit, r.status, r.body)
		}
	}
}

// However many addresses an answer holds, only so many are looked up; the rest stay as they are.
func TestRewritingIsBounded(t *testing.T) {
	asked := 0
	f := newFixture(t, shopline.Options{Rewrite: func(_ context.Context, _ parlance.WorkspaceID, address string) (string, bool) {
		asked++
		return strings.Replace(address, "theirs", "ours", 1), true
	}})
	f.client = http.DefaultClient
	const addresses = 85_000
	var list strings.Builder
	for i := range addresses {
		fmt.Fprintf(&list, `,"https://theirs/%d"`, i)
	}
	item := `{"x":[` + list.String()[1:] + `],"id":"m","platform":"shop_messages","message":{"sender_id":"u","created_at":"2021-01-24T12:56:40.000Z","content":{"text":"a"}}}`
	m, err := shopline.MessageOf([]byte(item))
	if err != nil {
		t.Fatal(err)
	}
	ref := f.conversation(parlance.Conversation{ID: "c", Kind: parlance.Shop, Customer: customer})
	if _, err := f.store.Put(t.Context(), ref, store.Mirror, m); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		asked = 0
		r := f.do("GET", "/v1/conversations/c/messages?platform=shop_messages", "")
		ours := strings.Count(r.body, "https://ours/")
		if r.status != 200 || asked != parlance.MaxRewritten || ours > asked || ours < asked-10 || ours+strings.Count(r.body, "https://theirs/") != addresses {
			t.Errorf("status %d, %d looked up, %d replaced", r.status, asked, ours)
		}
	}
}
