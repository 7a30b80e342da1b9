package access_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parlance"
	"parlance/access"
)

// What was acknowledged survives a crash: what works, and what no longer does.
func TestRestart(t *testing.T) {
	w := newWorld(t, access.Options{})
	ws, s := w.create(t, "acme")
	ctx := t.Context()
	old, err := w.AddToken(ctx, "acme", "alice", access.Claims{})
	ok(t, "add token", err)
	_, revoked, err := w.AddKey(ctx, "acme", access.Credential{Kind: access.APIKey})
	ok(t, "add key", err)
	for c, err := range w.Credentials(ctx, "acme") {
		ok(t, "list", err)
		if g, err := w.APIKey(ctx, revoked); err == nil && g.Reader == "api-key/"+c.ID {
			ok(t, "revoke", w.Revoke(ctx, "acme", c.ID))
		}
	}
	session, err := w.Login(ctx, s.Email, s.Password)
	ok(t, "log in", err)
	token, err := w.IssueToken(ctx, "acme", "alice", access.Claims{})
	ok(t, "issue token", err)
	before, err := w.UserToken(ctx, "acme", token.Token)
	ok(t, "check user token", err)

	running := w.store
	w.disk = w.disk.CrashClone(vfs.CrashCloneCfg{}) // what wasn't synced is lost
	ok(t, "close", running.Close())
	w.open(t, access.Options{})

	got, err := w.Workspace(ctx, "acme")
	ok(t, "get workspace", err)
	if got != ws {
		t.Errorf("workspace: got %+v, want %+v", got, ws)
	}
	_, err = w.ClientKey(ctx, s.ClientKey)
	ok(t, "client key", err)
	_, err = w.APIKey(ctx, s.APIKey)
	ok(t, "API key", err)
	_, err = w.Bearer(ctx, s.ShoplineToken)
	ok(t, "bearer", err)
	_, err = w.SellerToken(ctx, session.AccessToken)
	ok(t, "seller token", err)
	_, err = w.Login(ctx, s.Email, s.Password)
	ok(t, "log in", err)
	after, err := w.UserToken(ctx, "acme", token.Token)
	ok(t, "user token", err)
	if before != after {
		t.Errorf("grant: got %+v, before the restart %+v", after, before)
	}
	_, err = w.UserToken(ctx, "acme", old.Token)
	want(t, "replaced user token", err, parlance.Unauthenticated)
	_, err = w.APIKey(ctx, revoked)
	want(t, "revoked API key", err, parlance.Unauthenticated)
}

// Two Keepers on one store, as in two processes: a revocation by one is noticed by the
// other once it looks again.
func TestRevocationElsewhereIsNoticed(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	ctx := t.Context()
	other, err := access.Open(ctx, w.store, access.Options{})
	ok(t, "open another keeper", err)
	token, err := w.IssueToken(ctx, "acme", "alice", access.Claims{})
	ok(t, "issue", err)
	session, err := w.Login(ctx, s.Email, s.Password)
	ok(t, "log in", err)
	_, err = other.UserToken(ctx, "acme", token.Token)
	ok(t, "check user token", err)
	_, err = other.SellerToken(ctx, session.AccessToken)
	ok(t, "check seller token", err)
	_, err = other.APIKey(ctx, s.APIKey)
	ok(t, "check API key", err)

	_, err = w.RevokeTokens(ctx, "acme", "alice")
	ok(t, "revoke tokens", err)
	for c, err := range w.Credentials(ctx, "acme") {
		ok(t, "list", err)
		ok(t, "revoke", w.Revoke(ctx, "acme", c.ID))
	}
	w.clock.add(int64(access.Recheck.Seconds()))
	_, err = other.UserToken(ctx, "acme", token.Token)
	want(t, "user token", err, parlance.Unauthenticated)
	_, err = other.SellerToken(ctx, session.AccessToken)
	want(t, "seller token", err, parlance.Unauthenticated)
	_, err = other.APIKey(ctx, s.APIKey)
	want(t, "API key", err, parlance.Unauthenticated)
}

// No secret is in what the engine wrote, nor in the log.
func TestSecretsAreNotWritten(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	ctx := t.Context()
	_, password, err := w.AddSeller(ctx, "acme", "anna@example.com", "correct horse battery", "")
	ok(t, "add seller", err)
	session, err := w.Login(ctx, s.Email, s.Password)
	ok(t, "log in", err)
	_, err = w.SellerToken(ctx, session.AccessToken)
	ok(t, "check", err)
	issued, err := w.IssueToken(ctx, "acme", "alice", access.Claims{})
	ok(t, "issue", err)
	added, err := w.AddToken(ctx, "acme", "alice", access.Claims{})
	ok(t, "add", err)
	ok(t, "assign", w.AssignToken(ctx, "acme", "alice", "assigned-token-text", 0))
	ok(t, "revoke", w.RevokeToken(ctx, "acme", "alice", added.Token))

	written := w.bytes(t)
	for _, seen := range []string{s.ClientKey, s.Email, "anna@example.com"} {
		if !bytes.Contains(written, []byte(seen)) {
			t.Fatalf("%q isn't in what was written, so a secret might be overlooked", seen)
		}
	}
	for what, secret := range map[string]string{
		"API key": s.APIKey, "SHOPLINE token": s.ShoplineToken, "password": s.Password, "given password": password,
		"access token": session.AccessToken, "refresh token": session.RefreshToken,
		"issued token": issued.Token, "added token": added.Token, "assigned token": "assigned-token-text",
	} {
		if bytes.Contains(written, []byte(secret)) {
			t.Errorf("the %s was written", what)
		}
		if bytes.Contains(w.log.Bytes(), []byte(secret)) {
			t.Errorf("the %s was logged", what)
		}
	}
}

// A record that can't be read is an error of its own, which doesn't quote the record.
func TestDamagedRecord(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	ctx := t.Context()
	ok(t, "assign", w.AssignToken(ctx, "acme", "alice", "token", 0))
	old, err := w.store.Record(ctx, "user/acme/alice", "generation")
	ok(t, "read", err)
	ok(t, "damage", w.store.SwapRecord(ctx, "user/acme/alice", "generation", old, []byte("{{damaged")))
	_, err = w.UserToken(ctx, "acme", "token")
	want(t, "check", err, parlance.Corrupt)
	if err != nil && strings.Contains(err.Error(), "damaged") {
		t.Errorf("the error quotes the record: %v", err)
	}
	want(t, "replace", w.ReplaceToken(ctx, "acme", "alice", "token 2", 0), parlance.Corrupt)
}

func BenchmarkRemembered(b *testing.B) {
	w := newWorld(b, access.Options{})
	_, s := w.create(b, "acme")
	ctx := b.Context()
	issued, err := w.IssueToken(ctx, "acme", "alice", access.Claims{})
	ok(b, "issue", err)
	session, err := w.Login(ctx, s.Email, s.Password)
	ok(b, "log in", err)
	b.Run("user", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.UserToken(ctx, "acme", issued.Token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("seller", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.SellerToken(ctx, session.AccessToken); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bearer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.Bearer(ctx, s.ShoplineToken); err != nil {
				b.Fatal(err)
			}
		}
	})
}
