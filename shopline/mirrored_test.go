package shopline_test

import (
	"errors"
	"strings"
	"testing"

	"parlance"
	"parlance/shopline"
)

// TestMessageOf reads items in every form that is known (A6, A7, A16, A19, A20).
func TestMessageOf(t *testing.T) {
	const head = `{"id":"m","platform":"shop_messages","message":{"sender_id":"s","created_at":"2021-01-24T13:08:52.613Z"`
	for name, c := range map[string]struct {
		rest string
		want parlance.Message
	}{
		"A6 object":   {`,"content":{"text":"two\nlines"}}}`, parlance.Message{Role: parlance.Customer, Type: parlance.TypeText, Text: "two\nlines"}},
		"A6 string":   {`,"content":"hi"}}`, parlance.Message{Role: parlance.Customer, Type: parlance.TypeText, Text: "hi"}},
		"A6 null":     {`,"content":null}}`, parlance.Message{Role: parlance.Customer, Type: parlance.TypeText}},
		"A20 empty":   {`,"content":{"text":""}}}`, parlance.Message{Role: parlance.Customer, Type: parlance.TypeText}},
		"A20 absent":  {`}}`, parlance.Message{Role: parlance.Customer, Type: parlance.TypeText}},
		"A7 merchant": {`,"is_sent_by_merchant":true}}`, parlance.Message{Role: parlance.Merchant, Type: parlance.TypeText}},
		"type alone":  {`,"sender_type":"Merchant"}}`, parlance.Message{Role: parlance.Merchant, Type: parlance.TypeText}},
		"bot":         {`,"sender_type":"Bot","is_sent_by_merchant":true}}`, parlance.Message{Role: parlance.Bot, Type: parlance.TypeText}},
		"A19 null":    {`,"acting_sender_id":null}}`, parlance.Message{Role: parlance.Customer, Type: parlance.TypeText}},
		"A19 same":    {`,"acting_sender_id":"s"}}`, parlance.Message{Role: parlance.Customer, Type: parlance.TypeText}},
		"A19 staff":   {`,"acting_sender_id":"t","is_sent_by_merchant":true}}`, parlance.Message{Role: parlance.Merchant, Acting: "t", Type: parlance.TypeText}},
		"A16 note":    {`,"is_sent_by_merchant":true},"type":"note"}`, parlance.Message{Role: parlance.Merchant, Type: parlance.TypeNote}},
		"image":       {`,"attachment":{"image_url":"https://x/original.?1","type":"image"}}}`, parlance.Message{Role: parlance.Customer, Type: parlance.TypeImage, Attachments: []parlance.Attachment{{Type: parlance.TypeImage, URL: "https://x/original.?1"}}}},
	} {
		m, err := shopline.MessageOf([]byte(head + c.rest))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w := c.want
		if m.ID != "m" || m.Sender != "s" || m.Role != w.Role || m.Acting != w.Acting || m.Type != w.Type || m.Text != w.Text || len(m.Attachments) != len(w.Attachments) ||
			m.Created != at(t, "2021-01-24T13:08:52.613Z") || m.Sent != m.Created || m.Updated != m.Created || string(m.Native.JSON) != head+c.rest {
			t.Errorf("%s: %+v", name, m)
		}
		if len(w.Attachments) > 0 && m.Attachments[0] != w.Attachments[0] {
			t.Errorf("%s: %+v", name, m.Attachments)
		}
		if m.Private() != (w.Type == parlance.TypeNote) {
			t.Errorf("%s: private %t", name, m.Private())
		}
	}
	if m, err := shopline.MessageOf([]byte(strings.Replace(head, "13:08:52.613Z", "21:08:52.6139+08:00", 1) + `}}`)); err != nil || m.Created != at(t, "2021-01-24T13:08:52.613Z") {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestSame: what the platform says is told by its bytes.
func TestSame(t *testing.T) {
	const item = `{"id":"m","message":{"sender_id":"s","created_at":"2021-01-24T13:08:52.613Z","content":"hi"}}`
	s := new(platform).serve(t)
	a, err := shopline.MessageOf([]byte(item))
	if err != nil {
		t.Fatal(err)
	}
	b, err := shopline.MessageOf([]byte(strings.Replace(item, "hi", "ho", 1)))
	if err != nil {
		t.Fatal(err)
	}
	erased := a
	erased.Text, erased.State, erased.Native.Stale = "", parlance.Recalled, true
	if !s.Same(&a, &a) || s.Same(&a, &b) || !s.Same(&erased, &a) || s.Same(&parlance.Message{ID: "m", Text: "hi"}, &a) {
		t.Error("Same errs")
	}
}

// FuzzMessageOf reads whatever a platform could send. Nothing panics; what is read can be
// stored, and keeps its bytes; what isn't is Invalid.
func FuzzMessageOf(f *testing.F) {
	f.Add([]byte(native))
	f.Add([]byte(`{"id":"m","type":"note","message":{"sender_id":"s","created_at":"2021-01-24T13:08:52.613+08:00","content":{"text":"\ud800"},"attachment":{"image_url":"u"}}}`))
	f.Add([]byte(`{"id":1,"id":"x","message":{"created_at":1611493000}}`))
	f.Add([]byte(`{"request":1}`))
	f.Add([]byte(" null\xff"))
	f.Fuzz(func(t *testing.T, item []byte) {
		m, err := shopline.MessageOf(item)
		if err != nil {
			if !errors.Is(err, parlance.Invalid) || m.Native.JSON != nil {
				t.Errorf("%q: %v, %+v", item, err, m)
			}
			return
		}
		if string(m.Native.JSON) != string(item) || m.Type == "" || m.Role == "" || m.Created != m.Sent || m.Created.IsZero() ||
			parlance.CheckID("id", m.ID) != nil || parlance.CheckID("sender", m.Sender) != nil || m.Created < parlance.MinTime || m.Created > parlance.MaxTime {
			t.Errorf("%q: %+v", item, m)
		}
	})
}

// FuzzConversationOf does the same for the list of conversations.
func FuzzConversationOf(f *testing.F) {
	f.Add([]byte(`{"id":"c","type":"order_messages","customer_id":"u","last_message":{"id":"m"}}`))
	f.Add([]byte(`{"id":"c","id":"d","customer_id":7}`))
	f.Fuzz(func(t *testing.T, item []byte) {
		c, err := shopline.ConversationOf(item)
		if err != nil {
			if !errors.Is(err, parlance.Invalid) {
				t.Errorf("%q: %v", item, err)
			}
			return
		}
		if parlance.CheckID("id", c.ID) != nil || c.Kind == "" {
			t.Errorf("%q: %+v", item, c)
		}
		if c.Native.JSON == nil {
			return
		}
		again, err := shopline.ConversationOf(c.Native.JSON)
		if err != nil || string(again.Native.JSON) != string(c.Native.JSON) {
			t.Errorf("%q became %q and %q: %v", item, c.Native.JSON, again.Native.JSON, err)
		}
	})
}
