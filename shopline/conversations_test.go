package shopline_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"parlance"
	"parlance/shopline"
)

func TestConversationsExactly(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	const buyer = "622090c67895b5731f2c53c5"
	order := f.conversation(parlance.Conversation{ID: "622090c66775a37b9fa60799", Kind: parlance.Order, Customer: buyer, OrderID: "5d8c8b3be388095d25acbc89", OrderNumber: "2019052707260498"})
	hello := said("600ac08191f6530044eaad8a", at(t, "2021-01-25T09:39:35.167Z"), "hello")
	hello.Sender = buyer
	f.mirror(order, hello)

	picture := said("p", at(t, "2021-01-24T09:00:00Z"), "")
	picture.Type = parlance.TypeImage
	picture.Attachments = []parlance.Attachment{{Type: parlance.TypeImage, URL: "https://img.example/a.png"}}
	f.mirror(f.conversation(parlance.Conversation{ID: "shop", Kind: parlance.Shop, Customer: customer}), picture)
	direct := f.conversation(parlance.Conversation{ID: "direct", Kind: parlance.Direct, Created: at(t, "2021-01-23T00:00:00Z")})
	if err := f.store.AddMembers(t.Context(), direct, parlance.Member{Account: "agent", Role: parlance.Agent}, parlance.Member{Account: "guest", Role: parlance.Customer}); err != nil {
		t.Fatal(err)
	}
	f.conversation(parlance.Conversation{ID: "room", Kind: parlance.Room, Created: at(t, "2021-01-22T00:00:00Z")})
	if err := f.store.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}

	pagination := func(total, pages int) string {
		return fmt.Sprintf(`{"pagination":{"current_page":1,"per_page":24,"total_pages":%d,"total_count":%d},"items":[`, pages, total)
	}
	shop := `{"id":"shop","type":"shop_messages","customer_id":"` + customer + `","last_message":{"id":"p","sender_id":"` + customer + `","sender_type":"User","created_at":"2021-01-24T09:00:00.000Z","value":"https://img.example/a.png","type":"image"}}`
	for query, want := range map[string]string{
		// The platform's own example.
		"platform=order_messages": pagination(1, 1) + `{"id":"622090c66775a37b9fa60799","type":"order_messages","customer_id":"622090c67895b5731f2c53c5",` +
			`"order_number":"2019052707260498","system_order_number":"2019052707260498","merchant_order_number":null,"order_id":"5d8c8b3be388095d25acbc89",` +
			`"last_message":{"id":"600ac08191f6530044eaad8a","sender_id":"622090c67895b5731f2c53c5","sender_type":"User","created_at":"2021-01-25T09:39:35.167Z","value":"hello","type":"text"}}]}`,
		"platform=shop_messages": pagination(3, 1) + shop +
			`,{"id":"direct","type":"shop_messages","customer_id":"guest"},{"id":"room","type":"shop_messages"}]}`,
		"platform=shop_messages&customer_id=" + customer:         pagination(1, 1) + shop + `]}`,
		"platform=order_messages&customer_id=" + customer:        pagination(0, 0) + `]}`,
		"platform=shop_messages&customer_id=guest":               pagination(1, 1) + `{"id":"direct","type":"shop_messages","customer_id":"guest"}]}`,
		"platform=shop_messages&customer_id=agent":               pagination(0, 0) + `]}`,
		"platform=shop_messages&customer_id=" + merchant:         pagination(0, 0) + `]}`,
		"platform=shop_messages&customer_id=nobody":              pagination(0, 0) + `]}`,
		"platform=return_order_messages":                         pagination(0, 0) + `]}`,
		"platform=return_order_messages&customer_id=" + customer: pagination(0, 0) + `]}`,
	} {
		if r := f.do("GET", "/v1/conversations?"+query, ""); r.status != 200 || r.body != want {
			t.Errorf("%s: %d\ngot  %s\nwant %s", query, r.status, r.body, want)
		}
	}
}

func TestConversationsRefused(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	for query, want := range map[string]string{
		"":                                     "platform is required: shop_messages, order_messages, return_order_messages",
		"?page=1&per_page=50&sort_by=desc":     "platform is required: shop_messages, order_messages, return_order_messages",
		"?platform=messages":                   "platform is invalid: want shop_messages, order_messages or return_order_messages",
		"?platform=shop_messages&page=0":       "page is invalid: want an integer of at least 1",
		"?platform=shop_messages&page=first":   "page is invalid: want an integer",
		"?platform=shop_messages&per_page=all": "per_page is invalid: want an integer",
		"?platform=shop_messages&customer_id=": "customer_id is empty",
	} {
		r := f.do("GET", "/v1/conversations"+query, "")
		body, err := json.Marshal(shopline.Problem{Message: want, Error: want, Code: "UnprocessableEntity"})
		if err != nil {
			t.Fatal(err)
		}
		if r.status != 422 || r.body != string(body) {
			t.Errorf("%s: %d %s, want 422 %s", query, r.status, r.body, body)
		}
	}
}

// TestConversationsPaging reads lists of all three kinds of a shop's conversation page by
// page, by every size, and expects each conversation once, newest activity first.
// A list is bounded whatever records it has of the platform's: a large one isn't shown as it came.
func TestLargeRecordsAreListedInShort(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	record := func(id string, bytes int) parlance.Conversation {
		json := fmt.Sprintf(`{"id":%q,"type":"shop_messages","customer_id":%q,"more":"%s"}`, id, customer, strings.Repeat("x", bytes))
		return parlance.Conversation{
			ID: parlance.ConversationID(id), Kind: parlance.Shop, Customer: customer, Created: at(t, "2021-01-20T00:00:00Z"),
			Native: parlance.Native{Dialect: parlance.Shopline, JSON: []byte(json)},
		}
	}
	f.conversation(record("whole", parlance.MaxListed-200))
	f.conversation(record("large", parlance.MaxListed))
	body := f.raw("/v1/conversations?platform=shop_messages")
	if n := strings.Count(body, `"more"`); n != 1 || strings.Count(body, `"customer_id":"`+customer+`"`) != 2 || len(body) > parlance.MaxListed+1000 {
		t.Errorf("%d of 2 are shown as they came, in %d bytes", n, len(body))
	}
}

func TestConversationsPaging(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	kinds := []parlance.Kind{parlance.Shop, parlance.Direct, parlance.Room}
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 40
	var want []string
	for _, i := range rng.Perm(n) {
		id := parlance.ConversationID(fmt.Sprintf("c%02d", i))
		// Neighbours share their time, so that ids decide.
		when := at(t, "2021-01-20T00:00:00Z") - parlance.Time(i/2*40_000)
		c := parlance.Conversation{ID: id, Kind: kinds[rng.IntN(3)], Created: when}
		if c.Kind == parlance.Shop {
			c.Customer = customer
		}
		ref := f.conversation(c)
		if i%3 != 0 {
			f.mirror(ref, said("m", when, "hi"))
		}
	}
	for i := range n {
		want = append(want, fmt.Sprintf("c%02d", i))
	}
	if err := f.store.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		perPage string
		applied int
	}{{"1", 1}, {"7", 7}, {"40", 40}, {"250", 250}, {"999", 250}, {"0", 1}, {"-5", 1}} {
		var got []string
		for page := 1; ; page++ {
			p := get[shopline.ConversationPage](f, fmt.Sprintf("/v1/conversations?platform=shop_messages&per_page=%s&page=%d", c.perPage, page))
			pages := (n + c.applied - 1) / c.applied
			if p.Pagination != (shopline.Pagination{CurrentPage: page, PerPage: c.applied, TotalPages: pages, TotalCount: n}) {
				t.Fatalf("per_page %s, page %d: %+v", c.perPage, page, p.Pagination)
			}
			for _, it := range p.Items {
				got = append(got, string(it.ID))
			}
			if page > pages {
				if len(p.Items) != 0 {
					t.Errorf("per_page %s: page %d behind the end has %d items", c.perPage, page, len(p.Items))
				}
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("per_page %s:\ngot  %v\nwant %v", c.perPage, got, want)
		}
	}
}
