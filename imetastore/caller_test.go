package imetastore_test

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"parlance"
	"parlance/imetastore"
)

// Behind a trusted proxy callers are told apart by the address that the proxy saw, whatever they claim themselves. Of others it isn't asked.
func TestLoginsBehindAProxy(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for name, c := range map[string]struct {
		trusted        []netip.Prefix
		guesser, other []string // X-Forwarded-For
		slowed         bool     // the second as well
	}{
		"other addresses":         {loopback, []string{"192.0.2.1"}, []string{"198.51.100.1"}, false},
		"claimed addresses":       {loopback, []string{"203.0.113.9, 192.0.2.1"}, []string{"203.0.113.10, 192.0.2.1"}, true},
		"claimed in a line apart": {loopback, []string{"203.0.113.9", "192.0.2.1"}, []string{"203.0.113.10", "192.0.2.1:99"}, true},
		"through several proxies": {loopback, []string{"192.0.2.1, 10.0.0.1, 2001:db8::1"}, []string{"198.51.100.1, 10.0.0.1,[2001:db8::1]:7"}, false},
		"mapped addresses":        {loopback, []string{"192.0.2.1, ::ffff:10.0.0.1"}, []string{"::ffff:192.0.2.1"}, true},
		"what is no address":      {loopback, []string{"192.0.2.1, unknown"}, []string{"198.51.100.1, unknown"}, true},
		"an untrusted proxy":      {loopback[1:], []string{"192.0.2.1"}, []string{"198.51.100.1"}, true},
		"nobody is trusted":       {nil, []string{"192.0.2.1"}, []string{"198.51.100.1"}, true},
		"trusted, but tells none": {loopback, nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, imetastore.Options{TrustedProxies: c.trusted})
			login := func(password string, forwarded []string) (int, string) {
				t.Helper()
				body := `{"email":"` + f.secrets.Email + `","password":"` + password + `"}`
				r, err := http.NewRequestWithContext(t.Context(), "POST", f.url+"/seller/auth/login", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/json")
				r.Header["X-Forwarded-For"] = forwarded
				resp, err := f.client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, resp.Header.Get("Retry-After")
			}
			for range parlance.WrongLoginsHere {
				if status, _ := login("wrong", c.guesser); status != http.StatusUnauthorized {
					t.Fatalf("a wrong login: %d", status)
				}
			}
			if status, wait := login("wrong", c.guesser); status != http.StatusTooManyRequests || wait == "" {
				t.Fatalf("one too many: %d, wait %q", status, wait)
			}
			want := http.StatusOK
			if c.slowed {
				want = http.StatusTooManyRequests
			}
			if status, _ := login(f.secrets.Password, c.other); status != want {
				t.Errorf("the other caller: %d, want %d", status, want)
			}
		})
	}
}
