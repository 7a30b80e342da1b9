package access_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"parlance"
	"parlance/access"
)

func TestIssuedTokenTellsWhoItsUserIs(t *testing.T) {
	w := newWorld(t, access.Options{})
	ws, _ := w.create(t, "acme")
	issued, err := w.IssueToken(t.Context(), "acme", "alice/ö", access.Claims{Nickname: "Alice <3"})
	ok(t, "issue", err)
	if want := parlance.TimeOfSeconds(start.Seconds() + 7*86400); issued.Expires != want {
		t.Errorf("expires %s, want %s", issued.Expires, want)
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(issued.Token, claims); err != nil {
		t.Fatalf("parse: %v", err)
	}
	if claims["id"] != "alice/ö" || claims["nickname"] != "Alice <3" ||
		claims["exp"] != float64(issued.Expires.Seconds()) || claims["iat"] != float64(start.Seconds()) {
		t.Errorf("claims: %v", claims)
	}
	g, err := w.UserToken(t.Context(), "acme", issued.Token)
	ok(t, "check", err)
	if g.Workspace != ws || g.Account != "alice/ö" || g.Admin || g.Expires != issued.Expires || g.Reader == "" {
		t.Errorf("grant: %+v", g)
	}
	again, err := w.AddToken(t.Context(), "acme", "alice/ö", access.Claims{Nickname: "Alice <3"})
	ok(t, "add", err)
	if again.Token == issued.Token {
		t.Error("two tokens of one second are the same")
	}
	h, err := w.UserToken(t.Context(), "acme", again.Token)
	ok(t, "check", err)
	if h.Reader != g.Reader {
		t.Errorf("one user is named %q and %q", g.Reader, h.Reader)
	}
	ok(t, "assign", w.AssignToken(t.Context(), "acme", "bob", "token", 0))
	h, err = w.UserToken(t.Context(), "acme", "token")
	ok(t, "check", err)
	if h.Reader == g.Reader {
		t.Errorf("two users are both named %q", g.Reader)
	}
}

func TestForgedTokenIsUnknown(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	issued, err := w.IssueToken(t.Context(), "acme", "alice", access.Claims{})
	ok(t, "issue", err)
	parts := strings.Split(issued.Token, ".")
	for _, forged := range []string{
		parts[0] + "." + parts[1] + ".",
		"eyJhbGciOiJub25lIn0." + parts[1] + ".",
		issued.Token + " ",
		issued.Token[:len(issued.Token)-1],
	} {
		_, err := w.UserToken(t.Context(), "acme", forged)
		want(t, forged, err, parlance.Unauthenticated)
	}
}

func TestTokensStayInTheirWorkspace(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	w.create(t, "other")
	ctx := t.Context()
	ok(t, "assign", w.AssignToken(ctx, "acme", "alice", "token", 0))
	_, err := w.UserToken(ctx, "other", "token")
	want(t, "check in the other workspace", err, parlance.Unauthenticated)

	// The same text may mean somebody else there.
	ok(t, "assign", w.AssignToken(ctx, "other", "bob", "token", 0))
	a, err := w.UserToken(ctx, "acme", "token")
	ok(t, "check", err)
	b, err := w.UserToken(ctx, "other", "token")
	ok(t, "check", err)
	if a.Account != "alice" || b.Account != "bob" || a.Reader == b.Reader {
		t.Errorf("got %+v and %+v", a, b)
	}
}

func TestAssignedTokens(t *testing.T) {
	w := newWorld(t, access.Options{UserTokenLife: time.Hour})
	w.create(t, "acme")
	ctx := t.Context()
	ok(t, "assign", w.AssignToken(ctx, "acme", "alice", "any text; ünd more", 0))
	g, err := w.UserToken(ctx, "acme", "any text; ünd more")
	ok(t, "check", err)
	if g.Expires != start+3600_000 {
		t.Errorf("expires %s, want an hour from now", g.Expires)
	}
	want(t, "assign to somebody else", w.AssignToken(ctx, "acme", "bob", "any text; ünd more", 0), parlance.Conflict)
	want(t, "replace by somebody else's", w.ReplaceToken(ctx, "acme", "bob", "any text; ünd more", 0), parlance.Conflict)
	ok(t, "assign with a new expiry", w.AssignToken(ctx, "acme", "alice", "any text; ünd more", start+5000))
	g, err = w.UserToken(ctx, "acme", "any text; ünd more")
	ok(t, "check", err)
	if g.Expires != start+5000 {
		t.Errorf("expires %s, want the new expiry", g.Expires)
	}
	w.clock.add(5)
	_, err = w.UserToken(ctx, "acme", "any text; ünd more")
	want(t, "check once expired", err, parlance.Unauthenticated)
	ok(t, "assign to somebody else once expired", w.AssignToken(ctx, "acme", "bob", "any text; ünd more", 0))
}

func TestAssignRefuses(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	ctx := t.Context()
	want(t, "no token", w.AssignToken(ctx, "acme", "alice", "", 0), parlance.Invalid)
	want(t, "a long token", w.AssignToken(ctx, "acme", "alice", strings.Repeat("x", access.MaxToken+1), 0), parlance.Invalid)
	want(t, "no account", w.AssignToken(ctx, "acme", "", "token", 0), parlance.Invalid)
	want(t, "a past expiry", w.AssignToken(ctx, "acme", "alice", "token", start), parlance.Invalid)
	want(t, "an endless expiry", w.ReplaceToken(ctx, "acme", "alice", "token", parlance.MaxTime+1), parlance.Invalid)
	want(t, "no workspace", w.AssignToken(ctx, "none", "alice", "token", 0), parlance.NotFound)
	_, err := w.IssueToken(ctx, "none", "alice", access.Claims{})
	want(t, "issue in no workspace", err, parlance.NotFound)
	_, err = w.AddToken(ctx, "acme", "alice", access.Claims{Nickname: strings.Repeat("x", 513)})
	want(t, "a long nickname", err, parlance.Invalid)
	want(t, "revoke in no workspace", w.RevokeToken(ctx, "none", "alice", "token"), parlance.NotFound)
	_, err = w.RevokeTokens(ctx, "none", "alice")
	want(t, "revoke all in no workspace", err, parlance.NotFound)
	if n, err := w.RevokeTokens(ctx, "acme", "nobody"); n != 0 || err != nil {
		t.Errorf("revoke all of nobody: got %d, %v", n, err)
	}
}

// Whatever is done, exactly those tokens count that a plain map says.
func TestUserTokensAgainstModel(t *testing.T) {
	w := newWorld(t, access.Options{UserTokenLife: 20 * time.Second})
	ctx := t.Context()
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		ws := parlance.WorkspaceID(fmt.Sprintf("ws-%d", run))
		w.create(t, ws)
		type token struct {
			account parlance.AccountID
			expires parlance.Time
		}
		model := map[string]token{}
		live := func(text string) (token, bool) {
			m, found := model[text]
			return m, found && m.expires > parlance.Time(w.clock.now.Load())
		}
		stop := func(account parlance.AccountID) (n int) {
			for text, m := range model {
				if m.account == account {
					if _, yes := live(text); yes {
						n++
					}
					delete(model, text)
				}
			}
			return n
		}
		texts := []string{"t0", "t1", "t2"}
		account := rapid.SampledFrom([]parlance.AccountID{"alice", "alice/2", "bob"})
		r.Repeat(map[string]func(*rapid.T){
			"issue": func(r *rapid.T) {
				a := account.Draw(r, "account")
				got, err := w.IssueToken(ctx, ws, a, access.Claims{})
				ok(r, "issue", err)
				stop(a)
				model[got.Token] = token{a, got.Expires}
				texts = append(texts, got.Token)
			},
			"add": func(r *rapid.T) {
				a := account.Draw(r, "account")
				got, err := w.AddToken(ctx, ws, a, access.Claims{})
				ok(r, "add", err)
				model[got.Token] = token{a, got.Expires}
				texts = append(texts, got.Token)
			},
			"assign or replace": func(r *rapid.T) {
				a, text := account.Draw(r, "account"), rapid.SampledFrom(texts).Draw(r, "token")
				expires := parlance.Time(w.clock.now.Load() + rapid.Int64Range(1, 30).Draw(r, "life")*1000)
				replace := rapid.Bool().Draw(r, "replace")
				join := w.AssignToken
				if replace {
					join = w.ReplaceToken
				}
				err := join(ctx, ws, a, text, expires)
				if m, yes := live(text); yes && m.account != a {
					want(r, "give away a token", err, parlance.Conflict)
					return
				}
				ok(r, "give", err)
				if replace {
					stop(a)
				}
				model[text] = token{a, expires}
			},
			"revoke": func(r *rapid.T) {
				a, text := account.Draw(r, "account"), rapid.SampledFrom(texts).Draw(r, "token")
				err := w.RevokeToken(ctx, ws, a, text)
				if m, yes := live(text); !yes || m.account != a {
					want(r, "revoke", err, parlance.NotFound)
					return
				}
				ok(r, "revoke", err)
				delete(model, text)
			},
			"revoke all": func(r *rapid.T) {
				a := account.Draw(r, "account")
				n, err := w.RevokeTokens(ctx, ws, a)
				ok(r, "revoke all", err)
				if want := stop(a); n != want {
					r.Errorf("revoked %d tokens, want %d", n, want)
				}
			},
			"wait": func(r *rapid.T) { w.clock.add(rapid.Int64Range(1, 15).Draw(r, "seconds")) },
			"": func(r *rapid.T) {
				for _, text := range texts {
					g, err := w.UserToken(ctx, ws, text)
					m, yes := live(text)
					switch {
					case !yes:
						want(r, "check "+text, err, parlance.Unauthenticated)
					case err != nil || g.Account != m.account || g.Expires != m.expires:
						r.Errorf("check %s: got %+v, %v; want %+v", text, g, err, m)
					}
				}
			},
		})
	})
}

// Of many that replace an account's token at once, exactly one token counts in the end.
func TestOneReplacementWins(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	ctx := t.Context()
	var wg sync.WaitGroup
	tokens := make([]string, 8)
	for i := range tokens {
		wg.Go(func() {
			got, err := w.IssueToken(ctx, "acme", "alice", access.Claims{})
			if err != nil {
				t.Errorf("issue: %v", err)
			}
			tokens[i] = got.Token
			w.UserToken(ctx, "acme", got.Token) // so that it is remembered
		})
	}
	wg.Wait()
	live := 0
	for _, token := range tokens {
		if _, err := w.UserToken(ctx, "acme", token); err == nil {
			live++
		}
	}
	if live != 1 {
		t.Errorf("%d tokens count, want 1", live)
	}
}

// Once a revocation has returned, no check passes, however many are under way.
func TestRevocationHoldsAgainstChecksUnderWay(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	ctx := t.Context()
	for i := range 30 {
		token := fmt.Sprintf("token %d", i)
		ok(t, "assign", w.AssignToken(ctx, "acme", "alice", token, 0))
		done := make(chan struct{})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						w.UserToken(ctx, "acme", token)
					}
				}
			})
		}
		var err error
		switch i % 3 {
		case 0:
			err = w.RevokeToken(ctx, "acme", "alice", token)
		case 1:
			_, err = w.RevokeTokens(ctx, "acme", "alice")
		case 2:
			_, err = w.IssueToken(ctx, "acme", "alice", access.Claims{})
		}
		ok(t, "revoke", err)
		for range 100 {
			_, err := w.UserToken(ctx, "acme", token)
			want(t, "check after revocation", err, parlance.Unauthenticated)
		}
		close(done)
		wg.Wait()
	}
}

// Tokens that are over leave no records behind.
func TestOldTokensAreDeleted(t *testing.T) {
	w := newWorld(t, access.Options{UserTokenLife: time.Minute})
	w.create(t, "acme")
	ctx := t.Context()
	rows := func() (n int) {
		for _, err := range w.store.Records(ctx, "user/acme/alice") {
			ok(t, "list", err)
			n++
		}
		for i := range 256 {
			for _, err := range w.store.Records(ctx, fmt.Sprintf("user-token/acme/%02x", i)) {
				ok(t, "list", err)
				n++
			}
		}
		return n
	}
	const one = 3 // the generation, the token, and the row that names it
	for range 5 {
		_, err := w.AddToken(ctx, "acme", "alice", access.Claims{})
		ok(t, "add", err)
	}
	w.clock.add(61)
	_, err := w.AddToken(ctx, "acme", "alice", access.Claims{})
	ok(t, "add", err)
	if n := rows(); n != one {
		t.Errorf("%d records after 5 tokens expired, want %d", n, one)
	}
	for range 5 {
		_, err := w.IssueToken(ctx, "acme", "alice", access.Claims{})
		ok(t, "issue", err)
	}
	if n := rows(); n != one {
		t.Errorf("%d records after 5 tokens were replaced, want %d", n, one)
	}
	ok(t, "assign", w.AssignToken(ctx, "acme", "alice", "token", 0))
	ok(t, "revoke", w.RevokeToken(ctx, "acme", "alice", "token"))
	if n := rows(); n != one {
		t.Errorf("%d records after one was revoked, want %d", n, one)
	}
	_, err = w.RevokeTokens(ctx, "acme", "alice")
	ok(t, "revoke all", err)
	if n := rows(); n != 1 {
		t.Errorf("%d records after all were revoked, want the generation alone", n)
	}
}
