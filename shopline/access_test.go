package shopline_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"parlance"
	"parlance/access"
	"parlance/shopline"
)

// endpoints has a request for each endpoint, and for paths that have none.
var endpoints = []struct{ method, path, body string }{
	{"GET", "/v1/conversations?platform=shop_messages", ""},
	{"GET", "/v1/conversations/622090c66775a37b9fa60799/messages?platform=shop_messages", ""},
	{"POST", "/v1/conversations/message", `{"sender_id":"` + merchant + `","recipient_id":"` + customer + `","text":"hi"}`},
	{"POST", "/v1/orders/o1/messages", `{"text":"hi","trackable_type":"Order","trackable_id":"o1"}`},
	{"GET", "/v1/token/info", ""},
	{"GET", "/v1/conversations/622090c66775a37b9fa60799", ""},
	{"POST", "/v1/media", ""},
}

func TestBadCredentials(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	exampleShop(f)
	ctx := t.Context()
	expired, expiredToken, err := f.keeper.AddKey(ctx, f.ws.ID, access.Credential{Kind: access.ShoplineToken, Expires: f.store.Now() + 60_000})
	if err != nil {
		t.Fatal(err)
	}
	revoked, revokedToken, err := f.keeper.AddKey(ctx, f.ws.ID, access.Credential{Kind: access.ShoplineToken})
	if err != nil {
		t.Fatal(err)
	}
	_, apiKey, err := f.keeper.AddKey(ctx, f.ws.ID, access.Credential{Kind: access.APIKey})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{expiredToken, revokedToken} { // both are good, and known to be
		if r := f.doAs("Bearer "+token, "GET", "/v1/token/info", ""); r.status != 200 {
			t.Fatalf("a good token: %d %s", r.status, r.body)
		}
	}
	f.advance(time.Minute)
	if err := f.keeper.Revoke(ctx, f.ws.ID, revoked.ID); err != nil {
		t.Fatal(err)
	}
	if expired.Expires > f.store.Now() {
		t.Fatal("clock did not move")
	}

	const want = `{"message":"access token is missing, unknown, expired or revoked","error":"access token is missing, unknown, expired or revoked","code":"Unauthorized"}`
	for name, authorization := range map[string]string{
		"none": "", "wrong": "Bearer " + fmt.Sprintf("%064x", 1), "expired": "Bearer " + expiredToken, "revoked": "Bearer " + revokedToken,
		"foreign kind": "Bearer " + apiKey, "foreign scheme": "Basic " + f.token, "no scheme": f.token, "no token": "Bearer ", "two tokens": "Bearer " + f.token + " " + f.token,
	} {
		for _, e := range endpoints {
			r := f.doAs(authorization, e.method, e.path, e.body)
			if r.status != http.StatusUnauthorized || r.body != want {
				t.Errorf("%s, %s %s: %d %s", name, e.method, e.path, r.status, r.body)
			}
		}
	}
	if n := count(f, f.ws.ID); n != 1 {
		t.Errorf("%d conversations after refused requests, want the one that was there", n)
	}
}

// count returns how many conversations there are.
func count(f *fixture, ws parlance.WorkspaceID) int {
	f.t.Helper()
	n := 0
	for _, err := range f.store.Conversations(f.t.Context(), ws) {
		if err != nil {
			f.t.Fatal(err)
		}
		n++
	}
	return n
}

// TestForeignToken checks that a good token of another workspace sees and touches
// nothing of this one.
func TestForeignToken(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	ref := exampleShop(f)
	order := exampleOrder(f)
	other, token := f.workspace("other", "aaaaaaaaaaaaaaaaaaaaaaaa")
	as := "Bearer " + token
	for _, path := range []string{
		"/v1/conversations/" + string(ref.Conversation) + "/messages?platform=shop_messages",
		"/v1/conversations/" + string(order.Conversation) + "/messages?platform=order_messages",
	} {
		get[shopline.Page](f, path) // may be kept, and must not be served to others
		if r := f.doAs(as, "GET", path, ""); r.status != 404 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	for _, platform := range []string{"shop_messages", "order_messages"} {
		got := decode[shopline.ConversationPage](f, f.doAs(as, "GET", "/v1/conversations?platform="+platform, ""))
		if len(got.Items) != 0 || got.Pagination.TotalCount != 0 {
			t.Errorf("%s: %+v", platform, got)
		}
	}
	if r := f.doAs(as, "POST", "/v1/orders/5d8c8b3be388095d25acbc89/messages", `{"text":"hi"}`); r.status != 404 {
		t.Errorf("order of another: %d %s", r.status, r.body)
	}
	if r := f.doAs(as, "POST", "/v1/conversations/message", `{"sender_id":"`+merchant+`","recipient_id":"`+customer+`","text":"hi"}`); r.status != 422 {
		t.Errorf("merchant of another: %d %s", r.status, r.body)
	}
	if n := count(f, other.ID); n != 0 {
		t.Errorf("%d conversations in the other workspace, want none", n)
	}
}

func TestTokenForms(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	const want = `{"staff":{"id":"` + staff + `"},"merchant":{"id":"` + merchant + `"}}`
	for _, authorization := range []string{"Bearer " + f.token, "bearer " + f.token, "BEARER  " + f.token} {
		if r := f.doAs(authorization, "GET", "/v1/token/info", ""); r.status != 200 || r.body != want {
			t.Errorf("%.8s…: %d %s", authorization, r.status, r.body)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", f.url+"/v1/token/info", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Shopline-Access-Token", f.token)
	resp, err := f.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("X-Shopline-Access-Token alone: %d", resp.StatusCode)
	}
}

func TestUnknownPaths(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	const want = `{"message":"no such path","error":"no such path","code":"NotFound"}`
	for _, c := range []struct{ method, path string }{
		{"GET", "/v1/conversations/622090c66775a37b9fa60799"},
		{"GET", "/v1/conversations/"},
		{"POST", "/v1/conversations"},
		{"POST", "/v1/conversations/622090c66775a37b9fa60799/messages"},
		{"POST", "/v1/conversations/order-message"},
		{"POST", "/v1/conversations/shop-messages"},
		{"POST", "/v1/return_orders/1/messages"},
		{"POST", "/v1/media"},
		{"GET", "/v1/webhooks"},
		{"DELETE", "/v1/token/info"},
		{"GET", "/v1/orders/1/messages"},
		{"GET", "/v1/"},
		{"GET", "/elsewhere"},
	} {
		if r := f.do(c.method, c.path, ""); r.status != 404 || r.body != want {
			t.Errorf("%s %s: %d %s", c.method, c.path, r.status, r.body)
		}
	}
}

func TestRateLimit(t *testing.T) {
	f := newFixture(t, shopline.Options{RatePerSecond: 20})
	_, other := f.workspace("other", "aaaaaaaaaaaaaaaaaaaaaaaa")
	const path = "/v1/conversations?platform=shop_messages"
	for i := range 20 {
		if r := f.do("GET", path, ""); r.status != 200 {
			t.Fatalf("request %d: %d %s", i+1, r.status, r.body)
		}
	}
	r := f.do("GET", path, "")
	const want = `{"message":"Rate limit exceeded: at most 20 requests per second","error":"Rate limit exceeded: at most 20 requests per second","code":"RateLimitExceeded"}`
	if r.status != 429 || r.body != want || r.header.Get("Retry-After") != "1" {
		t.Errorf("request 21: %d %s, Retry-After %q", r.status, r.body, r.header.Get("Retry-After"))
	}
	if r := f.doAs("Bearer "+other, "GET", path, ""); r.status != 200 {
		t.Errorf("another token: %d %s", r.status, r.body)
	}
	f.advance(time.Second)
	if r := f.do("GET", path, ""); r.status != 200 {
		t.Errorf("a second later: %d %s", r.status, r.body)
	}
}

func TestNoRateLimit(t *testing.T) {
	f := newFixture(t, shopline.Options{})
	for i := range 100 {
		if r := f.do("GET", "/v1/token/info", ""); r.status != 200 {
			t.Fatalf("request %d: %d %s", i+1, r.status, r.body)
		}
	}
}
