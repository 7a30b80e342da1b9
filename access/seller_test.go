package access_test

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parlance"
	"parlance/access"
)

func TestLogin(t *testing.T) {
	w := newWorld(t, access.Options{})
	ws, s := w.create(t, "acme")
	ctx := t.Context()
	session, err := w.Login(ctx, " "+strings.ToUpper(s.Email)+" ", s.Password)
	ok(t, "log in", err)
	if session.ExpiresIn != 86400*time.Second {
		t.Errorf("expires in %s, want a day", session.ExpiresIn)
	}
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(session.AccessToken, claims)
	ok(t, "parse", err)
	if token.Header["alg"] != "RS256" || token.Header["typ"] != "JWT" || claims["sub"] != "seller_001" || claims["ws"] != "acme" ||
		claims["iat"] != float64(start.Seconds()) || claims["exp"] != float64(start.Seconds()+86400+1) || claims["jti"] == "" {
		t.Errorf("header %v, claims %v", token.Header, claims)
	}
	g, err := w.SellerToken(ctx, session.AccessToken)
	ok(t, "check", err)
	if g.Workspace != ws || !g.Admin || g.Account != ws.Seller || g.Expires != parlance.TimeOfSeconds(start.Seconds()+86401) || g.Reader == "" {
		t.Errorf("grant: %+v", g)
	}
	_, err = w.SellerToken(ctx, session.RefreshToken)
	want(t, "refresh token as access token", err, parlance.Unauthenticated)

	// An older session stays until its own expiry.
	w.clock.add(86000)
	_, err = w.Login(ctx, s.Email, s.Password)
	ok(t, "log in again", err)
	_, err = w.SellerToken(ctx, session.AccessToken)
	ok(t, "check the older session", err)
	w.clock.add(401)
	_, err = w.SellerToken(ctx, session.AccessToken)
	want(t, "check the expired session", err, parlance.Unauthenticated)
}

func TestForgedSellerTokens(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	ctx := t.Context()
	session, err := w.Login(ctx, s.Email, s.Password)
	ok(t, "log in", err)
	claims := jwt.MapClaims{}
	_, _, err = jwt.NewParser().ParseUnverified(session.AccessToken, claims)
	ok(t, "parse", err)

	own, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, "make a key", err)
	signed := func(m jwt.SigningMethod, key any) string {
		text, err := jwt.NewWithClaims(m, claims).SignedString(key)
		ok(t, "sign", err)
		return text
	}
	parts := strings.Split(session.AccessToken, ".")
	for what, token := range map[string]string{
		"another key":      signed(jwt.SigningMethodRS256, own),
		"no signature":     signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"a shared secret":  signed(jwt.SigningMethodHS256, []byte("secret")),
		"another RSA hash": signed(jwt.SigningMethodRS512, own),
		"a cut signature":  parts[0] + "." + parts[1] + ".",
		"junk":             "a.b.c",
	} {
		_, err := w.SellerToken(ctx, token)
		want(t, what, err, parlance.Unauthenticated)
	}
}

func TestRevokedLoginEndsItsSessions(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	w.create(t, "other")
	ctx := t.Context()
	c, password, err := w.AddSeller(ctx, "acme", "Anna@Example.com", "", "Anna's tool")
	ok(t, "add seller", err)
	if c.Name != "anna@example.com" || c.Label != "Anna's tool" || c.Kind != access.SellerLogin {
		t.Errorf("credential: %+v", c)
	}
	_, _, err = w.AddSeller(ctx, "other", "anna@example.com", "", "")
	want(t, "add the same e-mail elsewhere", err, parlance.Conflict)

	hers, err := w.Login(ctx, "anna@example.com", password)
	ok(t, "log in", err)
	ours, err := w.Login(ctx, s.Email, s.Password)
	ok(t, "log in", err)
	for range 2 {
		_, err = w.SellerToken(ctx, hers.AccessToken)
		ok(t, "check", err)
	}
	ok(t, "revoke", w.Revoke(ctx, "acme", c.ID))
	_, err = w.SellerToken(ctx, hers.AccessToken)
	want(t, "check after revocation", err, parlance.Unauthenticated)
	_, err = w.Login(ctx, "anna@example.com", password)
	want(t, "log in after revocation", err, parlance.Unauthenticated)
	_, err = w.SellerToken(ctx, ours.AccessToken)
	ok(t, "check the other login", err)

	_, _, err = w.AddSeller(ctx, "other", "anna@example.com", "correct horse", "")
	ok(t, "add the e-mail elsewhere once it is free", err)
	_, err = w.Login(ctx, "anna@example.com", "correct horse")
	ok(t, "log in with the new password", err)
}

func TestAddSellerRefuses(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	for _, c := range []struct{ email, password, label string }{
		{"", "", ""},
		{"no address", "", ""},
		{"Anna <anna@example.com>", "", ""},
		{"a@example.com, b@example.com", "", ""},
		{strings.Repeat("a", 250) + "@example.com", "", ""},
		{"acme-2@parlance.invalid", "", ""},
		{"anna@example.com", "short", ""},
		{"anna@example.com", strings.Repeat("x", 1025), ""},
		{"anna@example.com", "", strings.Repeat("x", 201)},
	} {
		_, _, err := w.AddSeller(t.Context(), "acme", c.email, c.password, c.label)
		want(t, c.email, err, parlance.Invalid)
	}
	_, _, err := w.AddSeller(t.Context(), "none", "anna@example.com", "", "")
	want(t, "no workspace", err, parlance.NotFound)
}

// Many logins at once wait for one another, share one signing key, and all work.
func TestLoginsAtOnce(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			session, err := w.Login(t.Context(), s.Email, s.Password)
			if err == nil {
				_, err = w.SellerToken(t.Context(), session.AccessToken)
			}
			if err != nil {
				t.Errorf("log in and check: %v", err)
			}
		})
	}
	wg.Wait()
}

// Whatever somebody sends, only the token that was given out passes.
func FuzzSellerToken(f *testing.F) {
	w := newWorld(f, access.Options{})
	_, s := w.create(f, "acme")
	session, err := w.Login(f.Context(), s.Email, s.Password)
	ok(f, "log in", err)
	f.Add(session.RefreshToken)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(session.AccessToken + "=")
	last := len(session.AccessToken) - 1
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		f.Add(session.AccessToken[:last] + string(c))
	}
	f.Add(strings.Replace(session.AccessToken, ".", "..", 1))
	f.Fuzz(func(t *testing.T, token string) {
		if token == session.AccessToken {
			return
		}
		_, err := w.SellerToken(t.Context(), token)
		want(t, "check", err, parlance.Unauthenticated)
	})
}
