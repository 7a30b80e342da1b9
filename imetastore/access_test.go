package imetastore_test

import (
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/imetastore"
	"parlance/store"
)

func TestLogin(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	ask := `{"email":"` + strings.ToUpper(f.secrets.Email) + `","password":"` + f.secrets.Password + `"}`
	for _, base := range []string{"", "/merchant-api", "/api/merchant-api"} {
		r := f.do("POST", base+"/seller/auth/login", "", ask)
		l := decode[imetastore.Login](t, r)
		if l.TokenType != "Bearer" || l.ExpiresIn != 86400 || l.RefreshToken == "" {
			t.Errorf("login %+v", l)
		}
		for _, scheme := range []string{"Bearer ", "bearer ", "BEARER  "} {
			if r := f.do("POST", base+"/seller/im/msg", scheme+l.AccessToken, everything); r.status != 200 {
				t.Errorf("%q with the token: %d %s", scheme, r.status, r.body)
			}
		}
		// The first token stays good.
		f.list(everything)
		if r := f.do("POST", base+"/seller/im/msg", "Bearer "+l.RefreshToken, everything); r.status != 401 {
			t.Errorf("refresh token: %d %s", r.status, r.body)
		}
	}
}

func TestLoginRefused(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	wrong := `{"code":"401","msg":"Email or password is wrong.","time":"2025-12-17T13:44:16.000Z","data":null}`
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"email":"` + f.secrets.Email + `","password":"wrong"}`, 401, wrong},
		{`{"email":"nobody@example.com","password":"` + f.secrets.Password + `"}`, 401, wrong},
		{`{"email":"` + f.secrets.Email + `"}`, 400, `{"code":"10002","msg":"Field password is required.","time":"2025-12-17T13:44:16.000Z","data":null}`},
		{`{"password":"x"}`, 400, `{"code":"10002","msg":"Field email is required.","time":"2025-12-17T13:44:16.000Z","data":null}`},
		{`{"email":7,"password":"x"}`, 400, `{"code":"10002","msg":"Field email is of the wrong type.","time":"2025-12-17T13:44:16.000Z","data":null}`},
	} {
		if r := f.do("POST", "/seller/auth/login", "", c.body); r.status != c.status || r.body != c.want {
			t.Errorf("%s: %d %s", c.body, r.status, r.body)
		}
	}
}

// TestTokens asks every endpoint without a good token.
func TestTokens(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	f.send(`{"buyerId":` + buyer + `,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"secret"}}}`)
	other := newFixture(t, imetastore.Options{}) // another installation, with another key
	want := `{"code":"401","msg":"Unauthorized: the access token is missing, invalid or expired.","time":"2025-12-17T13:44:16.000Z","data":null}`
	refused := func(why, authorization, want string) {
		t.Helper()
		for _, path := range []string{"/seller/im/msg", "/merchant-api/seller/im/msg", "/api/merchant-api/seller/im/msg", "/seller/im/send-msg"} {
			for _, body := range []string{everything, "", "nonsense"} {
				r := f.do("POST", path, authorization, body)
				if r.status != 401 || r.body != want || r.header.Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("%s: %s: %d %s", why, path, r.status, r.body)
				}
			}
		}
	}
	refused("none", "", want)
	refused("empty", "Bearer ", want)
	refused("bare", f.token, want)
	refused("basic", "Basic "+f.token, want)
	refused("nonsense", "Bearer nonsense", want)
	refused("truncated", "Bearer "+f.token[:len(f.token)-1], want)
	refused("another key's", "Bearer "+other.token, want)
	refused("another dialect's", "Bearer "+f.secrets.ShoplineToken, want)
	f.list(everything)
	f.advance(86400*time.Second + time.Second)
	refused("expired", "Bearer "+f.token, strings.Replace(want, "2025-12-17T13:44:16", "2025-12-18T13:44:17", 1))
}

// TestOtherWorkspace checks that nothing is seen of another workspace.
func TestOtherWorkspace(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	f.send(`{"buyerId":` + buyer + `,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"ours"}}}`)
	_, secrets := f.workspace("other")
	theirs := f.login(secrets)
	for _, who := range []string{buyer, "null"} {
		r := f.do("POST", "/seller/im/msg", "Bearer "+theirs, `{"buyerId":`+who+`,"minTime":0,"maxTime":4102444800}`)
		if l := decode[imetastore.MessageList](t, r); len(l.MsgList) != 0 || l.Complete != 1 {
			t.Errorf("buyer %s: %s", who, r.body)
		}
	}
}

// TestAnswersAreNotStale checks that a page which was kept is made anew when anything
// in it changes.
func TestAnswersAreNotStale(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c", Customer: buyer})
	expect := func(want string) {
		t.Helper()
		for range 2 {
			f.advance(time.Millisecond)
			r := f.post("/seller/im/msg", everything)
			if got := texts(t, decode[imetastore.MessageList](t, r)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if !strings.Contains(r.body, `"time":"`+f.store.Now().String()+`"`) {
				t.Errorf("the time is not now: %s", r.body)
			}
		}
	}
	expect("")
	f.put(ref, store.Send, parlance.Message{ID: "1", Sender: buyer, Role: parlance.Customer, Text: "a"})
	expect("a")
	f.change(ref, "1", func(m *parlance.Message) { m.Text = "b" })
	expect("b")
	second := f.conversation(parlance.Conversation{ID: "d", Kind: parlance.Order, Customer: buyer})
	f.put(second, store.Send, parlance.Message{ID: "1", Sender: buyer, Role: parlance.Customer, Text: "c"})
	expect("b c")
	if err := f.store.RemoveMember(t.Context(), second, buyer); err != nil {
		t.Fatal(err)
	}
	expect("b")
	f.change(ref, "1", func(m *parlance.Message) { m.State = parlance.Deleted })
	expect("")
}
