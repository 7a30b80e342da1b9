package imkit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"parlance"
	"parlance/internal/upstream"
)

// Credentials say who calls an IMKit server: a user, by the app's client key and the user's token; or the platform's
// administrator, by an API key. They print as nothing but which of them are there.
type Credentials struct {
	ClientKey string // of the app; beside a token
	Token     string // of a user
	APIKey    string // of the administrator

	// ClientID is the user for whom an API key acts; empty: for nobody.
	ClientID string
}

// Provide returns c itself, for those who have only one.
func (c Credentials) Provide(context.Context) (Credentials, error) { return c, nil }

// String tells which credentials c has, and none of them.
func (c Credentials) String() string {
	switch {
	case c.APIKey != "" && c.Token != "":
		return "API key and token"
	case c.APIKey != "":
		return "API key"
	case c.Token != "":
		return "token"
	}
	return "no credentials"
}

// GoString is String, so that %#v tells no more.
func (c Credentials) GoString() string { return "imkit.Credentials(" + c.String() + ")" }

// LogValue is String, so that logs tell no more.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes String, so that a record of settings tells no more.
func (c Credentials) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// header adds what c has to h.
func (c Credentials) header(h http.Header) {
	for name, v := range map[string]string{
		"IM-CLIENT-KEY": c.ClientKey, "IM-Authorization": c.Token, "IM-API-KEY": c.APIKey, "IM-CLIENT-ID": c.ClientID,
	} {
		if v != "" {
			h.Set(name, v)
		}
	}
}

// hide takes c's secrets out of a text of the platform's.
func (c Credentials) hide(text string) string {
	for _, secret := range []string{c.Token, c.APIKey, c.ClientKey} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}

// ClientOptions are a client's settings. The zero value is good.
type ClientOptions = upstream.Options

// A Client calls an IMKit server as one user or as the administrator. It may be used by many goroutines.
//
// It repeats nothing and waits for nothing. An error is of a kind of package parlance, found with [errors.Is]:
// Unauthenticated (the credential is no good), Forbidden, NotFound, Invalid, Conflict, Limited ([parlance.RetryAfter] says
// for how long), Unavailable (no answer), and Broken (an answer that no IMKit server gives). Where the server
// named a code, [ErrorCode] returns it. No error holds a credential.
type Client struct {
	api         *upstream.API
	credentials func(context.Context) (Credentials, error)
}

// NewClient returns a client of the IMKit server at base, such as https://app.imkit.io; a path behind the host is allowed. The
// function is asked for the credentials before each call, so that they may change; [Credentials.Provide] of a value is one.
func NewClient(base string, credentials func(context.Context) (Credentials, error), o ClientOptions) (*Client, error) {
	api, err := upstream.Open(base, o)
	if err != nil {
		return nil, err
	}
	return &Client{api: api, credentials: credentials}, nil
}

// Authorize adds the credentials to r if it is this server's file call, by the same scheme, and to nothing else: the
// addresses of files stand in messages, which anybody may write. Without credentials it does nothing.
func (c *Client) Authorize(r *http.Request) {
	base := c.api.Base()
	if !isFileCall(r, &base) {
		return
	}
	if who, err := c.credentials(r.Context()); err == nil {
		who.header(r.Header)
	}
}

// A received is an answer that succeeded.
type received struct {
	result json.RawMessage
	clock  parlance.Time // the server's; zero if it didn't tell
	who    Credentials
}

// call makes a call and opens the envelope of its answer. Body is nil or what to send as JSON.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body any) (received, error) {
	who, err := c.credentials(ctx)
	if err != nil {
		return received{}, fmt.Errorf("credentials: %w", err)
	}
	call := upstream.Call{Method: method, Path: path, Query: query, Header: http.Header{}}
	who.header(call.Header)
	if body != nil {
		if call.Body, err = appendJSON(nil, body); err != nil {
			return received{}, parlance.Wrap(parlance.Invalid, err, "%s %s: the body can't be written", method, path)
		}
	}
	answer, err := c.api.Do(ctx, call)
	if err != nil {
		return received{}, err
	}
	result, err := open(&answer, call, who)
	return received{result, answer.Clock, who}, err
}

// get is call for a result of type T that can be read as it stands.
func get[T any](ctx context.Context, c *Client, method, path string, query url.Values, body any) (T, error) {
	var v T
	r, err := c.call(ctx, method, path, query, body)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(r.result, &v); err != nil {
		return v, broken(method, path, err)
	}
	return v, nil
}

// read is call for a result that read reads.
func read[T any](ctx context.Context, c *Client, method, path string, query url.Values, body any, read func(json.RawMessage) (T, error)) (T, error) {
	r, err := c.call(ctx, method, path, query, body)
	if err != nil {
		var none T
		return none, err
	}
	v, err := read(r.result)
	if err != nil {
		return v, broken(method, path, err)
	}
	return v, nil
}

// broken is the error of an answer whose result isn't what it should be.
func broken(method, path string, err error) error {
	return parlance.Wrap(parlance.Broken, err, "%s %s: the result can't be read", method, path)
}

// pathTo returns a path whose parts are escaped.
func pathTo(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}
