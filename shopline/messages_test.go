package shopline_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/shopline"
)

// said returns a message of the customer.
func said(id parlance.MessageID, created parlance.Time, text string) parlance.Message {
	return parlance.Message{ID: id, Sender: customer, Role: parlance.Customer, Type: parlance.TypeText, Text: text, Created: created}
}

// exampleShop holds the platform's example conversation: its two messages, in the
// common form, and two older ones.
func exampleShop(f *fixture) parlance.Ref {
	ref := f.conversation(parlance.Conversation{ID: "622090c66775a37b9fa60799", Kind: parlance.Shop, Customer: customer})
	bySelf := parlance.Message{Sender: merchant, Acting: staff, Role: parlance.Merchant, Type: parlance.TypeText}
	picture := bySelf
	picture.ID, picture.Type, picture.Created = "600d7164b98742004640e533", parlance.TypeImage, at(f.t, "2021-01-24T13:08:52.613Z")
	picture.Attachments = []parlance.Attachment{{
		Type: parlance.TypeImage,
		URL:  "https://img-shoplineapp-com.s3.amazonaws.com/media/image_clips/600d7162e598300047ef0526/original.png?1611493730",
	}}
	text := bySelf
	text.ID, text.Created = "600d714ab98742004640e532", at(f.t, "2021-01-24T13:08:26.416Z")
	text.Text = strings.TrimSuffix(strings.Repeat("[email protected]\n", 11), "\n")
	f.mirror(ref, picture, text,
		said("600d7120b98742004640e531", at(f.t, "2021-01-24T13:07:44.002Z"), "hi"),
		said("600d711fb98742004640e530", at(f.t, "2021-01-24T13:07:43.000Z"), "hello"))
	return ref
}

func exampleOrder(f *fixture) parlance.Ref {
	const buyer = "5ff6d89e36b0092881082d70"
	ref := f.conversation(parlance.Conversation{ID: "6009020017690700468512e0", Kind: parlance.Order, Customer: buyer, OrderID: "5d8c8b3be388095d25acbc89", OrderNumber: "2019052707260498"})
	f.mirror(ref, parlance.Message{
		ID: "6009030217690700468512ec", Sender: buyer, Role: parlance.Customer, Type: parlance.TypeImage, Text: "YA",
		Created: at(f.t, "2021-01-21T04:28:50.656Z"),
		Attachments: []parlance.Attachment{{
			Type: parlance.TypeImage,
			URL:  "https://img-shoplineapp-com.s3.amazonaws.com/media/image_clips/600902fb17690700468512eb/original.?1611203323",
		}},
	})
	return ref
}

// TestExamples asks for the platform's own examples. The answers are theirs but for
// sender_type, which they are too old to have.
func TestExamples(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	shop, order := exampleShop(f), exampleOrder(f)
	for _, c := range []struct{ path, want, senderType string }{
		{"/v1/conversations/" + string(shop.Conversation) + "/messages?platform=shop_messages&limit=2", "testdata/shop_messages.json", "Merchant"},
		{"/v1/conversations/" + string(order.Conversation) + "/messages?platform=order_messages&limit=1", "testdata/order_messages.json", "User"},
	} {
		wantJSON, err := os.ReadFile(c.want)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if err := json.Unmarshal(wantJSON, &want); err != nil {
			t.Fatal(err)
		}
		got := get[map[string]any](f, c.path)
		for _, it := range got["items"].([]any) {
			m := it.(map[string]any)["message"].(map[string]any)
			if m["sender_type"] != c.senderType {
				t.Errorf("%s: sender_type is %v, want %s", c.path, m["sender_type"], c.senderType)
			}
			delete(m, "sender_type")
		}
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s:\ngot  %v\nwant %v", c.path, got, want)
		}
	}
}

// TestMessagesExactly has whole answers, byte for byte.
func TestMessagesExactly(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	shop := f.conversation(parlance.Conversation{ID: "c1", Kind: parlance.Shop, Customer: customer})
	f.mirror(shop,
		said("600d7120b98742004640e531", at(t, "2021-01-24T13:07:44.002Z"), "hi <b>&\u2028\n\"there\"\x01"),
		parlance.Message{
			ID: "600d7164b98742004640e533", Sender: "seller_001", Role: parlance.Agent, Type: parlance.TypeImage, Created: at(t, "2021-01-24T13:08:52.613Z"),
			Attachments: []parlance.Attachment{{Type: parlance.TypeImage, URL: "https://img.example/a.png"}, {Type: parlance.TypeImage, URL: "https://img.example/b.png"}},
		},
		parlance.Message{ID: "600d7165b98742004640e534", Sender: "helper", Role: parlance.Bot, Type: parlance.TypeText, Created: at(t, "2021-01-24T13:08:53.000Z")},
	)
	want := `{"total":3,"limit":24,"items":[` +
		`{"id":"600d7165b98742004640e534","platform":"shop_messages","message":{"sender_id":"` + merchant + `","sender_type":"Bot","created_at":"2021-01-24T13:08:53.000Z","acting_sender_id":"helper","is_sent_by_merchant":true}},` +
		`{"id":"600d7164b98742004640e533","platform":"shop_messages","message":{"sender_id":"` + merchant + `","sender_type":"Merchant","created_at":"2021-01-24T13:08:52.613Z","acting_sender_id":"seller_001","is_sent_by_merchant":true,"content":{"text":"https://img.example/b.png"},"attachment":{"image_url":"https://img.example/a.png","type":"image"}}},` +
		`{"id":"600d7120b98742004640e531","platform":"shop_messages","message":{"sender_id":"` + customer + `","sender_type":"User","created_at":"2021-01-24T13:07:44.002Z","acting_sender_id":null,"is_sent_by_merchant":false,"content":{"text":"hi <b>&` + "\u2028" + `\n\"there\"\u0001"}}}]}`
	for _, when := range []string{"made", "kept"} {
		r := f.do("GET", "/v1/conversations/c1/messages?platform=shop_messages", "")
		if r.status != 200 || r.body != want {
			t.Errorf("%s: %d\ngot  %s\nwant %s", when, r.status, r.body, want)
		}
		if ct := r.header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
			t.Errorf("%s: content type %q", when, ct)
		}
		if n := r.header.Get("Content-Length"); n != fmt.Sprint(len(want)) {
			t.Errorf("%s: content length %q, want %d", when, n, len(want))
		}
	}

	order := f.conversation(parlance.Conversation{ID: "c2", Kind: parlance.Order, Customer: customer, OrderID: "o1"})
	f.mirror(order,
		said("6009030217690700468512ec", at(t, "2021-01-21T04:28:50.656Z"), "YA"),
		parlance.Message{ID: "6009020017690700468512eb", Sender: merchant, Acting: staff, Role: parlance.Merchant, Type: parlance.TypeNote, Text: "staff only", Created: at(t, "2021-01-21T04:24:32.100Z")})
	want = `{"total":2,"limit":24,"items":[` +
		`{"id":"6009030217690700468512ec","type":"message","platform":"order_messages","message":{"sender_id":"` + customer + `","sender_type":"User","created_at":"2021-01-21T04:28:50.656Z","acting_sender_id":"` + customer + `","is_sent_by_merchant":false,"content":{"text":"YA"}}},` +
		`{"id":"6009020017690700468512eb","type":"note","platform":"order_messages","message":{"sender_id":"` + merchant + `","sender_type":"Merchant","created_at":"2021-01-21T04:24:32.100Z","acting_sender_id":"` + staff + `","is_sent_by_merchant":true,"content":{"text":"staff only"}}}]}`
	if r := f.do("GET", "/v1/conversations/c2/messages?platform=order_messages", ""); r.body != want {
		t.Errorf("order:\ngot  %s\nwant %s", r.body, want)
	}
}

// TestMessagesRefused has requests that are refused, with the status and the text.
func TestMessagesRefused(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	exampleShop(f)
	exampleOrder(f)
	const shop, order = "/v1/conversations/622090c66775a37b9fa60799/messages", "/v1/conversations/6009020017690700468512e0/messages"
	const required = "platform is required: shop_messages, order_messages, return_order_messages"
	for _, c := range []struct {
		path       string
		status     int
		code, text string
	}{
		{shop, 422, "UnprocessableEntity", required},
		{shop + "?platform=", 422, "UnprocessableEntity", required},
		{"/v1/conversations/nothing/messages", 422, "UnprocessableEntity", required},
		{shop + "?platform=Shop_messages", 422, "UnprocessableEntity", "platform is invalid: want shop_messages, order_messages or return_order_messages"},
		{shop + "?platform=order_messages", 404, "NotFound", "conversation not found"},
		{order + "?platform=shop_messages", 404, "NotFound", "conversation not found"},
		{shop + "?platform=return_order_messages", 404, "NotFound", "conversation not found"},
		{"/v1/conversations/nothing/messages?platform=shop_messages", 404, "NotFound", "conversation not found"},
		{"/v1/conversations/nothing/messages?platform=shop_messages&limit=0", 404, "NotFound", "conversation not found"},
		{"/v1/conversations/a%00b/messages?platform=shop_messages", 404, "NotFound", "conversation not found"},
		{"/v1/conversations/" + strings.Repeat("x", 600) + "/messages?platform=shop_messages", 404, "NotFound", "conversation not found"},
		{shop + "?platform=shop_messages&limit=0", 422, "UnprocessableEntity", "limit is invalid: want an integer of at least 1"},
		{shop + "?platform=shop_messages&limit=-1", 422, "UnprocessableEntity", "limit is invalid: want an integer of at least 1"},
		{shop + "?platform=shop_messages&limit=-99999999999999999999", 422, "UnprocessableEntity", "limit is invalid: want an integer of at least 1"},
		{shop + "?platform=shop_messages&limit=many", 422, "UnprocessableEntity", "limit is invalid: want an integer"},
		{shop + "?platform=shop_messages&limit=", 422, "UnprocessableEntity", "limit is invalid: want an integer"},
		{shop + "?platform=shop_messages&limit=2.5", 422, "UnprocessableEntity", "limit is invalid: want an integer"},
		{shop + "?platform=shop_messages&limit=1&limit=2", 422, "UnprocessableEntity", "limit is given more than once"},
		{shop + "?platform=shop_messages&page=0", 422, "UnprocessableEntity", "page is invalid: want an integer of at least 1"},
		{shop + "?platform=shop_messages&per_page=x", 422, "UnprocessableEntity", "per_page is invalid: want an integer"},
		{shop + "?platform=shop_messages&start=yesterday", 422, "UnprocessableEntity", "start is invalid: want a time such as 2022-08-23T07:57:01.134Z"},
		{shop + "?platform=shop_messages&end=", 422, "UnprocessableEntity", "end is invalid: want a time such as 2022-08-23T07:57:01.134Z"},
		{shop + "?platform=shop_messages&end=1661241421", 422, "UnprocessableEntity", "end is invalid: want a time such as 2022-08-23T07:57:01.134Z"},
		{shop + "?platform=shop_messages&end=%zz", 400, "BadRequest", "query is not well-formed"},
	} {
		r := f.do("GET", c.path, "")
		want, err := json.Marshal(shopline.Problem{Message: c.text, Error: c.text, Code: c.code})
		if err != nil {
			t.Fatal(err)
		}
		if r.status != c.status || r.body != string(want) {
			t.Errorf("%s: %d %s, want %d %s", c.path, r.status, r.body, c.status, want)
		}
	}
}

func TestMessagesPaging(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	exampleShop(f)
	path := "/v1/conversations/622090c66775a37b9fa60799/messages?platform=shop_messages"
	const a, b, c, d = "600d7164b98742004640e533", "600d714ab98742004640e532", "600d7120b98742004640e531", "600d711fb98742004640e530"
	all := strings.Join([]string{a, b, c, d}, " ")
	for _, q := range []struct {
		query        string
		total, limit int
		ids          string
	}{
		{"", 4, 24, all},
		{"&limit=2", 4, 2, a + " " + b},
		{"&limit=2&end=2021-01-24T13:08:26.416Z", 2, 2, c + " " + d},
		{"&end=2021-01-24T13:08:26.416Z", 2, 24, c + " " + d},               // exclusive
		{"&end=2021-01-24T13:08:26.4160001Z", 3, 24, b + " " + c + " " + d}, // just above
		{"&start=2021-01-24T13:08:26.416Z", 2, 24, a + " " + b},             // inclusive
		{"&start=2021-01-24T13:08:26.4160001Z", 1, 24, a},
		{"&start=2021-01-24T13:08:26.416 00:00&end=2021-01-24T13:08:26.417+00:00", 1, 24, b},
		{"&start=2021-01-24T21:08:26.416+08:00", 2, 24, a + " " + b},
		{"&start=2021-01-24", 4, 24, all},
		{"&end=2021-01-24", 0, 24, ""},
		{"&start=2021-01-25&end=2021-01-24", 0, 24, ""},
		{"&start=0000-01-01T00:00:00%2B23:59&end=9999-12-31T23:59:59.9999-23:59", 4, 24, all},
		{"&limit=250", 4, 250, all},
		{"&limit=251", 4, 250, all},
		{"&limit=99999999999", 4, 250, all},
		{"&limit=1&page=3&per_page=50", 4, 1, c},
		{"&per_page=3", 4, 3, a + " " + b + " " + c},
		{"&per_page=3&page=2", 4, 3, d},
		{"&per_page=3&page=3", 4, 3, ""},
		{"&page=2", 4, 24, ""},
		{"&page=99999999999", 4, 24, ""},
		{"&per_page=500&page=1&sort_by=desc&unknown=x&unknown=y", 4, 250, all},
		{"&per_page=1&page=2&end=2021-01-24T13:08:26.416Z", 2, 1, d},
	} {
		// Clients that don't escape send a plus, or lose it.
		got := get[shopline.Page](f, path+strings.NewReplacer(" ", "%20").Replace(q.query))
		if got.Total != q.total || got.Limit != q.limit || ids(got) != q.ids {
			t.Errorf("%s: total %d, limit %d, items %s; want %d, %d, %s", q.query, got.Total, got.Limit, ids(got), q.total, q.limit, q.ids)
		}
	}
}

// TestMessagesKeptAnswers checks that an answer that was kept is not served once it is
// no longer true.
func TestMessagesKeptAnswers(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := exampleShop(f)
	const path = "/v1/conversations/622090c66775a37b9fa60799/messages?platform=shop_messages&limit=1"
	get[shopline.Page](f, path)
	f.mirror(ref, said("zz", at(t, "2021-01-24T14:00:00Z"), "new"))
	if got := get[shopline.Page](f, path); got.Total != 5 || ids(got) != "zz" {
		t.Errorf("after a new message: total %d, items %s", got.Total, ids(got))
	}
	change := func(change func(*parlance.Message)) {
		t.Helper()
		if _, err := f.store.Change(t.Context(), ref, "zz", func(m *parlance.Message) error { change(m); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	change(func(m *parlance.Message) { m.Text = "newer" })
	if got := get[shopline.Page](f, path); got.Items[0].Message.Content.Text != "newer" {
		t.Errorf("after an edit: %+v", got.Items[0].Message.Content)
	}
	change(func(m *parlance.Message) { m.State = parlance.Recalled })
	if got := get[shopline.Page](f, path); got.Total != 5 || ids(got) != "zz" || got.Items[0].Message.Content != nil {
		t.Errorf("after a recall: total %d, items %s, content %v", got.Total, ids(got), got.Items[0].Message.Content)
	}
	change(func(m *parlance.Message) { m.State = parlance.Deleted })
	if got := get[shopline.Page](f, path); got.Total != 4 || ids(got) != "600d7164b98742004640e533" {
		t.Errorf("after a deletion: total %d, items %s", got.Total, ids(got))
	}
}

// TestMessagesDeepPage checks the bound on page numbers, and that what lies behind the
// end is empty however far.
func TestMessagesDeepPage(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := f.conversation(parlance.Conversation{ID: "deep", Kind: parlance.Room})
	const n = 10_300
	ms := make([]parlance.Message, n)
	for i := range ms {
		ms[i] = said(parlance.MessageID(fmt.Sprintf("m%05d", i)), parlance.TimeOf(start.Add(time.Duration(i)*time.Second)), "x")
	}
	f.mirror(ref, ms...)
	const path = "/v1/conversations/deep/messages?platform=shop_messages&limit=250"
	got := get[shopline.Page](f, path+"&page=41") // skips 10,000
	if got.Total != n || len(got.Items) != 250 || got.Items[0].ID != "m00299" {
		t.Errorf("page 41: total %d, %d items from %s", got.Total, len(got.Items), got.Items[0].ID)
	}
	if r := f.do("GET", path+"&page=42", ""); r.status != 422 || !strings.Contains(r.body, "use end") {
		t.Errorf("page 42: %d %s", r.status, r.body)
	}
	if got := get[shopline.Page](f, path+"&page=43"); got.Total != n || len(got.Items) != 0 {
		t.Errorf("page 43: total %d, %d items", got.Total, len(got.Items))
	}
}

func TestKindsAsText(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := f.conversation(parlance.Conversation{ID: "room", Kind: parlance.Room})
	when := at(t, "2021-01-24T13:00:00Z")
	for i, c := range []struct {
		m          parlance.Message
		text       string
		image      string
		bySide     bool
		senderType shopline.SenderType
	}{
		{parlance.Message{Type: parlance.TypeFile, Attachments: []parlance.Attachment{{Type: parlance.TypeFile, Name: "a.pdf", URL: "https://x/a"}}}, "a.pdf https://x/a", "", false, "User"},
		{parlance.Message{Type: parlance.TypeAudio, Text: "hear", Attachments: []parlance.Attachment{{Type: parlance.TypeAudio, URL: "https://x/a"}}}, "hear\nhttps://x/a", "", false, "User"},
		{parlance.Message{Type: parlance.TypeLocation, Text: "here", Location: &parlance.Location{Latitude: 25.03, Longitude: 121.5}}, "here\n25.03,121.5", "", false, "User"},
		{parlance.Message{Type: parlance.TypeSticker, Sticker: "wave"}, "wave", "", false, "User"},
		{parlance.Message{Type: parlance.TypeAction, SenderName: "Ann", Text: "waves"}, "Ann waves", "", false, "User"},
		{parlance.Message{Type: "poll"}, "[poll]", "", false, "User"},
		{parlance.Message{Type: parlance.TypeImage}, "[image]", "", false, "User"},
		{parlance.Message{Type: parlance.TypeText}, "", "", false, "User"},
		{parlance.Message{Type: parlance.TypeSystem, Text: "Ann joined"}, "Ann joined", "", true, "Merchant"},
		{parlance.Message{Type: parlance.TypeAnnouncement, Text: "closed", Role: parlance.Owner}, "closed", "", true, "Merchant"},
		{parlance.Message{Type: parlance.TypeText, Text: "m", Sender: merchant}, "m", "", true, "Merchant"},
		{parlance.Message{Type: parlance.TypeText, Text: "m", Role: parlance.Manager}, "m", "", false, "User"},
		{parlance.Message{Type: parlance.TypeText, Text: "m", Role: parlance.SystemRole}, "m", "", true, "Merchant"},
	} {
		m := c.m
		m.ID = parlance.MessageID(fmt.Sprintf("m%d", i))
		m.Created = when + parlance.Time(i)
		if m.Sender == "" {
			m.Sender = "someone"
		}
		f.mirror(ref, m)
		it := get[shopline.Page](f, "/v1/conversations/room/messages?platform=shop_messages&limit=1").Items[0].Message
		text, image := "", ""
		if it.Content != nil {
			text = it.Content.Text
		}
		if it.Attachment != nil {
			image = it.Attachment.ImageURL
		}
		if text != c.text || image != c.image || it.IsSentByMerchant != c.bySide || it.SenderType != c.senderType {
			t.Errorf("%+v: text %q, image %q, by merchant %v, %s", c.m, text, image, it.IsSentByMerchant, it.SenderType)
		}
		if c.bySide != (it.SenderID == merchant) || c.bySide != (it.ActingSenderID != nil) {
			t.Errorf("%+v: sender %s, acting %v", c.m, it.SenderID, it.ActingSenderID)
		}
	}
}

// TestShopNotes checks that a staff note of a shop's conversation shows nowhere.
func TestShopNotes(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c", Kind: parlance.Shop, Customer: customer})
	note := said("n", at(t, "2021-01-24T13:00:01Z"), "rude")
	note.Type, note.Role, note.Sender = parlance.TypeNote, parlance.Agent, "agent"
	f.mirror(ref, said("m", at(t, "2021-01-24T13:00:00Z"), "hi"), note)
	if err := f.store.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := get[shopline.Page](f, "/v1/conversations/c/messages?platform=shop_messages"); got.Total != 1 || ids(got) != "m" {
		t.Errorf("messages: total %d, items %s", got.Total, ids(got))
	}
	if got := get[shopline.ConversationPage](f, "/v1/conversations?platform=shop_messages"); got.Items[0].LastMessage.Value != "hi" {
		t.Errorf("last message: %+v", got.Items[0].LastMessage)
	}
}

func FuzzMessagesQuery(f *testing.F) {
	f.Add("platform=shop_messages&limit=2&end=2021-01-24T13:08:26.416 00:00")
	f.Add("platform=shop_messages&page=3&per_page=1&start=2021-01-24")
	f.Add("platform=order_messages&limit=0")
	fx := newFixture(f, shopline.Options{})
	exampleShop(fx)
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/v1/conversations/622090c66775a37b9fa60799/messages", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+fx.token)
		w := httptest.NewRecorder()
		fx.server.ServeHTTP(w, r)
		switch w.Code {
		case 400, 404, 422:
			var p shopline.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Message == "" || p.Error != p.Message || p.Code == "" {
				t.Fatalf("%q: %d %s", query, w.Code, w.Body)
			}
		case 200:
			var p shopline.Page
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatalf("%q: %v in %s", query, err, w.Body)
			}
			if p.Limit < 1 || p.Limit > 250 || len(p.Items) > p.Limit || p.Total < len(p.Items) || p.Total > 4 {
				t.Fatalf("%q: %s", query, w.Body)
			}
		default:
			t.Fatalf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}
