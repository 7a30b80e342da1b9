package shopline_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/history"
	"parlance/shopline"
)

// clientOf returns a client of a fixture's server, whose traffic is held to the description.
func clientOf(f *fixture, suffix string) *shopline.Client {
	f.t.Helper()
	c, err := shopline.NewClient(f.url+suffix, shopline.StaticToken(f.token), shopline.ClientOptions{Transport: f.client.Transport})
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// TestClientRoundTrip sends and reads against our own server, at every form of its address.
func TestClientRoundTrip(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ctx := t.Context()
	for i, suffix := range []string{"", "/", "/v1", "/v1/"} {
		c := clientOf(f, suffix)
		text := fmt.Sprintf("hello %d", i)
		sent, err := c.SendShopMessage(ctx, shopline.ShopMessage{SenderID: customer, RecipientID: merchant, Text: text})
		if err != nil || sent.Message.Content == nil || sent.Message.Content.Text != text {
			t.Fatalf("%q: sent %+v, %v", suffix, sent, err)
		}
		list, err := c.Conversations(ctx, shopline.ConversationsQuery{Platform: shopline.ShopMessages, Customer: customer, Page: 1, PerPage: 10})
		if err != nil || len(list.Items) != 1 || list.Pagination.TotalPages != 1 || list.Pagination.PerPage != 10 || list.Clock == 0 {
			t.Fatalf("%+v, %v", list, err)
		}
		conversation, err := list.Items[0].Read()
		if err != nil || conversation.LastMessage.Value != text {
			t.Fatalf("%+v, %v", conversation, err)
		}
		page, err := c.Messages(ctx, conversation.ID, shopline.MessagesQuery{Platform: shopline.ShopMessages, Limit: 1})
		if err != nil || page.Total != i+1 || page.Limit != 1 || len(page.Items) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		if got, err := page.Items[0].Read(); err != nil || got.ID != sent.ID {
			t.Errorf("%+v, %v; want %s", got, err, sent.ID)
		}
	}
	c := clientOf(f, "")
	note, err := c.SendOrderMessage(ctx, "o1", shopline.OrderMessage{Text: "staff only", IsPrivate: true, TrackableType: "Order", TrackableID: "o1"})
	if err != nil || !note.IsPrivate || note.Text != "staff only" {
		t.Fatalf("%+v, %v", note, err)
	}
	if _, err := c.SendOrderMessage(ctx, "o2", shopline.OrderMessage{Text: "x"}); !errors.Is(err, parlance.NotFound) {
		t.Errorf("unknown order: %v", err)
	}
	info, err := c.TokenInfo(ctx)
	if err != nil || info.Merchant.ID != merchant || info.Staff.ID != staff {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestClientErrors reads the platform's refusals in every form, and never shows the token.
func TestClientErrors(t *testing.T) {
	const secret = "s3cret-token-of-the-shop"
	for name, c := range map[string]struct {
		status int
		header string // Retry-After
		body   string
		want   parlance.ErrorKind
		text   string
		after  time.Duration
	}{
		"message":          {422, "", `{"message":"no platform","error":"other"}`, parlance.Invalid, "no platform", 0},
		"error":            {400, "", `{"error":"bad","code":"BadRequest"}`, parlance.Invalid, "bad", 0},
		"list of errors":   {422, "", `{"error":["too large","too wide"]}`, parlance.Invalid, "too large; too wide", 0},
		"raw text":         {503, "7", `down for maintenance`, parlance.Unavailable, "down for maintenance", 7 * time.Second},
		"HTML":             {502, "", `<html><body>nginx</body></html>`, parlance.Unavailable, "Bad Gateway", 0},
		"nothing":          {500, "", ``, parlance.Unavailable, "Internal Server Error", 0},
		"forbidden":        {403, "", `{"message":{"a":1}}`, parlance.Forbidden, "Forbidden", 0},
		"token shown":      {401, "", `{"message":"unknown token ` + secret + `"}`, parlance.Unauthenticated, "unknown token [token]", 0},
		"B25 says when":    {429, "3", `{"error":"Rate limit exceeded"}`, parlance.Limited, "Rate limit exceeded", 3 * time.Second},
		"B25 doesn't say":  {429, "", `{"error":"Rate limit exceeded"}`, parlance.Limited, "Rate limit exceeded", time.Second},
		"success in words": {200, "", `hello`, parlance.Broken, "in the place of JSON", 0},
	} {
		calls := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			if r.Header.Get("Authorization") != "Bearer "+secret || r.UserAgent() != "acme" {
				t.Errorf("headers %v", r.Header)
			}
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(c.status)
			w.Write([]byte(c.body))
		}))
		client, err := shopline.NewClient(srv.URL, shopline.StaticToken(secret+"\n"), shopline.ClientOptions{UserAgent: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.SendShopMessage(t.Context(), shopline.ShopMessage{SenderID: "a", RecipientID: "b", Text: "x"})
		srv.Close()
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || parlance.RetryAfter(err) != c.after || calls != 1 {
			t.Errorf("%s: %v, kind %v, wait %v, %d calls", name, err, parlance.KindOf(err), parlance.RetryAfter(err), calls)
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the token is in %v", name, err)
		}
	}
}

// TestClientSent (A12, A13) takes any 2xx, and a conversation in the place of the message.
func TestClientSent(t *testing.T) {
	for body, want := range map[string]string{
		`{"id":"m","platform":"shop_messages","message":{"created_at":"2021-01-24T13:08:52.613Z","sender_id":"a","content":"hi"}}`:                                            "hi",
		`{"id":"c","type":"shop_messages","last_message":{"id":"m","sender_id":"a","sender_type":"User","created_at":"2021-01-24T13:08:52.613Z","value":"hi","type":"text"}}`: "hi",
		`{"id":"c"}`: "",
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.Write([]byte(body))
		}))
		c, err := shopline.NewClient(srv.URL, shopline.StaticToken("t"), shopline.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		sent, err := c.SendShopMessage(t.Context(), shopline.ShopMessage{SenderID: "a", RecipientID: "b", Text: "hi"})
		srv.Close()
		switch {
		case want == "":
			if !errors.Is(err, parlance.Broken) {
				t.Errorf("%s: %v", body, err)
			}
		case err != nil || sent.ID != "m" || sent.Message.SenderID != "a" || sent.Message.Content.Text != want:
			t.Errorf("%s: %+v, %v", body, sent, err)
		}
	}
}

// TestClientToken (B24) asks for the token at each call, so that one which was replaced is used.
func TestClientToken(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	answers := []string{"dead", f.token, ""}
	failed := errors.New("no such file")
	c, err := shopline.NewClient(f.url, func(context.Context) (string, error) {
		if len(answers) == 0 {
			return "", failed
		}
		next := answers[0]
		answers = answers[1:]
		return next, nil
	}, shopline.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{parlance.Unauthenticated, nil, parlance.Unauthenticated, failed} {
		if _, err := c.TokenInfo(t.Context()); !errors.Is(err, want) {
			t.Errorf("call %d: %v, want %v", i, err, want)
		}
	}
}

func TestClientContext(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := clientOf(f, "").TokenInfo(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := shopline.NewClient("ftp://x", shopline.StaticToken("t"), shopline.ClientOptions{}); !errors.Is(err, parlance.Invalid) {
		t.Errorf("%v", err)
	}
}

// TestSourceOfOwnServer reads our own server: its list, each conversation, whose token it is.
func TestSourceOfOwnServer(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	shop, order := exampleShop(f), exampleOrder(f)
	if _, err := clientOf(f, "").SendOrderMessage(t.Context(), "5d8c8b3be388095d25acbc89", shopline.OrderMessage{Text: "staff only", IsPrivate: true}); err != nil {
		t.Fatal(err)
	}
	s := shopline.NewSource(clientOf(f, "/v1"), shopline.SourceOptions{})
	if account, err := s.Account(t.Context()); err != nil || account != merchant {
		t.Errorf("account %q, %v", account, err)
	}
	found := map[parlance.ConversationID]history.Stream{}
	for stream, err := range s.Streams(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		found[stream.Conversation.ID] = stream
	}
	got := found[order.Conversation]
	c := got.Conversation
	if len(found) != 2 || c.Kind != parlance.Order || c.OrderID != "5d8c8b3be388095d25acbc89" || c.OrderNumber != "2019052707260498" ||
		c.Customer != "5ff6d89e36b0092881082d70" || c.Platform != parlance.Shopline || got.Hint == "" || got.ID != "order_messages/"+history.StreamID(order.Conversation) {
		t.Errorf("%+v", got)
	}
	if native := string(c.Native.JSON); strings.Contains(native, "last_message") || !strings.Contains(native, `"order_number":"2019052707260498"`) {
		t.Errorf("native %s", native)
	}
	var notes int
	for _, ref := range []parlance.Ref{shop, order} {
		read := 0
		for p, err := range s.Walk(t.Context(), found[ref.Conversation].ID, history.Window{}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range p.Items {
				read++
				m := it.Message
				if it.Err != nil || m.Native.JSON == nil || it.Conversation != ref.Conversation {
					t.Errorf("%+v", it)
				}
				if !s.Same(&m, &m) {
					t.Error("a message isn't the same as itself")
				}
				if m.Type == parlance.TypeNote {
					notes++
					if !m.Private() || m.Acting != staff || m.Role != parlance.Merchant {
						t.Errorf("%+v", m)
					}
				}
			}
		}
		if want := map[parlance.Ref]int{shop: 4, order: 2}[ref]; read != want {
			t.Errorf("%s: %d messages, want %d", ref, read, want)
		}
	}
	if notes != 1 {
		t.Errorf("%d notes", notes) // A16
	}
}

// TestAccountUnknown: the platform may not have the call.
func TestAccountUnknown(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	if account, err := sourceOf(t, srv.URL, "t").Account(t.Context()); account != "" || err != nil {
		t.Errorf("%q, %v", account, err)
	}
}

// A lister is an upstream with a list of conversations.
type lister struct {
	ids    []string // newest activity first
	items  []string // JSON, behind those of ids
	other  []string // JSON, in the list of order_messages
	calls  int
	before func(l *lister)
	stuck  bool // page is ignored
	// answer, if set, may answer in the place of what follows.
	answer func(w http.ResponseWriter, page, per int) bool
	// Other numbers than the true ones: what is added.
	offCount, offPages int
}

func (l *lister) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var page, per int
	fmt.Sscan(r.URL.Query().Get("page"), &page)
	fmt.Sscan(r.URL.Query().Get("per_page"), &per)
	if r.URL.Query().Get("platform") != "shop_messages" {
		fmt.Fprintf(w, `{"pagination":{"current_page":1,"per_page":50,"total_pages":1,"total_count":%d},"items":[%s]}`, len(l.other), strings.Join(l.other, ","))
		return
	}
	l.calls++
	if l.before != nil {
		l.before(l)
	}
	if l.answer != nil && l.answer(w, page, per) {
		return
	}
	if l.stuck {
		page = 1
	}
	var all []string
	for _, id := range l.ids {
		all = append(all, fmt.Sprintf(`{"id":%q,"type":"shop_messages","customer_id":"u","x":[1, 2]}`, id))
	}
	all = append(all, l.items...)
	from := min((page-1)*per, len(all))
	fmt.Fprintf(w, `{"pagination":{"current_page":%d,"per_page":%d,"total_pages":%d,"total_count":%d},"items":[%s]}`,
		page, per, (len(all)+per-1)/per+l.offPages, len(all)+l.offCount, strings.Join(all[from:min(from+per, len(all))], ","))
}

// listed reads a list: the conversations that it has, what can't be read of it, and how the reading ended.
func listed(t *testing.T, h http.Handler) (seen map[parlance.ConversationID]int, asides []error, failed error) {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	seen = map[parlance.ConversationID]int{}
	for stream, err := range sourceOf(t, srv.URL, "t").Streams(t.Context()) {
		switch {
		case err != nil:
			failed = err
		case stream.Err != nil:
			asides = append(asides, stream.Err)
		default:
			seen[stream.Conversation.ID]++
		}
	}
	return seen, asides, failed
}

func numbered(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("c%03d", i))
	}
	return ids
}

// TestStreamsMoving lists conversations of which one jumps to the top while the list is read.
func TestStreamsMoving(t *testing.T) {
	l := &lister{ids: numbered(120)}
	l.before = func(l *lister) {
		if l.calls == 2 { // after the first page, the last one of all
			l.ids = append([]string{l.ids[119]}, l.ids[:119]...)
		}
	}
	seen, asides, err := listed(t, l)
	if len(seen) != 120 || seen["c119"] != 1 || l.calls > 9 || len(asides) > 0 || err != nil {
		t.Errorf("%d conversations in %d calls, %v, %v", len(seen), l.calls, asides, err)
	}
}

// TestStreamsSamePage (B3): a platform that ignores page must not be read for ever.
func TestStreamsSamePage(t *testing.T) {
	for _, off := range []int{0, 1 << 30} {
		l := &lister{ids: numbered(120), stuck: true, offPages: off}
		seen, asides, err := listed(t, l)
		if len(seen) > 50 || err == nil && len(asides) != 1 || l.calls > 30 {
			t.Errorf("%d conversations in %d calls, %v, %v", len(seen), l.calls, asides, err)
		}
	}
}

// TestConversationOf: the record stays the same while only messages arrive.
func TestConversationOf(t *testing.T) {
	const before, after = `{ "id":"c", "type":"order_messages","customer_id":"u","order_number":null,"system_order_number":"S1","order_id":"o","new":{"a": 1.0},`,
		`"more":true}`
	one, err := shopline.ConversationOf([]byte(before + `"last_message":{"id":"m1"},` + after))
	if err != nil {
		t.Fatal(err)
	}
	two, err := shopline.ConversationOf([]byte(before + `"last_message":{"id":"m2","value":"x"},` + after))
	if err != nil {
		t.Fatal(err)
	}
	const native = `{"id":"c","type":"order_messages","customer_id":"u","order_number":null,"system_order_number":"S1","order_id":"o","new":{"a": 1.0},"more":true}`
	if string(one.Native.JSON) != native || string(two.Native.JSON) != native || one.OrderNumber != "S1" {
		t.Errorf("%+v %s", one, one.Native.JSON)
	}
	if c, err := shopline.ConversationOf([]byte(`{"id":"c","type":"order_messages","customer_id":7}`)); err != nil || c.Kind != parlance.Order {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []string{`{}`, `[]`, `{"id":1}`, `null`, ``} {
		if _, err := shopline.ConversationOf([]byte(bad)); !errors.Is(err, parlance.Invalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
