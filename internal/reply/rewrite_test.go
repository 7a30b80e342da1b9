package reply_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"parlance"
	"parlance/internal/reply"
)

func TestRewriting(t *testing.T) {
	asked := 0
	rewrite := func(_ context.Context, ws parlance.WorkspaceID, address string) (string, bool) {
		asked++
		return "https://ours/1?a=1&b", ws == "w" && (address == "https://h/f" || address == "/files/b/1")
	}
	const ours = `"https://ours/1?a=1&b"`
	for _, c := range []struct{ name, ws, sent, want string }{
		{"known", "w", `{"url":"https://h/f","n":1.50}`, `{"url":` + ours + `,"n":1.50}`},
		{"escaped", "w", `["https:\/\/h\/f", "\u0068ttps://h/f"]`, `[` + ours + `, ` + ours + `]`},
		{"a path", "w", `{ "url" : "/files/b/1" }`, `{ "url" : ` + ours + ` }`},
		{"JSON in a string", "w", `{"extra":"{\"u\":\"https://h/f\",\"x\":\"<\"}"}`, `{"extra":"{\"u\":\"https://ours/1?a=1&b\",\"x\":\"<\"}"}`},
		{"not JSON in a string", "w", `{"text":"[see \"https://h/f\""}`, `{"text":"[see \"https://h/f\""}`},
		{"a part of a text", "w", `{"text":"see https://h/f"}`, `{"text":"see https://h/f"}`},
		{"longer", "w", `{"text":"https://h/f "}`, `{"text":"https://h/f "}`},
		{"a name", "w", `{"https://h/f" :1}`, `{"https://h/f" :1}`},
		{"another workspace", "v", `{"url":"https://h/f"}`, `{"url":"https://h/f"}`},
		{"no workspace", "", `{"url":"https://h/f"}`, `{"url":"https://h/f"}`},
		{"quotes", "w", `{"a":"\\\"","url":"https://h/f"}`, `{"a":"\\\"","url":` + ours + `}`},
		{"often", "w", `["https://x/","https://x/","https://x/"]`, `["https://x/","https://x/","https://x/"]`},
		{"broken", "w", `{"url":"https://h/f","b":"`, `{"url":` + ours + `,"b":"`},
		{"empty", "w", `{}`, `{}`},
	} {
		h := reply.Rewriting(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reply.In(r.Context(), parlance.WorkspaceID(c.ws))
			reply.JSON(w, http.StatusOK, []byte(c.sent))
		}), rewrite)
		asked = 0
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != http.StatusOK || w.Body.String() != c.want || w.Header().Get("Content-Length") != strconv.Itoa(len(c.want)) {
			t.Errorf("%s: %d, %s, length %s; want %s", c.name, w.Code, w.Body, w.Header().Get("Content-Length"), c.want)
		}
		if c.name == "often" && asked != 1 {
			t.Errorf("one address was looked up %d times", asked)
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"a refusal": func(w http.ResponseWriter, _ *http.Request) {
			reply.JSON(w, http.StatusNotFound, []byte(`"https://h/f"`))
		},
		"not JSON":     func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`"https://h/f"`)) },
		"without body": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	} {
		plain, w := httptest.NewRecorder(), httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		h(plain, r)
		reply.Rewriting(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reply.In(r.Context(), "w")
			h(w, r)
		}), rewrite).ServeHTTP(w, r)
		if w.Code != plain.Code || w.Body.String() != plain.Body.String() {
			t.Errorf("%s: %d %s; want %d %s", name, w.Code, w.Body, plain.Code, plain.Body)
		}
	}
}
