package shopline_test

import (
	"strings"
	"testing"

	"parlance"
	"parlance/shopline"
)

// mirrored returns a message as a mirror of the platform stores it.
func mirrored(t *testing.T, native string) parlance.Message {
	t.Helper()
	return parlance.Message{
		ID: "600d714ab98742004640e532", Sender: "other-merchant", Acting: staff, Role: parlance.Merchant, Type: parlance.TypeText,
		Text: "two\nlines", Created: at(t, "2021-01-24T13:08:26.416Z"),
		Native: parlance.Native{Dialect: parlance.Shopline, JSON: []byte(native)},
	}
}

// native is an older answer's item: it lacks sender_type, has its text as a plain
// string, members that nobody knows, and an order and white space of its own.
const native = `{"platform": "shop_messages",  "id":"600d714ab98742004640e532", "new_member":[1, 2],` +
	`"message":{"created_at":"2021-01-24T13:08:26.416Z","sender_id":"other-merchant","acting_sender_id":"` + staff + `","is_sent_by_merchant":true,"extra":{"a":1e2},"content":"two\nlines"}}`

func TestMirroredMessage(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c", Kind: parlance.Shop, Customer: customer})
	f.mirror(ref, mirrored(t, native))
	body := func() string {
		t.Helper()
		// Not through the validating client: what the platform sent need not be as we describe ours.
		return f.raw("/v1/conversations/c/messages?platform=shop_messages")
	}
	if got, want := body(), `{"total":1,"limit":24,"items":[`+native+`]}`; got != want {
		t.Errorf("unchanged:\ngot  %s\nwant %s", got, want)
	}

	change := func(what string, change func(*parlance.Message), want string) {
		t.Helper()
		_, err := f.store.Change(t.Context(), ref, "600d714ab98742004640e532", func(m *parlance.Message) error { change(m); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := body(); got != `{"total":1,"limit":24,"items":[`+want+`]}` {
			t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
		}
	}
	head := `{"platform":"shop_messages","id":"600d714ab98742004640e532","new_member":[1, 2],` +
		`"message":{"created_at":"2021-01-24T13:08:26.416Z","sender_id":"other-merchant","acting_sender_id":"` + staff + `","is_sent_by_merchant":true,"extra":{"a":1e2}`
	reaction := []parlance.Reaction{{Emoji: "👍", Account: customer}}
	change("a reaction", func(m *parlance.Message) { m.Reactions = reaction }, head+`,"content":"two\nlines"}}`)
	change("an edit", func(m *parlance.Message) { m.Text = "three" }, head+`,"content":{"text":"three"}}}`)
	change("an image", func(m *parlance.Message) {
		m.Attachments = []parlance.Attachment{{Type: parlance.TypeImage, URL: "https://x/a"}}
	}, head+`,"content":{"text":"three"},"attachment":{"image_url":"https://x/a","type":"image"}}}`)
	change("a recall", func(m *parlance.Message) { m.State = parlance.Recalled }, strings.Replace(head, `,"extra":{"a":1e2}`, "", 1)+`}}`)
	change("another sender", func(m *parlance.Message) { m.Sender, m.Acting, m.Role = "gone", "", parlance.Customer },
		strings.NewReplacer(`"other-merchant"`, `"gone"`, `"`+staff+`"`, `null`, `true,"extra":{"a":1e2}`, `false`).Replace(head)+`,"sender_type":"User"}}`)
}

func TestDamagedNative(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c", Kind: parlance.Shop, Customer: customer})
	for i, native := range []string{
		"", `{`, `[]`, `{"id":"x"}]`, // fresh
		"", `{`, `[]`, `{"id":"x"}`, `{"id":"x","message":"text"}`, `{"id":"x","message":{"created_at":"noon"}}`, // stale
	} {
		m := mirrored(t, native)
		m.ID = parlance.MessageID("m" + string(rune('0'+i)))
		m.Native.Stale = i >= 4
		f.mirror(ref, m)
	}
	page := get[shopline.Page](f, "/v1/conversations/c/messages?platform=shop_messages")
	for _, it := range page.Items {
		if it.Message.Content == nil || it.Message.Content.Text != "two\nlines" || it.Message.SenderID != merchant {
			t.Errorf("%+v", it)
		}
	}
	if page.Total != 10 || len(page.Items) != 10 {
		t.Errorf("total %d, %d items", page.Total, len(page.Items))
	}
}

// TestRecalledTwice checks that a recall takes all of the content, also if the platform
// sent it twice.
func TestRecalledTwice(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c", Kind: parlance.Shop, Customer: customer})
	m := mirrored(t, strings.Replace(native, `"content":`, `"content":"two\nlines","content":`, 1))
	m.State, m.Native.Stale = parlance.Recalled, true
	f.mirror(ref, m)
	if got := f.raw("/v1/conversations/c/messages?platform=shop_messages"); strings.Contains(got, "lines") {
		t.Errorf("%s", got)
	}
}

// TestOddNative checks that what is grammatical is served as it came, however odd.
func TestOddNative(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c", Kind: parlance.Shop, Customer: customer})
	const odd = "{\"id\":\"a\",\"id\":\"b\",\"message\":{\"content\":{\"text\":\"\\ud800 \xff\"},\"n\":1e999}}"
	f.mirror(ref, mirrored(t, odd))
	if got, want := f.raw("/v1/conversations/c/messages?platform=shop_messages"), `{"total":1,"limit":24,"items":[`+odd+`]}`; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestMirroredConversation checks that the platform's own record is served, with the
// last message that we know.
func TestMirroredConversation(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	const head = `{"id":"c","type":"order_messages","customer_id":"` + customer + `","order_number":"R-7","system_order_number":"2019","merchant_order_number":"R-7","order_id":"o","new_member":{"a": 1}`
	const last = `"last_message":{"id":"whatever","sender_id":"` + customer + `","sender_type":"User","created_at":"2021-01-24T13:00:00.000Z","value":"hi","type":"text","seen":true}}`
	ref := f.conversation(parlance.Conversation{
		ID: "c", Kind: parlance.Order, Platform: parlance.Shopline, Customer: customer, OrderID: "o", OrderNumber: "R-7",
		Native: parlance.Native{Dialect: parlance.Shopline, JSON: []byte(head + "," + last)},
	})
	check := func(what, want string) {
		t.Helper()
		want = `{"pagination":{"current_page":1,"per_page":24,"total_pages":1,"total_count":1},"items":[` + want + `]}`
		if got := f.do("GET", "/v1/conversations?platform=order_messages", ""); got.body != want {
			t.Errorf("%s:\ngot  %s\nwant %s", what, got.body, want)
		}
	}
	check("not read yet", head+","+last)
	f.mirror(ref, said("m1", at(t, "2021-01-24T13:00:00Z"), "hi"))
	check("read", head+","+last)
	f.mirror(ref, said("m2", at(t, "2021-01-24T13:00:01Z"), "more"))
	check("more than the record knows", head+`,"last_message":{"id":"m2","sender_id":"`+customer+`","sender_type":"User","created_at":"2021-01-24T13:00:01.000Z","value":"more","type":"text"}}`)
}
