package shopline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/internal/upstream"
)

// DefaultBase is where the platform itself answers.
const DefaultBase = "https://open.shopline.io/v1"

// A Token gives the access token of the next call. It is asked before each, so that a
// secret that was replaced is used at once. It may be called by several goroutines. Its
// error is the call's error and must not hold the token.
type Token func(ctx context.Context) (string, error)

// StaticToken returns a [Token] that is always the same.
func StaticToken(token string) Token {
	return func(context.Context) (string, error) { return token, nil }
}

// ClientOptions are a [Client]'s settings. The zero value is good.
type ClientOptions struct {
	Transport http.RoundTripper    // nil: http.DefaultTransport
	Timeout   time.Duration        // of a whole call; 0: a minute
	UserAgent string               // the platform asks for the caller's handle; empty: "parlance"
	Now       func() parlance.Time // for a Retry-After that is a date; nil: the machine's clock
}

// A Client calls the SHOPLINE Open API, or a server that speaks it. It repeats nothing
// and waits for nothing. It may be used by many goroutines.
//
// Errors are of package parlance's kinds: Unauthenticated (401), Forbidden (403),
// NotFound (404), Limited (429; [parlance.RetryAfter] is a second if the platform
// didn't say), Unavailable (5xx, or no whole answer), Broken (an answer that the API
// doesn't promise), and Invalid for every other refusal. No error holds the token.
type Client struct {
	api   *upstream.API
	token Token
	now   func() parlance.Time
}

// NewClient returns a client of the API at base, with or without /v1 and a slash at its
// end. It calls nobody. An address that can't be one is Invalid.
//
// SHOPLINE client, address: with or without /v1.
func NewClient(base string, token Token, o ClientOptions) (*Client, error) {
	base = strings.TrimSuffix(strings.TrimRight(base, "/"), "/v1")
	api, err := upstream.Open(base, upstream.Options{Transport: o.Transport, Timeout: o.Timeout, UserAgent: o.UserAgent})
	if err != nil {
		return nil, fmt.Errorf("open SHOPLINE client: %w", err)
	}
	if o.Now == nil {
		o.Now = func() parlance.Time { return parlance.TimeOf(time.Now()) }
	}
	return &Client{api: api, token: token, now: o.Now}, nil
}

// A Raw is one element of a list as the platform sent it, byte for byte. One that can't
// be read doesn't spoil the list.
type Raw[T any] struct{ JSON jsontext.Value }

// MarshalJSON returns the element as it came.
func (r Raw[T]) MarshalJSON() ([]byte, error) { return r.JSON, nil }

// Read returns what the element says. Members that T lacks are ignored. The error is of
// kind Invalid; what could be read is returned with it.
func (r Raw[T]) Read() (T, error) {
	var v T
	if err := json.Unmarshal(r.JSON, &v, asSent); err != nil {
		return v, parlance.Errorf(parlance.Invalid, "can't be read: %s", unreadable(err))
	}
	return v, nil
}

// unreadable says why JSON can't be read, without any of its content.
func unreadable(err error) string {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return fmt.Sprintf("%s is a JSON %s", strings.TrimPrefix(string(semantic.JSONPointer), "/"), semantic.JSONKind)
	}
	return "it is not JSON"
}

// call makes one call and reads its answer into v. The answer's words may repeat the token.
func (c *Client) call(ctx context.Context, call upstream.Call, v any) (upstream.Answer, error) {
	token, err := c.token(ctx)
	if err != nil {
		return upstream.Answer{}, fmt.Errorf("%s: get the token: %w", call.Path, err)
	}
	token = strings.TrimSpace(token)
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return upstream.Answer{}, parlance.Errorf(parlance.Unauthenticated, "%s: the token is empty or holds characters that no token has", call.Path)
	}
	call.Header = http.Header{"Authorization": {"Bearer " + token}}
	answer, err := c.api.Do(ctx, call)
	if err != nil {
		return answer, err
	}
	said := strings.ReplaceAll(problemText(answer.Body), token, "[token]")
	if err := answer.Failure(call, said, c.now()); err != nil {
		return answer, withWait(err)
	}
	if err := answer.CheckJSON(call); err != nil {
		return answer, err
	}
	// SHOPLINE client, error in a success: whatever its name.
	if err := answer.CheckSuccess(call, token); err != nil {
		return answer, err
	}
	if err := json.Unmarshal(answer.Body, v, asSent); err != nil {
		return answer, parlance.Errorf(parlance.Broken, "%s: the answer %s", call.Path, unreadable(err))
	}
	return answer, nil
}

// defaultWait is how long to wait after a 429 that doesn't say.
const defaultWait = time.Second

// withWait makes err, if it is a 429 that doesn't say how long to wait, say it.
//
// SHOPLINE client, rate limit: a second.
func withWait(err error) error {
	var e *parlance.Error
	if errors.As(err, &e) && e.Kind == parlance.Limited && e.After == 0 {
		e.After = defaultWait
	}
	return err
}

// problemText returns what an answer that is no success says in words, empty if it
// says nothing that can be shown: message, else error, which may be a list, else the
// text itself unless it is a page of HTML.
//
// SHOPLINE client, errors: whatever form they have.
func problemText(body []byte) string {
	body = bytes.TrimSpace(body)
	var p struct {
		Message jsontext.Value `json:"message"`
		Error   jsontext.Value `json:"error"`
	}
	if err := json.Unmarshal(body, &p, asSent); err != nil {
		if bytes.HasPrefix(body, []byte("<")) {
			return ""
		}
		return string(body)
	}
	if text := words(p.Message); text != "" {
		return text
	}
	return words(p.Error)
}

// words returns the strings of v, which is one or a list of them.
func words(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		var s string
		if json.Unmarshal(v, &s, asSent) == nil {
			return s
		}
	case '[':
		var list []string
		if json.Unmarshal(v, &list, asSent) == nil {
			return strings.Join(list, "; ")
		}
	}
	return ""
}
