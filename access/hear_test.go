package access_test

import (
	"context"
	"testing"
	"time"

	"parlance"
	"parlance/access"
	"parlance/live"
)

// joined returns two nodes' buses, the second of which hears the first.
func joined(t *testing.T) (*live.Bus, *live.Bus) {
	t.Helper()
	a := embedded(t)
	b := embedded(t, a.Status().Listen)
	heard := make(chan struct{}, 1)
	cancel := b.Subscribe(func(live.Event) {
		select {
		case heard <- struct{}{}:
		default:
		}
	}, live.Appended)
	defer cancel()
	deadline := time.After(20 * time.Second)
	for {
		a.Publish(live.Event{Kind: live.Appended, Workspace: "acme", Conversation: "any", Number: 1})
		select {
		case <-heard:
			return a, b
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatal("the nodes don't find each other")
		}
	}
}

func embedded(t *testing.T, routes ...string) *live.Bus {
	t.Helper()
	b, err := live.Embedded(t.Context(), "127.0.0.1:0", routes, live.Options{})
	ok(t, "open a bus", err)
	t.Cleanup(func() { b.Close(context.Background()) })
	return b
}

// What is revoked on one node is refused on the other as soon as it hears of it, although no
// time has passed.
func TestRevocationIsHeard(t *testing.T) {
	busA, busB := joined(t)
	w := newWorld(t, access.Options{Bus: busA})
	_, s := w.create(t, "acme")
	ctx := t.Context()
	other, err := access.Open(ctx, w.store, access.Options{Bus: busB})
	ok(t, "open another keeper", err)
	heard := make(chan live.Event, 100)
	busB.Subscribe(func(e live.Event) { heard <- e }, live.Revoked) // after the keeper's

	token, err := w.IssueToken(ctx, "acme", "alice", access.Claims{})
	ok(t, "issue", err)
	session, err := w.Login(ctx, s.Email, s.Password)
	ok(t, "log in", err)
	checks := map[access.Kind]func() error{
		"user token":         func() error { _, err := other.UserToken(ctx, "acme", token.Token); return err },
		access.SellerLogin:   func() error { _, err := other.SellerToken(ctx, session.AccessToken); return err },
		access.ShoplineToken: func() error { _, err := other.Bearer(ctx, s.ShoplineToken); return err },
		access.APIKey:        func() error { _, err := other.APIKey(ctx, s.APIKey); return err },
		access.ClientKey:     func() error { _, err := other.ClientKey(ctx, s.ClientKey); return err },
	}
	wait := func() {
		t.Helper()
		select {
		case <-heard:
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was heard")
		}
	}
	wait() // the token that was issued
	for kind, check := range checks {
		ok(t, string(kind), check())
	}
	_, err = w.RevokeTokens(ctx, "acme", "alice")
	ok(t, "revoke tokens", err)
	wait()
	want(t, "user token", checks["user token"](), parlance.Unauthenticated)
	for c, err := range w.Credentials(ctx, "acme") {
		ok(t, "list", err)
		ok(t, "still good", checks[c.Kind]())
		ok(t, "revoke", w.Revoke(ctx, "acme", c.ID))
		wait()
		want(t, string(c.Kind), checks[c.Kind](), parlance.Unauthenticated)
	}
}

// A node that may have missed a revocation looks again.
func TestMissedRevocation(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	ctx := t.Context()
	bus := live.Local()
	other, err := access.Open(ctx, w.store, access.Options{Bus: bus})
	ok(t, "open another keeper", err)
	_, err = other.APIKey(ctx, s.APIKey)
	ok(t, "check", err)
	for c, err := range w.Credentials(ctx, "acme") {
		ok(t, "list", err)
		ok(t, "revoke", w.Revoke(ctx, "acme", c.ID))
	}
	_, err = other.APIKey(ctx, s.APIKey)
	ok(t, "check what is remembered", err)
	bus.Publish(live.Event{Kind: live.Missed})
	_, err = other.APIKey(ctx, s.APIKey)
	want(t, "API key", err, parlance.Unauthenticated)
}
