// Package upstream makes single calls of a platform's API. It hides how an answer is read whole and
// within bounds, that credentials never follow a redirect, and what a failed call means.
// It repeats nothing and waits for nothing.
package upstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parlance"
)

// DefaultTimeout is the time of a call.
const DefaultTimeout = 60 * time.Second

// An API is where a platform's calls go.
type API struct {
	base    *url.URL // without a slash at its end
	http    http.RoundTripper
	timeout time.Duration
	maxBody int64
	agent   string
}

// Options are an API's settings. The zero value is good.
type Options struct {
	Transport http.RoundTripper // nil: that of [NewTransport]
	Timeout   time.Duration     // of a whole call; 0: DefaultTimeout
	MaxBody   int64             // bytes; 0: [parlance.MaxUpstreamBody]
	UserAgent string            // empty: "parlance"
}

// Open returns the API at base, an http or https address with or without a slash at its end. It calls nobody. An
// address that can't be one, or holds a user or a query, is [parlance.Invalid].
func Open(base string, o Options) (*API, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	switch {
	case err != nil:
		return nil, parlance.Errorf(parlance.Invalid, "the platform's address can't be read") // err would show it whole
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, parlance.Errorf(parlance.Invalid, "the platform's address %q: want http://HOST or https://HOST, maybe with a path", base)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, parlance.Errorf(parlance.Invalid, "the platform's address must hold neither a user nor anything behind ? or #")
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBody == 0 {
		o.MaxBody = parlance.MaxUpstreamBody
	}
	if o.Transport == nil {
		o.Transport = NewTransport()
	}
	if o.UserAgent == "" {
		o.UserAgent = "parlance"
	}
	return &API{base: u, http: o.Transport, timeout: o.Timeout, maxBody: o.MaxBody, agent: o.UserAgent}, nil
}

// Base returns the API's address.
func (a *API) Base() url.URL { return *a.base }

// Owns reports whether u is on the platform's own host, by its own scheme.
func (a *API) Owns(u *url.URL) bool { return u.Scheme == a.base.Scheme && u.Host == a.base.Host }

// A Call is one request.
type Call struct {
	Method string // empty: GET
	Path   string // behind the base, escaped, with a slash before it
	Query  url.Values
	Header http.Header // credentials among them
	Body   []byte      // JSON; nil: none
}

// An Answer is what came back, whatever its status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Clock  parlance.Time // the platform's own, by its Date header; zero if it has none

	from *url.URL // the address that was asked
}

// Do makes a call and reads the answer to its end. An error is of kind Unavailable if no whole answer came, of
// kind Broken with [ErrTooLarge] if it is larger than allowed, in bytes or in JSON values, and ctx's own if ctx ended.
func (a *API) Do(ctx context.Context, c Call) (Answer, error) {
	within, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	u := *a.base
	r, err := http.NewRequestWithContext(within, c.Method, u.String()+c.Path, bytes.NewReader(c.Body))
	if err != nil {
		return Answer{}, parlance.Wrap(parlance.Invalid, err, "make a request")
	}
	r.URL.RawQuery = c.Query.Encode()
	for name, values := range c.Header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", a.agent)
	r.Header.Set("Accept", "application/json")
	if c.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	// By the transport itself, which follows no redirect: that could lead credentials anywhere, and no call of these platforms has one.
	resp, err := a.http.RoundTrip(r)
	if err != nil {
		return Answer{}, lost(ctx, c, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, a.maxBody+1))
	switch {
	case err != nil:
		return Answer{}, lost(ctx, c, err)
	case int64(len(body)) > a.maxBody:
		return Answer{}, tooLong(c, a.maxBody)
	}
	if err := checkBounds(c, body); err != nil {
		return Answer{}, err
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Clock: clockOf(resp.Header), from: r.URL}, nil
}

// name is the call without query and credentials, for errors.
func (c *Call) name() string {
	method := c.Method
	if method == "" {
		method = http.MethodGet
	}
	return method + " " + c.Path
}

// lost is the error of a call whose answer didn't come, or not whole.
func lost(ctx context.Context, c Call, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", c.name(), context.Cause(ctx))
	}
	return parlance.Wrap(parlance.Unavailable, err, "%s: no whole answer", c.name())
}

// Failure returns what a status that isn't 2xx means, nil for one that is. Text is what the platform said, if it said anything that can be
// shown; now is ours, for a Retry-After that is a date.
func (a *Answer) Failure(c Call, text string, now parlance.Time) error {
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	kind := parlance.Invalid
	switch {
	case a.Status < 400:
		return a.redirect(c)
	case a.Status == http.StatusUnauthorized:
		kind = parlance.Unauthenticated
	case a.Status == http.StatusForbidden:
		kind = parlance.Forbidden
	case a.Status == http.StatusNotFound, a.Status == http.StatusGone:
		kind = parlance.NotFound
	case a.Status == http.StatusTooManyRequests:
		kind = parlance.Limited
	case a.Status == http.StatusRequestTimeout, a.Status >= 500:
		kind = parlance.Unavailable
	}
	if text == "" {
		text = http.StatusText(a.Status)
	}
	e := parlance.Error{Kind: kind, Text: fmt.Sprintf("%s: status %d: %s", c.name(), a.Status, Shown(text))}
	if kind == parlance.Limited || kind == parlance.Unavailable {
		e.After = a.RetryAfter(now)
	}
	return &e
}

// RetryAfter returns what the header of that name asks for, see the function.
func (a *Answer) RetryAfter(now parlance.Time) time.Duration {
	d, _ := RetryAfter(a.Header, now)
	return d
}

// RetryAfter returns for how long the header Retry-After asks to wait, in whole seconds or until a date, which goes by the platform's own clock
// if its Date says that, and else by ours, which is now. Given is false if there is none, or one that can't be read. It is at
// most an hour.
func RetryAfter(h http.Header, now parlance.Time) (d time.Duration, given bool) {
	const longest = time.Hour
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if strings.Trim(v, "0123456789") == "" {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil { // more seconds than anybody waits
			return longest, true
		}
		return min(time.Duration(n)*time.Second, longest), true
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if clock := clockOf(h); clock != 0 {
		now = clock
	}
	return min(max(t.Sub(now.Std()), 0), longest), true
}

// clockOf returns the platform's time by its Date header; zero if it has none.
func clockOf(h http.Header) parlance.Time {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return parlance.TimeOf(t)
}

// CheckJSON returns an error of kind Broken if the body can't be JSON at all, such as a page of HTML.
func (a *Answer) CheckJSON(c Call) error {
	b := bytes.TrimSpace(a.Body)
	if len(b) > 0 && (b[0] == '{' || b[0] == '[') {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if kind == "" {
		kind = "something else"
	}
	return parlance.Errorf(parlance.Broken, "%s: status %d with %s in the place of JSON", c.name(), a.Status, Shown(kind))
}

// Shown returns a text of the platform's that an error may show: one line, at most 200 bytes.
func Shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
