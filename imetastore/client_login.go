package imetastore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"parlance"
)

// A session is what the last login gave; zero before the first.
type session struct {
	login Login
	email string
	renew parlance.Time
}

// longestLife bounds what is believed of a token's life.
const longestLife = 10 * 365 * 24 * time.Hour

// Login logs in, whether there is a good token or not, and has all later calls use the new token. A login that is
// under way serves. It returns what the platform answered. The error is [parlance.Unauthenticated] if e-mail or password are refused.
func (c *Client) Login(ctx context.Context) (Login, error) {
	s, err := c.renewed(ctx, c.current())
	return s.login, err
}

func (c *Client) current() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// valid returns the session, and logs in first if there is none or it is about to end.
func (c *Client) valid(ctx context.Context) (*session, error) {
	s := c.current()
	// What remains must not be less than the margin.
	if s.login.AccessToken != "" && c.now() <= s.renew {
		return s, nil
	}
	return c.renewed(ctx, s)
}

// renewed returns another session than the one that is no good; one that somebody else has begun meanwhile
// serves.
func (c *Client) renewed(ctx context.Context, bad *session) (*session, error) {
	type result struct {
		session *session
		err     error
	}
	// A login that is under way serves all who want one, so it must not end with the first of them.
	ch := c.logins.DoChan(bad.login.AccessToken, func() (any, error) {
		if s := c.current(); s != bad {
			return result{s, nil}, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		s, err := c.login(ctx)
		return result{s, err}, nil
	})
	select {
	case <-ctx.Done():
		return &session{}, fmt.Errorf("log in: %w", context.Cause(ctx))
	case r := <-ch:
		got := r.Val.(result)
		return got.session, got.err
	}
}

// login makes the call and keeps what it gave.
//
// iMetaStore client, login: nothing of it is told in errors.
func (c *Client) login(ctx context.Context) (*session, error) {
	email, password, err := c.credential(ctx)
	if err != nil {
		return &session{}, fmt.Errorf("get the e-mail and password: %w", err)
	}
	body, err := json.Marshal(LoginRequest{Email: email, Password: password})
	if err != nil {
		return &session{}, parlance.Errorf(parlance.Invalid, "the e-mail or password is not valid Unicode")
	}
	asked := c.now()
	data, _, err := c.post(ctx, "/seller/auth/login", nil, body, password, email)
	if err != nil {
		return &session{}, fmt.Errorf("log in: %w", err)
	}
	var in struct {
		AccessToken  looseText `json:"accessToken"`
		TokenType    looseText `json:"tokenType"`
		ExpiresIn    Integer   `json:"expiresIn"`
		RefreshToken looseText `json:"refreshToken"`
	}
	if len(data) == 0 || json.Unmarshal(data, &in, loose) != nil {
		return &session{}, parlance.Errorf(parlance.Broken, "log in: the answer can't be read")
	}
	l := Login{
		AccessToken: string(in.AccessToken), TokenType: string(in.TokenType),
		ExpiresIn: int64(in.ExpiresIn), RefreshToken: string(in.RefreshToken),
	}
	if l.AccessToken == "" || strings.ContainsFunc(l.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return &session{}, parlance.Errorf(parlance.Broken, "log in: the answer has no token that a header can hold")
	}
	s := &session{l, email, renewal(asked, l.ExpiresIn)}
	c.mu.Lock()
	c.session = s
	c.mu.Unlock()
	return s, nil
}

// renewal returns when a token that was asked for at a moment, and is good for so many seconds, should be renewed. Of a
// token that doesn't tell its life that is never: it is used until it is refused.
//
// iMetaStore client, renewal: shortly before the end.
func renewal(asked parlance.Time, seconds int64) parlance.Time {
	if seconds <= 0 {
		return parlance.MaxTime
	}
	life := time.Duration(min(seconds, int64(longestLife/time.Second))) * time.Second
	return asked + parlance.Time((life - min(time.Minute, life/10)).Milliseconds())
}
