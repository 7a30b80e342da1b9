package upstream_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// A redirect is named, less what may be secret, and isn't worth another try.
func TestRedirectIsNamed(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	}))
	defer srv.Close()
	for to, want := range map[string]string{
		"https://user:pw@login.example/sign/in?token=s3cret#s3cret": "https://login.example/sign/in",
		"/elsewhere?token=s3cret":                                   srv.URL + "/elsewhere",
		"https://other.example/%zz?s3cret":                          "an address that can't be read",
	} {
		api, err := upstream.Open(srv.URL, upstream.Options{})
		if err != nil {
			t.Fatal(err)
		}
		call := upstream.Call{Path: "/rooms", Query: url.Values{"to": {to}}}
		answer, err := api.Do(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		err = answer.Failure(call, "", 0)
		if !errors.Is(err, parlance.Broken) || !upstream.Lasting(err) || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "pw@") {
			t.Errorf("to %q: %v, want it to name %q", to, err, want)
		}
	}
}

// Few bytes that hold very many values, or lie very deep, are refused before anything is made of them.
func TestBoundsOfAnswers(t *testing.T) {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	for name, c := range map[string]struct {
		body string
		good bool
	}{
		"values":              {"[" + many("{},", 3_000_000) + "{}]", false},
		"numbers":             {"[" + many("1,", parlance.MaxUpstreamValues) + "1]", false},
		"depth":               {many("[", 101) + many("]", 101), false},
		"objects in depth":    {many(`{"a":`, 101) + "1" + many("}", 101), false},
		"depth without ends":  {many("[", 5_000_000), false},
		"signs within a text": {`{"text":"` + many(`[{,\"`, 500_000) + `"}`, true},
		"as deep as allowed":  {many("[", 100) + many("]", 100), true},
		"as many as allowed":  {"[" + many("1,", parlance.MaxUpstreamValues-3) + "1]", true},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				io.WriteString(z, c.body)
				z.Close()
			}))
			defer srv.Close()
			api, err := upstream.Open(srv.URL, upstream.Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = api.Do(t.Context(), upstream.Call{})
			if good := err == nil; good != c.good || !good && !(errors.Is(err, parlance.Broken) && errors.Is(err, upstream.ErrTooLarge)) {
				t.Errorf("%d bytes: %v", len(c.body), err)
			}
		})
	}
}

// A header has a bound of its own.
func TestLongHeader(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Much", strings.Repeat("x", 2*parlance.MaxUpstreamHeader))
		w.Write([]byte("{}"))
	}))
	defer srv.Close()
	api, err := upstream.Open(srv.URL, upstream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Do(t.Context(), upstream.Call{}); !errors.Is(err, parlance.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
}

// Retry-After in all its forms.
func TestRetryAfter(t *testing.T) {
	now := parlance.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for v, want := range map[string]time.Duration{
		"7": 7 * time.Second, " 0 ": 0, "99999999999999999999": time.Hour, "3601": time.Hour,
		"Thu, 01 Jan 2026 00:00:09 GMT":    9 * time.Second,
		"Thursday, 01-Jan-26 00:00:09 GMT": 9 * time.Second,
		"Thu Jan  1 00:00:09 2026":         9 * time.Second,
		"Thu, 01 Jan 2027 00:00:09 GMT":    time.Hour,
		"Wed, 31 Dec 2025 23:00:00 GMT":    0,
		"":                                 -1, "soon": -1, "-5": -1, "1.5": -1,
	} {
		d, given := upstream.RetryAfter(http.Header{"Retry-After": {v}}, now)
		if given != (want >= 0) || d != max(want, 0) {
			t.Errorf("%q: %v, %t", v, d, given)
		}
	}
	h := http.Header{"Retry-After": {"Thu, 01 Jan 2026 00:00:09 GMT"}, "Date": {"Thu, 01 Jan 2026 00:00:04 GMT"}}
	if d, _ := upstream.RetryAfter(h, now); d != 5*time.Second {
		t.Errorf("by the platform's clock: %v", d)
	}
}
