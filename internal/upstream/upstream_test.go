package upstream_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/internal/upstream"
)

func TestCalls(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed, with Authorization %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   parlance.ErrorKind
		after  time.Duration
	}{
		"unauthorized":                   {status(401, ""), parlance.Unauthenticated, 0},
		"forbidden":                      {status(403, ""), parlance.Forbidden, 0},
		"unknown":                        {status(404, ""), parlance.NotFound, 0},
		"refused":                        {status(422, ""), parlance.Invalid, 0},
		"slow down":                      {status(429, "7"), parlance.Limited, 7 * time.Second},
		"slow down, without saying when": {status(429, ""), parlance.Limited, 0},
		"slow down until a date":         {status(429, "Thu, 01 Jan 2026 00:00:09 GMT"), parlance.Limited, 9 * time.Second},
		"slow down, in the past":         {status(429, "Wed, 31 Dec 2025 23:00:00 GMT"), parlance.Limited, 0},
		"slow down for ever":             {status(429, "2000000000"), parlance.Limited, time.Hour},
		"unavailable":                    {status(503, "3"), parlance.Unavailable, 3 * time.Second},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, parlance.Broken, 0},
		"HTML": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<html>please log in</html>"))
		}, parlance.Broken, 0},
		"nothing": {func(http.ResponseWriter, *http.Request) {}, parlance.Broken, 0},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(`{"items":[`))
		}, parlance.Unavailable, 0},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"` + strings.Repeat("x", 2000) + `":1}`))
		}, parlance.Broken, 0},
		"no connection": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, parlance.Unavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(c.answer))
			defer srv.Close()
			api, err := upstream.Open(srv.URL+"/", upstream.Options{MaxBody: 1000})
			if err != nil {
				t.Fatal(err)
			}
			call := upstream.Call{Path: "/v1/things", Header: http.Header{"Authorization": {"Bearer secret"}}}
			answer, err := api.Do(t.Context(), call)
			if err == nil {
				err = answer.Failure(call, "", parlance.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
			}
			if err == nil {
				err = answer.CheckJSON(call)
			}
			if !errors.Is(err, c.want) || parlance.RetryAfter(err) != c.after {
				t.Errorf("got %v (%v), to be repeated after %v; want %v, %v", err, parlance.KindOf(err), parlance.RetryAfter(err), c.want, c.after)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the credential: %v", err)
			}
		})
	}
}

func status(n int, retryAfter string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Thu, 01 Jan 2026 00:00:00 GMT")
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(n)
		w.Write([]byte(`{}`))
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "example.org", "ftp://example.org", "https://", "https://user:pw@example.org", "https://example.org?x=1", "https://a b"} {
		if _, err := upstream.Open(bad, upstream.Options{}); !errors.Is(err, parlance.Invalid) {
			t.Errorf("%q: got %v, want Invalid", bad, err)
		} else if strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: the error tells the password: %v", bad, err)
		}
	}
}

func TestHungUp(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer srv.Close()
	api, err := upstream.Open(srv.URL, upstream.Options{Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Do(t.Context(), upstream.Call{}); !errors.Is(err, parlance.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
}
