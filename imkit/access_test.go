package imkit_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"parlance/access"
)

func TestWhoMayCall(t *testing.T) {
	w, alice, _ := chat(t)
	token := alice["IM-Authorization"]
	for name, h := range map[string]headers{
		"client key and token": alice,
		"legacy names":         {"CLIENT_KEY": w.secrets.ClientKey, "Authorization": token},
		"API key":              w.key(""),
		"legacy API key":       {"API_KEY": w.secrets.APIKey},
		"API key for a user":   w.key("alice"),
		"API key and token":    {"IM-API-KEY": w.secrets.APIKey, "IM-Authorization": token},
		"id beside a token":    alice.with("IM-CLIENT-ID", "nobody"),
	} {
		if a := w.call(t, "GET", "/rooms/r1/messages/v3/", h, nil); a.status != 200 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, c := range []struct {
		name    string
		headers headers
		status  int
		code    string
	}{
		{"nothing", nil, 401, "INVALID_TOKEN"},
		{"client key alone", headers{"IM-CLIENT-KEY": w.secrets.ClientKey}, 401, "INVALID_TOKEN"},
		{"token alone", headers{"IM-Authorization": token}, 403, "INVALID_CLIENT_KEY"},
		{"wrong client key", alice.with("IM-CLIENT-KEY", "x"), 403, "INVALID_CLIENT_KEY"},
		{"wrong token", alice.with("IM-Authorization", "x"), 401, "INVALID_TOKEN"},
		{"wrong API key", headers{"IM-API-KEY": "x"}, 401, "INVALID_API_KEY"},
		{"wrong API key beside a token", alice.with("IM-API-KEY", "x"), 401, "INVALID_API_KEY"},
		{"API key and wrong token", w.key("").with("IM-Authorization", "x"), 401, "INVALID_TOKEN"},
	} {
		w.refused(t, c.status, c.code, "GET", "/rooms/r1/messages/v3", c.headers, nil)
	}
}

// A nickname may be longer than what a token holds of it.
func TestTokensOfLongNames(t *testing.T) {
	w := open(t)
	name := strings.Repeat("Dörte", 1024/6)
	w.ok(t, "POST", "/admin/clients", w.key(""), `{"_id":"dora","nickname":"`+name+`"}`)
	w.ok(t, "POST", "/admin/clients", w.key(""), `{"_id":"dora","issueAccessToken":true}`)
}

func TestTokensOfAUser(t *testing.T) {
	w := open(t)
	admin := w.key("")
	issue := `{"_id":"dora","nickname":"Dora","avatarUrl":"https://x/d.png","issueAccessToken":true}`
	a := w.call(t, "POST", "/admin/clients", admin, issue)
	flat := fields(t, json.RawMessage(a.body))
	result := fields(t, flat["result"])
	for name, v := range result {
		if string(flat[name]) != string(v) {
			t.Errorf("%s = %s in result and %s beside it", name, v, flat[name])
		}
	}
	if text(t, result["_id"]) != "dora" || text(t, result["id"]) != "dora" || text(t, result["nickname"]) != "Dora" || text(t, result["appID"]) != workspace {
		t.Errorf("client = %s", a.body)
	}
	first := text(t, result["token"])
	if strings.Count(first, ".") != 2 || result["expirationDate"] == nil {
		t.Errorf("token = %s until %s", first, result["expirationDate"])
	}
	me := func(token string) answer {
		return w.call(t, "GET", "/me", headers{"IM-CLIENT-KEY": w.secrets.ClientKey, "IM-Authorization": token}, nil)
	}
	if a := me(first); a.status != 200 || !strings.Contains(a.body, `"nickname":"Dora"`) || !strings.Contains(a.body, `"notificationEnabled":false`) {
		t.Errorf("GET /me = %d %s", a.status, a.body)
	}
	w.pass(2000)
	second := text(t, fields(t, w.ok(t, "POST", "/admin/clients", admin, `{"_id":"dora","issueAccessToken":true}`))["token"])
	if me(first).status != 401 || me(second).status != 200 {
		t.Errorf("after a new token: old %d, new %d", me(first).status, me(second).status)
	}
	assigned := fields(t, w.ok(t, "POST", "/admin/clients/", admin, `{"_id":"dora","token":"made-elsewhere","expirationDate":"2033-01-01T00:00:00Z"}`))
	if text(t, assigned["expirationDate"]) != "2033-01-01T00:00:00.000Z" || text(t, assigned["nickname"]) != "Dora" {
		t.Errorf("assigned: %v", assigned)
	}
	if me(second).status != 200 || me("made-elsewhere").status != 200 {
		t.Error("an assigned token stands beside the others")
	}
	w.refused(t, 409, "TOKEN_CONFLICT", "POST", "/admin/clients", admin, `{"_id":"erik","token":"made-elsewhere"}`)
	replaced := fields(t, w.ok(t, "PUT", "/admin/clients/dora/token", admin, `{"token":"replaced"}`))
	if want := (w.clock.Now() + 7*24*3600*1000).String(); text(t, replaced["expirationDate"]) != want {
		t.Errorf("the token's end is told as %s, want %s", replaced["expirationDate"], want)
	}
	if me(second).status != 401 || me("made-elsewhere").status != 401 || me("replaced").status != 200 {
		t.Error("replacing a token stops the older ones")
	}
	w.refused(t, 404, "TOKEN_NOT_FOUND", "DELETE", "/admin/clients/dora/token", admin, `{"token":"nosuch"}`)
	if got := string(w.ok(t, "DELETE", "/admin/clients/dora/token/", admin, `{"token":"replaced"}`)); got != `{"_id":"dora","id":"dora","success":true,"message":"1 tokens revoked","revokedTokens":1,"revoked":1}` {
		t.Errorf("revoked: %s", got)
	}
	if me("replaced").status != 401 {
		t.Error("a revoked token still works")
	}
	w.ok(t, "DELETE", "/admin/clients/dora/token", admin, nil)
}

func TestTokenCallsRefuseInTheFlatForm(t *testing.T) {
	w := open(t)
	admin := w.key("")
	for _, c := range []struct {
		method, path string
		headers      headers
		body, want   string
	}{
		{"POST", "/admin/clients", headers{"IM-API-KEY": "x"}, `{}`, `{"RC":401,"RM":"Unauthorized","error":"UNAUTHORIZED","message":"Invalid API key"}`},
		{"POST", "/admin/clients", w.user(t, "alice"), `{}`, `{"RC":401,"RM":"Unauthorized","error":"UNAUTHORIZED","message":"Invalid API key"}`},
		{"POST", "/admin/clients", admin, `{}`, `{"RC":400,"RM":"Bad Request","error":"INVALID_REQUEST","message":"The field _id is required"}`},
		{"POST", "/admin/clients", admin, `{"_id":"a","issueAccessToken":true,"token":"t"}`, `{"RC":400,"RM":"Bad Request","error":"INVALID_REQUEST","message":"Ask for a token or assign one, not both"}`},
		{"POST", "/admin/clients", admin, `{"_id":"a","token":"t","expirationDate":"2001-01-01"}`, `{"RC":400,"RM":"Bad Request","error":"INVALID_REQUEST","message":"expirationDate has passed already"}`},
		{"PUT", "/admin/clients/nobody/token", admin, `{"token":"t"}`, `{"RC":404,"RM":"Client not found","error":"CLIENT_NOT_FOUND","message":"The specified client does not exist"}`},
		{"DELETE", "/admin/clients/nobody/token", admin, `{}`, `{"RC":404,"RM":"Client not found","error":"CLIENT_NOT_FOUND","message":"The specified client does not exist"}`},
	} {
		if a := w.call(t, c.method, c.path, c.headers, c.body); a.body != c.want {
			t.Errorf("%s %s %s = %s\nwant %s", c.method, c.path, c.body, a.body, c.want)
		}
	}
}

func TestOtherOrigins(t *testing.T) {
	w := open(t)
	for _, path := range []string{"/rooms/r1/messages/v3", "/rooms", "/nosuch/path", "/"} {
		a := w.call(t, "OPTIONS", path, headers{"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}, nil)
		allowed := strings.ToLower(a.header.Get("Access-Control-Allow-Headers"))
		for _, name := range []string{"im-authorization", "im-client-key", "x-timezone", "content-type", "im-client-id", "im-device-id", "im-api-key", "authorization"} {
			if !strings.Contains(allowed, name) {
				t.Errorf("%s: %s isn't allowed", path, name)
			}
		}
		if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Methods") != "GET, POST, PUT, DELETE, HEAD" {
			t.Errorf("OPTIONS %s = %d %v", path, a.status, a.header)
		}
	}
	a := w.call(t, "GET", "/me", nil, nil)
	if a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Content-Length") {
		t.Errorf("a refusal can't be read by other origins: %v", a.header)
	}
}

func TestPathsThatArent(t *testing.T) {
	w, alice, _ := chat(t)
	w.refused(t, 404, "NOT_FOUND", "GET", "/", alice, nil)
	w.refused(t, 404, "NOT_FOUND", "GET", "/nosuch", alice, nil)
	for _, path := range []string{"/", "/nosuch", "/rooms/r1/nosuch", "/admin/nosuch"} {
		w.refused(t, 401, "INVALID_TOKEN", "GET", path, nil, nil)
		w.refused(t, 401, "INVALID_TOKEN", "GET", path, alice.with("IM-Authorization", "x"), nil)
		w.refused(t, 401, "INVALID_API_KEY", "GET", path, headers{"IM-API-KEY": "x"}, nil)
	}
	w.refused(t, 401, "INVALID_TOKEN", "PUT", "/rooms/r1/messages/v3", nil, nil)
	a := w.call(t, "PUT", "/rooms/r1/messages/v3", alice, nil)
	if a.status != 405 || a.header.Get("Allow") != "GET, DELETE" || !strings.Contains(a.body, "METHOD_NOT_ALLOWED") {
		t.Errorf("PUT on a list = %d %v %s", a.status, a.header, a.body)
	}
	if a := w.call(t, "GET", "//rooms/r1/messages/v3//", alice, nil); a.status != 200 {
		t.Errorf("too many slashes: %d", a.status)
	}
}

func TestWorkspacesDontMeet(t *testing.T) {
	w, alice, _ := chat(t)
	_, theirs, err := w.keeper.CreateWorkspace(t.Context(), access.Workspace{ID: "theirs"})
	if err != nil {
		t.Fatal(err)
	}
	w.refused(t, 401, "INVALID_TOKEN", "GET", "/rooms", alice.with("IM-CLIENT-KEY", theirs.ClientKey), nil)
	w.refused(t, 404, "ROOM_NOT_FOUND", "GET", "/rooms/r1/messages/v3", headers{"IM-API-KEY": theirs.APIKey}, nil)
	if got := w.ok(t, "GET", "/rooms", headers{"IM-API-KEY": theirs.APIKey}, nil); !strings.HasPrefix(string(got), `{"totalCount":0,"data":[]`) {
		t.Errorf("their rooms: %s", got)
	}
}
