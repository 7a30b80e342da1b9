package dialecttest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"parlance"
	"parlance/imetastore"
	"parlance/imkit"
	"parlance/internal/dialecttest"
	"parlance/shopline"
	"parlance/store"
)

// A dialect is one as a house serves it, and its description.
type dialect struct {
	name        string
	openAPI     []byte
	server      func(h *house) http.Handler
	base        string
	credentials func(h *house) []string
	calls       []sample
}

// A sample is a call that succeeds in a house that is [house.inhabited]. Its query and body name all that the
// call takes.
type sample struct {
	operation, method, path, query, body string
	admin                                bool
}

const (
	message  = "5f890cf37d980e06f6aaf349"
	newToken = "a-token-of-thirty-two-letters-or-more"
)

var dialects = []dialect{
	{"imkit", imkit.OpenAPI(), func(h *house) http.Handler { return h.imkit }, "", func(h *house) []string { return h.user("alice") }, []sample{
		{operation: "listMessages", method: "GET", path: "/rooms/r1/messages/v3", query: "limit=5"},
		{operation: "postMessage", method: "POST", path: "/rooms/r1/message", body: `{"messageType":"text","message":"hi","mentions":["bob"],"reply":"` + message + `"}`},
		{operation: "addReaction", method: "POST", path: "/messages/" + message + "/reaction", body: `{"reaction":"+"}`},
		{operation: "removeReaction", method: "DELETE", path: "/messages/" + message + "/reaction", query: "reaction=-", body: `{}`},
		{operation: "hideMessages", method: "POST", path: "/messages/user-delete", body: `{"room":"r1","messages":["` + message + `"]}`},
		{operation: "listRooms", method: "GET", path: "/rooms", query: "limit=5&skip=0&sort=-lastMessage"},
		{operation: "listRoomIDs", method: "GET", path: "/rooms/ids", query: "limit=5&skip=0"},
		{operation: "listInvitations", method: "GET", path: "/rooms/invitations"},
		{operation: "createRoom", method: "POST", path: "/rooms", body: `{"name":"a","roomTags":["x"],"opening":1,"extParams":"{}"}`},
		{operation: "createAndJoin", method: "POST", path: "/rooms/createAndJoin", body: `{"name":"a","invitee":["bob"],"roomType":"group"}`},
		{operation: "getRoom", method: "GET", path: "/rooms/r1"},
		{operation: "updateRoom", method: "PUT", path: "/rooms/r1", body: `{"name":"b","status":1}`},
		{operation: "joinRoom", method: "POST", path: "/rooms/r1/join", body: `{"systemMessage":true}`},
		{operation: "setLastRead", method: "PUT", path: "/rooms/r1/lastRead", body: `{"message":"` + message + `"}`},
		{operation: "addMembers", method: "POST", path: "/rooms/r1/members", body: `{"invitees":["cid"],"systemMessage":true}`},
		{operation: "addMember", method: "POST", path: "/rooms/r1/members/dan", body: `{"systemMessage":true}`},
		{operation: "removeMembers", method: "POST", path: "/rooms/r1/delete/members", body: `{"members":["bob"],"systemMessage":true}`},
		{operation: "removeMember", method: "DELETE", path: "/rooms/r1/members/bob", body: `{"systemMessage":true}`},
		{operation: "search", method: "POST", path: "/search", body: `{"type":["messages","roomName"],"keyword":"hello","limit":5}`},
		{operation: "me", method: "GET", path: "/me"},
		{operation: "deleteMessage", method: "DELETE", path: "/rooms/r1/messages/" + message},
		{operation: "deleteAllMessages", method: "DELETE", path: "/rooms/r1/messages/_all"},
		{operation: "postMessageAsAdmin", method: "POST", path: "/messages", body: `{"room":"r1","sender":"alice","message":"hi"}`, admin: true},
		{operation: "putClient", method: "POST", path: "/admin/clients", body: `{"_id":"eve","nickname":"Eve","issueAccessToken":true}`, admin: true},
		{operation: "replaceToken", method: "PUT", path: "/admin/clients/alice/token", body: `{"token":"` + newToken + `"}`, admin: true},
		{operation: "revokeTokens", method: "DELETE", path: "/admin/clients/alice/token", admin: true},
	}},
	{"shopline", shopline.OpenAPI(), func(h *house) http.Handler { return h.shopline }, "/v1", func(h *house) []string { return []string{"Authorization", "Bearer " + h.secrets.ShoplineToken} }, []sample{
		{operation: "listConversations", method: "GET", path: "/conversations", query: "platform=shop_messages&page=1&per_page=5&customer_id=" + customer},
		{operation: "listMessages", method: "GET", path: "/conversations/shop/messages", query: "platform=shop_messages&limit=5&start=2020-01-01"},
		{operation: "sendShopMessage", method: "POST", path: "/conversations/message", body: `{"sender_id":"` + merchant + `","recipient_id":"` + customer + `","text":"hi","sender_email":"a@example.com","ref_data":{"path":"/x"}}`},
		{operation: "sendOrderMessage", method: "POST", path: "/orders/" + orderID + "/messages", body: `{"text":"hi","is_private":true,"trackable_type":"Order","trackable_id":"` + orderID + `"}`},
		{operation: "tokenInfo", method: "GET", path: "/token/info"},
	}},
	{"imetastore", imetastore.OpenAPI(), func(h *house) http.Handler { return h.imetastore }, "", func(h *house) []string { return []string{"Authorization", "Bearer " + h.seller} }, []sample{
		{operation: "listMessages", method: "POST", path: "/seller/im/msg", body: `{"buyerId":` + buyer + `,"minTime":0,"maxTime":1800000000,"lastMsgKey":""}`},
		{operation: "sendMessage", method: "POST", path: "/seller/im/send-msg", body: `{"buyerId":` + buyer + `,"msgRandom":9,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"hi"}}}`},
		{operation: "login", method: "POST", path: "/seller/auth/login"}, // its body is the house's own
	}},
}

const merchant = "5d8c8b3be388095d25acbc00"

// inhabited returns a house with a room, a shop's conversation and a buyer's.
func inhabited(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	ctx := t.Context()
	room := parlance.Conversation{ID: "r1", Kind: parlance.Room, Platform: parlance.IMKit, Owner: "alice"}
	if _, err := h.store.Create(ctx, h.ws.ID, room); err != nil {
		t.Fatal(err)
	}
	ref := parlance.Ref{Workspace: h.ws.ID, Conversation: "r1"}
	if err := h.store.AddMembers(ctx, ref, parlance.Member{Account: "alice", Role: parlance.Owner}, parlance.Member{Account: "bob"}); err != nil {
		t.Fatal(err)
	}
	m := parlance.Message{ID: message, Sender: "bob", Type: parlance.TypeText, Text: "hello"}
	if _, err := h.store.Put(ctx, ref, store.Send, m); err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.UpdateAccount(ctx, h.ws.ID, "alice", func(a *parlance.Account) error { a.Name = "Alice"; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, send := range []func() (int, string){h.sendShop, h.sendOrder, h.sendBuyer} {
		if status, body := send(); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	return h
}

// try makes a call of a house and returns the exchange.
func (d *dialect) try(h *house, s *sample, query, body string) dialecttest.Exchange {
	h.Helper()
	path := d.base + strings.ReplaceAll(s.path, "/shop/", "/"+string(derivedOf(h, parlance.Shop, customer))+"/")
	if query != "" {
		path += "?" + query
	}
	r := httptest.NewRequest(s.method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	headers := d.credentials(h)
	if s.admin {
		headers = h.key()
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.server(h).ServeHTTP(w, r)
	answer, err := io.ReadAll(w.Body)
	if err != nil {
		h.Fatal(err)
	}
	r.URL.Host, r.Host = "", ""
	return dialecttest.Exchange{Request: r, Sent: []byte(body), Status: w.Code, Header: w.Header(), Body: answer}
}

// bodyOf returns a sample's body for a house.
func (d *dialect) bodyOf(h *house, s *sample) string {
	body := strings.ReplaceAll(s.body, merchant, string(h.ws.Merchant))
	if s.operation == "login" {
		body = fmt.Sprintf(`{"email":%q,"password":%q}`, h.secrets.Email, h.secrets.Password)
	}
	return body
}

func (d *dialect) describe(t *testing.T) *dialecttest.Description {
	t.Helper()
	description, err := dialecttest.Describe(d.openAPI, "/"+strings.TrimPrefix(d.base, "/"))
	if err != nil {
		t.Fatal(err)
	}
	return description
}

// Every call that is described answers as described, and with nothing that isn't.
func TestEveryAnswerIsDescribed(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			description := d.describe(t)
			open := maps.Clone(description.Operations())
			delete(open, "getFile") // answers files; imkit's TestFiles
			for _, s := range d.calls {
				h := inhabited(t)
				x := d.try(h, &s, s.query, d.bodyOf(h, &s))
				if !description.Check(t, x) || x.Status != http.StatusOK {
					t.Errorf("%s: %d %s", s.operation, x.Status, x.Body)
					continue
				}
				delete(open, s.operation)
				if unnamed, err := description.Undescribed(x); err != nil || len(unnamed) > 0 {
					t.Errorf("%s: %q aren't described, %v: %s", s.operation, unnamed, err, x.Body)
				}
			}
			if len(open) > 0 {
				t.Errorf("not called: %q", slices.Sorted(maps.Keys(open)))
			}
		})
	}
}

// long is text that no id, name or description may have.
func long(n int) string { return strings.Repeat("x", n) }

// A request that the server refuses for what it looks like, the description refuses too. Each parameter and each
// field of a body gets values of other kinds and beyond every bound.
func TestDescriptionsAreAsStrictAsTheServer(t *testing.T) {
	texts := []string{"", "x", "-1", "0", "1", "2.5", "251", "1001", "99999999999999999999", "[]", long(parlance.MaxID + 1)}
	values := []any{
		nil, true, 0, 1, -1, 2, 1.5, "", "x", "1",
		map[string]any{},
		[]any{},
		[]any{nil},
		[]any{5},
		[]any{"x"},
		[]any{map[string]any{}},
		[]any{""},
		long(parlance.MaxReaction + 1), long(parlance.MaxID + 1), long(parlance.MaxName + 1), long(parlance.MaxAddress + 1), long(parlance.MaxRoomFields + 1),
		slices.Repeat([]any{"x"}, parlance.MaxTags+1), slices.Repeat([]any{"x"}, parlance.MaxManagers+1), slices.Repeat([]any{"x"}, parlance.MaxMembers+1),
		[]any{long(parlance.MaxName + 1)},
	}
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			description := d.describe(t)
			tried := 0
			for _, s := range d.calls {
				h := inhabited(t)
				hold := func(what, query, body string) {
					tried++
					x := d.try(h, &s, query, body)
					shape := x.Status == http.StatusBadRequest || x.Status == http.StatusUnprocessableEntity
					if err := description.Refuses(x); shape && err == nil && !unsayable(s.operation, what) {
						t.Errorf("%s %s: %.200s", s.operation, what, x.Body)
					}
				}
				o := description.Operations()[s.operation]
				body := d.bodyOf(h, &s)
				for _, p := range o.Parameters {
					if p.Value.In != openapi3.ParameterInQuery {
						continue
					}
					for _, text := range texts {
						q, err := url.ParseQuery(s.query)
						if err != nil {
							t.Fatal(err)
						}
						q.Set(p.Value.Name, text)
						hold(fmt.Sprintf("?%s=%.9s", p.Value.Name, text), q.Encode(), body)
					}
					q, _ := url.ParseQuery(s.query)
					q.Del(p.Value.Name)
					hold("without ?"+p.Value.Name, q.Encode(), body)
				}
				if o.RequestBody == nil {
					continue
				}
				for _, whole := range []string{"null", "5", `"x"`, "[]", "", "{"} {
					hold("body "+whole, s.query, whole)
				}
				for name := range membersOf(o.RequestBody.Value.Content.Get("application/json").Schema) {
					var fields map[string]any
					decode := json.NewDecoder(bytes.NewReader([]byte(body + "{}")))
					decode.UseNumber()
					if err := decode.Decode(&fields); err != nil {
						t.Fatal(err)
					}
					changed := func(what string) {
						b, err := json.Marshal(fields)
						if err != nil {
							t.Fatal(err)
						}
						hold(what, s.query, string(b))
					}
					for _, v := range values {
						fields[name] = v
						b, _ := json.Marshal(v)
						changed(fmt.Sprintf("%s: %.9s%d", name, b, len(b)))
					}
					delete(fields, name)
					changed("without " + name)
				}
			}
			t.Logf("%d requests", tried)
		})
	}
}

// membersOf returns the members that a schema names.
func membersOf(ref *openapi3.SchemaRef) map[string]bool {
	names := map[string]bool{}
	for _, s := range append(ref.Value.AllOf, ref) {
		for name := range s.Value.Properties {
			names[name] = true
		}
	}
	return names
}

// unsayable reports whether OpenAPI has no words for what is wrong with a request.
func unsayable(operation, what string) bool {
	if strings.HasPrefix(what, "?") && strings.HasSuffix(what, "=") {
		return true // the reader of descriptions takes an empty parameter for an absent one
	}
	name, value, _ := strings.Cut(what, ":")
	switch operation + " " + name {
	case "sendOrderMessage trackable_id", // the id in the path
		"sendShopMessage sender_id", "sendShopMessage recipient_id", // one is the merchant's
		"putClient token",       // not with issueAccessToken
		"putClient without _id", // unless there is id
		"listMessages maxTime":  // not below minTime
		return true
	case "postMessageAsAdmin sender", "postMessageAsAdmin message": // there, unless the key acts for one, or there is a messageType
		return value == ` ""2` || value == " null4"
	case "postMessageAsAdmin without sender", "postMessageAsAdmin without message":
		return true
	case "putClient expirationDate", "replaceToken expirationDate":
		return value == ` "1"3` // has passed
	}
	return false
}
