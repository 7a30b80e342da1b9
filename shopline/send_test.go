package shopline_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"parlance"
	"parlance/shopline"
)

var objectID = regexp.MustCompile(`^[0-9a-f]{24}$`)

func TestSendShopMessage(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	const text = `two\nlines <b>\u2028 "q" \ud83d\ude00`
	r := f.do("POST", "/v1/conversations/message", `{"sender_id":"`+merchant+`","recipient_id":"`+customer+`","text":"`+strings.ReplaceAll(text, `"q"`, `\"q\"`)+`","sender_email":"a@example.com","ref_data":{"path":"/p","full_path":"https://x/p"},"unknown":[1]}`)
	it := decode[shopline.Item](f, r)
	id := string(it.ID)
	if !objectID.MatchString(id) || !strings.HasPrefix(id, fmt.Sprintf("%08x", start.Unix())) {
		t.Errorf("id %q: want 24 hex digits that begin with the second", id)
	}
	want := `{"id":"` + id + `","platform":"shop_messages","message":{"sender_id":"` + merchant + `","sender_type":"Merchant","created_at":"2021-01-25T09:39:35.167Z","acting_sender_id":"` + staff + `","is_sent_by_merchant":true,"content":{"text":"two\nlines <b>` + "\u2028" + ` \"q\" 😀"}}}`
	if r.body != want {
		t.Errorf("answer:\ngot  %s\nwant %s", r.body, want)
	}

	reply := decode[shopline.Item](f, f.do("POST", "/v1/conversations/message", `{"sender_id":"`+customer+`","recipient_id":"`+merchant+`","text":"thanks","sender_email":"","ref_data":null}`))
	if reply.Message.IsSentByMerchant || reply.Message.ActingSenderID != nil || reply.Message.SenderID != customer || reply.Message.CreatedAt != "2021-01-25T09:39:35.168Z" {
		t.Errorf("reply in the same millisecond: %+v", reply)
	}

	list := get[shopline.ConversationPage](f, "/v1/conversations?platform=shop_messages&customer_id="+customer)
	if len(list.Items) != 1 || list.Items[0].CustomerID != customer || !objectID.MatchString(string(list.Items[0].ID)) || list.Items[0].LastMessage.ID != reply.ID {
		t.Fatalf("conversations: %+v", list)
	}
	page := f.do("GET", "/v1/conversations/"+string(list.Items[0].ID)+"/messages?platform=shop_messages", "")
	if !strings.Contains(page.body, want) || !strings.HasPrefix(page.body, `{"total":2,"limit":24,`) || strings.Contains(page.body, "example.com") {
		t.Errorf("page: %s", page.body)
	}
	// What no answer shows is kept all the same.
	e, err := f.store.Message(t.Context(), parlance.Ref{Workspace: f.ws.ID, Conversation: list.Items[0].ID}, it.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(e.Message.Native.JSON); got != `{"request":{"sender_email":"a@example.com","ref_data":{"path":"/p","full_path":"https://x/p"}}}` {
		t.Errorf("kept: %s", got)
	}
	e, err = f.store.Message(t.Context(), parlance.Ref{Workspace: f.ws.ID, Conversation: list.Items[0].ID}, reply.ID)
	if err != nil || e.Message.Native.JSON != nil {
		t.Errorf("a plain message keeps %s, %v", e.Message.Native.JSON, err)
	}
}

// TestSendShopMessageToMirrored checks that a conversation of the platform's own is
// used if there is one.
func TestSendShopMessageToMirrored(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	f.conversation(parlance.Conversation{ID: "imported", Kind: parlance.Shop, Customer: customer})
	f.conversation(parlance.Conversation{ID: "order", Kind: parlance.Order, Platform: parlance.Shopline, Customer: customer, OrderID: "o"})
	f.conversation(parlance.Conversation{ID: "mirrored", Kind: parlance.Shop, Platform: parlance.Shopline, Customer: customer})
	decode[shopline.Item](f, f.do("POST", "/v1/conversations/message", `{"sender_id":"`+merchant+`","recipient_id":"`+customer+`","text":"hi"}`))
	if got := get[shopline.Page](f, "/v1/conversations/mirrored/messages?platform=shop_messages"); got.Total != 1 {
		t.Errorf("total %d in the mirrored conversation, want 1", got.Total)
	}
	if n := count(f, f.ws.ID); n != 3 {
		t.Errorf("%d conversations, want no new one", n)
	}
}

// TestSendShopMessageAtOnce has many first messages to one customer: one conversation,
// nothing lost, and no two times alike.
func TestSendShopMessageAtOnce(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	const n = 20
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			from, to := merchant, customer
			if i%2 == 0 {
				from, to = to, from
			}
			if r := f.do("POST", "/v1/conversations/message", fmt.Sprintf(`{"sender_id":%q,"recipient_id":%q,"text":"%d"}`, from, to, i)); r.status != 200 {
				t.Errorf("message %d: %d %s", i, r.status, r.body)
			}
		})
	}
	wg.Wait()
	list := get[shopline.ConversationPage](f, "/v1/conversations?platform=shop_messages")
	if len(list.Items) != 1 {
		t.Fatalf("%d conversations", len(list.Items))
	}
	page := get[shopline.Page](f, "/v1/conversations/"+string(list.Items[0].ID)+"/messages?platform=shop_messages")
	times, texts := map[string]bool{}, map[string]bool{}
	for _, it := range page.Items {
		times[it.Message.CreatedAt], texts[it.Message.Content.Text] = true, true
	}
	if page.Total != n || len(times) != n || len(texts) != n {
		t.Errorf("total %d, %d times, %d texts; want %d of each", page.Total, len(times), len(texts), n)
	}
}

func TestSendRefused(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	frozen := f.conversation(parlance.Conversation{ID: "frozen", Kind: parlance.Order, Customer: customer, OrderID: "frozen", Frozen: true})
	const shop = "/v1/conversations/message"
	for _, c := range []struct {
		path, body string
		status     int
		text       string
	}{
		{shop, ``, 400, "body is not valid JSON"},
		{shop, `{"text"`, 400, "body is not valid JSON"},
		{shop, `{"text":"a"} {}`, 400, "body is not valid JSON"},
		{shop, `{"text":"a","text":"b"}`, 400, "body is not valid JSON"},
		{shop, "{\"text\":\"\xff\"}", 400, "body is not valid JSON"},
		{shop, `{"text":"\ud800"}`, 400, "body is not valid JSON"},
		{shop, `[]`, 422, "body is of the wrong type"},
		{shop, `{"text":1}`, 422, "text is of the wrong type"},
		{shop, `{"sender_id":17}`, 422, "sender_id is of the wrong type"},
		{shop, `null`, 422, "sender_id is empty"},
		{shop, `{"recipient_id":"a","text":"hi"}`, 422, "sender_id is empty"},
		{shop, `{"sender_id":"` + merchant + `","text":"hi"}`, 422, "recipient_id is empty"},
		{shop, `{"sender_id":"` + merchant + `","recipient_id":"a\u0000","text":"hi"}`, 422, "recipient_id holds a NUL character"},
		{shop, `{"sender_id":"` + merchant + `","recipient_id":"` + merchant + `","text":"hi"}`, 422, "sender_id and recipient_id are the same"},
		{shop, `{"sender_id":"a","recipient_id":"b","text":"hi"}`, 422, "sender_id or recipient_id must be the merchant's id"},
		{shop, `{"sender_id":"` + merchant + `","recipient_id":"b"}`, 422, "text is required"},
		{shop, `{"sender_id":"` + merchant + `","recipient_id":"b","text":""}`, 422, "text is required"},
		{shop, `{"sender_id":"` + merchant + `","recipient_id":"b","text":"hi","media_id":"5"}`, 422, "media_id is unknown: this server does not take uploads yet, send text"},
		{shop, `{"sender_id":"` + merchant + `","recipient_id":"b","text":"hi","ref_data":"/p"}`, 422, "ref_data is of the wrong type"},
		{shop, `{"text":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "body is larger than 1 MiB"},

		{"/v1/orders/o/messages", `{"text":"hi"}`, 404, "order not found"},
		{"/v1/orders/o/messages", `{"text":"hi","trackable_id":"o"}`, 404, "order not found"},
		{"/v1/orders/o/messages", `{"text":"hi","trackable_type":"Order"}`, 404, "order not found"},
		{"/v1/orders/a%00b/messages", `{"text":"hi","trackable_type":"Order","trackable_id":"a\u0000b"}`, 404, "order not found"},
		{"/v1/orders/o/messages", `{"text":"hi","trackable_type":"Order","trackable_id":"p"}`, 422, "trackable_id is not the id in the path"},
		{"/v1/orders/o/messages", `{"text":"hi","trackable_type":"Product","trackable_id":"o"}`, 422, "trackable_type is invalid: want Order"},
		{"/v1/orders/o/messages", `{"trackable_type":"Order","trackable_id":"o"}`, 422, "text is required"},
		{"/v1/orders/o/messages", `{"media_id":"5","trackable_type":"Order","trackable_id":"o"}`, 422, "media_id is unknown: this server does not take uploads yet, send text"},
		{"/v1/orders/o/messages", `{"text":"hi","send_by":"robot","trackable_type":"Order","trackable_id":"o"}`, 422, "send_by is invalid: want merchant or customer"},
		{"/v1/orders/o/messages", `{"text":"hi","send_by":"customer","is_private":true,"trackable_type":"Order","trackable_id":"o"}`, 422, "is_private is invalid: a note is the merchant's, not the customer's"},
		{"/v1/orders/o/messages", `{"text":"hi","send_by":"customer","trackable_type":"Order","trackable_id":"o"}`, 422, "owner_id is required: the customer of this order is not known"},
		{"/v1/orders/o/messages", `{"text":"hi","custom_data":[1],"trackable_type":"Order","trackable_id":"o"}`, 422, "custom_data is of the wrong type"},
		{"/v1/orders/o/messages", `{"text":"hi","is_private":"yes"}`, 422, "is_private is of the wrong type"},
		{"/v1/orders/frozen/messages", `{"text":"hi","send_by":"customer","owner_id":"x","owner_type":"User"}`, 422, "owner_id is not the customer of this order"},
		{"/v1/orders/frozen/messages", `{"text":"hi"}`, 403, "the conversation takes no new messages"},
	} {
		r := f.do("POST", c.path, c.body)
		var p shopline.Problem
		if err := json.Unmarshal([]byte(r.body), &p); err != nil {
			t.Errorf("%s %.60s: %v in %s", c.path, c.body, err, r.body)
		}
		if r.status != c.status || p.Message != c.text || p.Error != c.text || p.Code == "" {
			t.Errorf("%s %.90s: %d %s, want %d %s", c.path, c.body, r.status, r.body, c.status, c.text)
		}
	}
	if n := count(f, f.ws.ID); n != 1 {
		t.Errorf("%d conversations after refused requests, want the one that was there", n)
	}
	if st, err := f.store.State(t.Context(), frozen); err != nil || st.Total != 0 {
		t.Errorf("frozen conversation: %+v, %v", st, err)
	}
}

func TestSendOrderMessage(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	const path = "/v1/orders/5d8c8b3be388095d25acbc89/messages"
	r := f.do("POST", path, `{"text":"hi","is_private":false,"send_by":"merchant","trackable_type":"Order","trackable_id":"5d8c8b3be388095d25acbc89","owner_id":"whoever","owner_type":"Merchant","custom_data":{"a":[1]}}`)
	c := decode[shopline.Comment](f, r)
	want := `{"id":"` + string(c.ID) + `","created_at":"2021-01-25T09:39:35.167+00:00","updated_at":"2021-01-25T09:39:35.167+00:00","text":"hi","owner_id":"` + merchant + `","owner_type":"Merchant","trackable_id":"5d8c8b3be388095d25acbc89","trackable_type":"Order","is_private":false,"media":null}`
	if r.body != want || !objectID.MatchString(string(c.ID)) {
		t.Errorf("answer:\ngot  %s\nwant %s", r.body, want)
	}
	note := decode[shopline.Comment](f, f.do("POST", path, `{"text":"staff only","is_private":true}`))
	if !note.IsPrivate || note.OwnerType != "Merchant" {
		t.Errorf("note: %+v", note)
	}
	reply := decode[shopline.Comment](f, f.do("POST", path, `{"text":"when?","send_by":"customer","owner_id":"`+customer+`","owner_type":"User"}`))
	if reply.OwnerID != customer || reply.OwnerType != "User" {
		t.Errorf("reply: %+v", reply)
	}
	again := decode[shopline.Comment](f, f.do("POST", path, `{"text":"hello?","send_by":"customer"}`))
	if again.OwnerID != customer {
		t.Errorf("a reply that names nobody: %+v", again)
	}

	list := get[shopline.ConversationPage](f, "/v1/conversations?platform=order_messages&customer_id="+customer)
	if len(list.Items) != 1 || list.Items[0].OrderID != "5d8c8b3be388095d25acbc89" || list.Items[0].LastMessage.Value != "hello?" {
		t.Fatalf("conversations: %+v", list)
	}
	page := get[shopline.Page](f, "/v1/conversations/"+string(list.Items[0].ID)+"/messages?platform=order_messages")
	got := ""
	for _, it := range page.Items {
		got += fmt.Sprintf("%s %s %s %s %s\n", it.ID, it.Type, it.Message.SenderID, *it.Message.ActingSenderID, it.Message.Content.Text)
	}
	wantItems := fmt.Sprintf("%s message %s %s hello?\n%s message %s %s when?\n%s note %s %s staff only\n%s message %s %s hi\n",
		again.ID, customer, customer, reply.ID, customer, customer, note.ID, merchant, staff, c.ID, merchant, staff)
	if got != wantItems || page.Total != 4 {
		t.Errorf("page: total %d\ngot\n%swant\n%s", page.Total, got, wantItems)
	}
}
