package imkit_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What only a real connection shows: lengths, HEAD, bodies where none belong.
func TestOverTheNetwork(t *testing.T) {
	w, alice, _ := chat(t)
	w.send(t, alice, `{"message":"hi"}`)
	server := httptest.NewServer(w.server)
	t.Cleanup(server.Close)
	do := func(method, path, body string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range alice {
			r.Header[k] = []string{v} // as it is spelled
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
	get, page := do("GET", "/rooms/r1/messages/v3", "{}")
	if get.StatusCode != 200 || get.ContentLength != int64(len(page)) || get.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("GET = %s, %d bytes of %d", get.Status, len(page), get.ContentLength)
	}
	head, body := do("HEAD", "/rooms/r1/messages/v3", "")
	if head.StatusCode != 200 || body != "" {
		t.Errorf("HEAD = %s %q", head.Status, body)
	}
	if join, body := do("POST", "/rooms/r1/join", ""); join.StatusCode != 200 || !strings.Contains(body, `"_id":"r1"`) {
		t.Errorf("POST without a body = %s %s", join.Status, body)
	}
	if large, body := do("POST", "/rooms/r1/message", strings.Repeat(" ", 1<<20)+`{"message":"x"}`); large.StatusCode != 413 || !strings.Contains(body, "BODY_TOO_LARGE") {
		t.Errorf("a large body = %s %s", large.Status, body)
	}
}
