package imetastore

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/singleflight"

	"parlance"
	"parlance/internal/upstream"
)

// A Credential returns what to log in with. It is asked before each login, so that it may change.
type Credential func(ctx context.Context) (email, password string, err error)

// Password returns the [Credential] that is always the same.
func Password(email, password string) Credential {
	return func(context.Context) (string, string, error) { return email, password, nil }
}

// ClientOptions are a client's settings. The zero value is good.
type ClientOptions struct {
	Transport http.RoundTripper    // nil: http.DefaultTransport
	Timeout   time.Duration        // of a whole call; 0: a minute
	Now       func() parlance.Time // nil: the system's clock
}

// A Client makes the calls of the seller API as one seller. It logs in when it must, and keeps the token in memory. It waits
// for nothing, and repeats only what a platform refused for its token. It may be used by many goroutines.
//
// Errors are of package parlance's kinds: Unauthenticated, Forbidden, NotFound, Limited and Unavailable (both with
// [parlance.RetryAfter]), Invalid if the request was refused or can't be one, Broken if the answer isn't what the platform
// promises. None has a token, a password or an e-mail address in it.
//
// iMetaStore client, success: the status and the code.
type Client struct {
	api        *upstream.API
	credential Credential
	timeout    time.Duration
	now        func() parlance.Time

	logins  singleflight.Group
	mu      sync.Mutex
	session *session // of the last login; never nil

	skew atomic.Int64 // the platform's clock less ours at the last answer, in ms
}

// NewClient returns a client of the API at base, such as https://paas-gateway.imetastore.io/merchant-api. It calls nobody. An address that can't be
// one is [parlance.Invalid].
func NewClient(base string, credential Credential, o ClientOptions) (*Client, error) {
	if credential == nil {
		return nil, parlance.Errorf(parlance.Invalid, "there is no credential")
	}
	api, err := upstream.Open(base, upstream.Options{Transport: o.Transport, Timeout: o.Timeout})
	if err != nil {
		return nil, err
	}
	c := &Client{api: api, credential: credential, timeout: o.Timeout, now: o.Now, session: &session{}}
	if c.timeout == 0 {
		c.timeout = upstream.DefaultTimeout
	}
	if c.now == nil {
		c.now = func() parlance.Time { return parlance.TimeOf(time.Now()) }
	}
	return c, nil
}

// platformNow returns what the platform's clock shows, as far as its answers told; else what ours does.
func (c *Client) platformNow() parlance.Time { return c.now() + parlance.Time(c.skew.Load()) }

// call makes a call with a token, and returns its data, which is nil if there is none. If the token is refused, it
// logs in and makes the call once more: what is refused so was not carried out.
//
// iMetaStore client, renewal: once for each call.
func (c *Client) call(ctx context.Context, path string, body []byte) (jsontext.Value, parlance.Time, error) {
	who, err := c.valid(ctx)
	if err != nil {
		return nil, 0, err
	}
	data, clock, err := c.callAs(ctx, who, path, body)
	if !refusesToken(err) {
		return data, clock, err
	}
	if who, err = c.renewed(ctx, who); err != nil {
		return nil, 0, err
	}
	return c.callAs(ctx, who, path, body)
}

func (c *Client) callAs(ctx context.Context, who *session, path string, body []byte) (jsontext.Value, parlance.Time, error) {
	token := who.login.AccessToken
	return c.post(ctx, path, http.Header{"Authorization": {"Bearer " + token}}, body, token, who.email)
}

// post makes a call and returns the data of its answer. The secrets are those that the platform might repeat to us.
func (c *Client) post(ctx context.Context, path string, header http.Header, body []byte, secrets ...string) (jsontext.Value, parlance.Time, error) {
	call := upstream.Call{Method: http.MethodPost, Path: path, Header: header, Body: body}
	answer, err := c.api.Do(ctx, call)
	if err != nil {
		return nil, 0, err
	}
	if answer.Clock != 0 {
		c.skew.Store(int64(answer.Clock - c.now()))
	}
	var e looseEnvelope
	err = answer.CheckJSON(call)
	if err == nil && json.Unmarshal(answer.Body, &e, loose) != nil {
		err = parlance.Errorf(parlance.Broken, "POST %s: the answer can't be read", path)
	}
	if err == nil && answer.Status/100 == 2 && e.succeeded() {
		// iMetaStore client, error in a success: beside the data or among them.
		inner := upstream.Answer{Status: answer.Status, Body: e.Data}
		if err := cmp.Or(answer.CheckSuccess(call, secrets...), inner.CheckSuccess(call, secrets...)); err != nil {
			return nil, 0, err
		}
		return e.Data, answer.Clock, nil
	}
	refused := &Refusal{Status: answer.Status, Code: hide(e.code(), secrets), Text: hide(string(e.Msg), secrets)}
	if err != nil {
		refused.Code, refused.Text = "", ""
		if answer.Status/100 == 2 {
			return nil, 0, err
		}
	}
	refused.err = refused.kind(&answer, call, c.now())
	return nil, 0, refused
}

// loose reads whatever names, doubled names and damaged texts an answer holds: one bad item must not cost the page.
var loose = json.JoinOptions(anyCase, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// A looseEnvelope is an [Envelope] as it may come.
type looseEnvelope struct {
	Code jsontext.Value `json:"code"`
	Msg  anyText        `json:"msg"`
	Data jsontext.Value `json:"data"`
}

// succeeded reports whether the code is that of success: "0000", or the number 0.
func (e *looseEnvelope) succeeded() bool { return e.code() == success || string(e.Code) == "0" }

// code returns the code as a text; empty if there is none.
func (e *looseEnvelope) code() string {
	var t anyText
	if len(e.Code) == 0 || t.UnmarshalJSON(e.Code) != nil {
		return ""
	}
	return string(t)
}

// An anyText is read from a string; of anything else it is the JSON, and of null nothing.
type anyText string

// UnmarshalJSON reads any value.
func (t *anyText) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*t = ""
	case len(b) > 0 && b[0] == '"':
		u, _ := jsontext.AppendUnquote(nil, b) // the error only tells of text that isn't UTF-8
		*t = anyText(u)
	default:
		*t = anyText(b)
	}
	return nil
}

// hide returns s without the secrets.
func hide(s string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[hidden]")
		}
	}
	return s
}

// A Refusal is the error of a call that the platform answered, and not with success. Its kind is found with [errors.Is] or
// [parlance.KindOf].
type Refusal struct {
	Status int    // of HTTP
	Code   string // of the envelope; empty if there was none
	Text   string // the envelope's msg
	err    error
}

// Error tells the call, the status, the code and the text.
func (r *Refusal) Error() string { return r.err.Error() }

// Unwrap returns the error that has the kind.
func (r *Refusal) Unwrap() error { return r.err }

// kind returns the error that has the kind: that of a code which the platform documents, else that of the
// status, else Broken.
//
// iMetaStore client, kinds: an error inside a 200 is an error.
func (r *Refusal) kind(answer *upstream.Answer, call upstream.Call, now parlance.Time) error {
	text := r.Text
	if r.Code != "" {
		text = "code " + r.Code + ": " + text
	}
	kind, known := map[string]parlance.ErrorKind{
		codeField:   parlance.Invalid,
		codeStorage: parlance.Unavailable,
		"429":       parlance.Limited,
		"401":       parlance.Unauthenticated,
	}[r.Code]
	err := answer.Failure(call, text, now)
	switch {
	case answer.Status == http.StatusUnauthorized, answer.Status == http.StatusForbidden, !known && err != nil:
		return err
	case known:
	case r.speaksOfToken():
		kind = parlance.Unauthenticated
	default:
		kind = parlance.Broken
	}
	e := &parlance.Error{Kind: kind, Text: upstream.Shown("POST " + call.Path + ": " + text)}
	if kind == parlance.Limited || kind == parlance.Unavailable {
		e.After = answer.RetryAfter(now)
	}
	return e
}

// speaksOfToken reports whether the code or the text is about tokens or authorization.
func (r *Refusal) speaksOfToken() bool {
	s := strings.ToLower(r.Code + " " + r.Text)
	return strings.Contains(s, "token") || strings.Contains(s, "authoriz") || strings.Contains(s, "authoris")
}

// refusesToken reports whether err says that the token is no good (any more).
//
// iMetaStore client, token errors: 401, or words.
func refusesToken(err error) bool {
	var r *Refusal
	if !errors.As(err, &r) {
		return false
	}
	switch {
	case r.Status == http.StatusUnauthorized || r.Code == "401":
		return true
	case r.Status >= 500 || r.Status == http.StatusTooManyRequests || r.Code == "429" || r.Code == codeStorage:
		return false
	}
	return r.speaksOfToken()
}
