package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// status returns the status of an answer to a request with pairs of header names and values.
func status(t *testing.T, method, url, body string, headers ...string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Credentials are added, listed, rotated and revoked while the store is served, and hold or end at once; a password that is given comes from
// a file or from standard input.
func TestCredentialsWhileServed(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	data := filepath.Join(base, "d")
	var w credentialSet
	made := runIn(t, base, "", "workspace", "create", "acme", "--data", data, "--json")
	if err := json.Unmarshal([]byte(made.stdout), &w); err != nil {
		t.Fatalf("%v: %+v", err, made)
	}
	server := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--json")
	var s serving
	server.read(&s)
	do := func(stdin string, args ...string) (c shownCredential) {
		t.Helper()
		got := runIn(t, base, stdin, append([]string{"workspace", "credential", "--data", data, "--workspace", "acme", "--json"}, args...)...)
		if got.code != 0 {
			t.Fatalf("%v: %+v", args, got)
		}
		if err := json.Unmarshal([]byte(got.stdout), &c); err != nil {
			t.Fatalf("%v: %v: %s", args, err, got.stdout)
		}
		return c
	}
	shop := func(token string) int {
		return status(t, "GET", s.URL+"/v1/conversations?platform=shop_messages", "", "Authorization", "Bearer "+token)
	}
	login := func(email, password string) int {
		return status(t, "POST", s.URL+"/merchant-api/seller/auth/login", `{"email":"`+email+`","password":"`+password+`"}`)
	}
	list := runIn(t, base, "", "workspace", "credential", "list", "--data", data, "--workspace", "acme", "--json")
	var all struct{ Credentials []shownCredential }
	if err := json.Unmarshal([]byte(list.stdout), &all); err != nil || len(all.Credentials) != 4 || strings.Contains(list.stdout, w.IMKit.APIKey) {
		t.Fatalf("list: %v: %+v", err, list)
	}
	for _, c := range all.Credentials {
		if c.Kind != "shopline-token" {
			continue
		}
		if got := shop(w.Shopline.Token); got != 200 {
			t.Errorf("before: %d", got)
		}
		fresh := do("", "rotate", c.ID)
		if shop(fresh.Secret) != 200 || shop(w.Shopline.Token) != 401 {
			t.Error("after the rotation the old token holds, or the new one doesn't")
		}
		do("", "revoke", fresh.ID)
		if shop(fresh.Secret) != 401 {
			t.Error("a revoked token holds")
		}
	}
	if err := os.WriteFile(filepath.Join(base, "pw"), []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	one := do("", "add", "--kind", "seller-login", "--email", "a@shop.example", "--password-file", "pw", "--label", "x")
	do("from stdin", "add", "--kind", "seller-login", "--email", "b@shop.example", "--password-stdin")
	if login("a@shop.example", "from a file") != 200 || login("b@shop.example", "from stdin") != 200 || login(w.IMetaStore.Email, w.IMetaStore.Password) != 200 {
		t.Error("a login doesn't hold")
	}
	again := do("", "rotate", one.ID, "--grace", "24h")
	if login("a@shop.example", "from a file") != 200 || login("a@shop.example", again.Secret) != 200 {
		t.Error("within the grace only one of the passwords holds")
	}
	for range 10 {
		login("b@shop.example", "wrong")
	}
	if got := login("b@shop.example", "wrong"); got != http.StatusTooManyRequests {
		t.Errorf("the eleventh wrong login: %d", got)
	}
	for what, args := range map[string][]string{
		"kind":      {"add", "--kind", "password"},
		"no e-mail": {"add", "--kind", "seller-login"},
		"two":       {"add", "--kind", "seller-login", "--email", "c@shop.example", "--password-stdin", "--password-file", "pw"},
	} {
		if got := runIn(t, base, "", append([]string{"workspace", "credential", "--data", data, "--workspace", "acme"}, args...)...); got.code != exitUsage {
			t.Errorf("%s: %+v", what, got)
		}
	}
	if code, _ := server.end(syscall.SIGTERM); code != 0 {
		t.Errorf("serve: exit code %d\n%s", code, server.stderr)
	}
}
