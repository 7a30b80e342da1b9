package access_test

import (
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/access"
)

func TestGrantsOfKeys(t *testing.T) {
	w := newWorld(t, access.Options{})
	acme, s := w.create(t, "acme")
	other, so := w.create(t, "other")
	readers := map[string]bool{}
	for range 2 { // the second time from memory
		for _, c := range []struct {
			ws      access.Workspace
			secrets access.Secrets
		}{{acme, s}, {other, so}} {
			ws, err := w.ClientKey(t.Context(), c.secrets.ClientKey)
			ok(t, "client key", err)
			if ws != c.ws {
				t.Errorf("got %+v, want %+v", ws, c.ws)
			}
			g, err := w.APIKey(t.Context(), c.secrets.APIKey)
			ok(t, "API key", err)
			readers[g.Reader] = true
			if want := (access.Grant{Workspace: c.ws, Admin: true, Reader: g.Reader}); g != want {
				t.Errorf("got %+v, want %+v", g, want)
			}
			g, err = w.Bearer(t.Context(), c.secrets.ShoplineToken)
			ok(t, "bearer", err)
			readers[g.Reader] = true
			if want := (access.Grant{Workspace: c.ws, Admin: true, Account: c.ws.Staff, Reader: g.Reader}); g != want {
				t.Errorf("got %+v, want %+v", g, want)
			}
		}
	}
	if len(readers) != 4 {
		t.Errorf("4 credentials have the names %v", readers)
	}
}

func TestAddedKeysWorkUntilRevoked(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, first := w.create(t, "acme")
	w.create(t, "other")
	ctx := t.Context()

	checks := map[access.Kind]func(string) error{
		access.ClientKey:     func(s string) error { _, err := w.ClientKey(ctx, s); return err },
		access.APIKey:        func(s string) error { _, err := w.APIKey(ctx, s); return err },
		access.ShoplineToken: func(s string) error { _, err := w.Bearer(ctx, s); return err },
	}
	firsts := map[access.Kind]string{
		access.ClientKey: first.ClientKey, access.APIKey: first.APIKey, access.ShoplineToken: first.ShoplineToken,
	}
	for kind, check := range checks {
		c, secret, err := w.AddKey(ctx, "acme", access.Credential{Kind: kind, Label: "second " + string(kind)})
		ok(t, "add "+string(kind), err)
		ok(t, "check "+string(kind), check(secret))
		want(t, "revoke it in another workspace", w.Revoke(ctx, "other", c.ID), parlance.NotFound)
		ok(t, "check "+string(kind), check(secret))
		ok(t, "revoke "+string(kind), w.Revoke(ctx, "acme", c.ID))
		want(t, "check after revocation", check(secret), parlance.Unauthenticated)
		want(t, "revoke again", w.Revoke(ctx, "acme", c.ID), parlance.NotFound)
		ok(t, "check the first "+string(kind), check(firsts[kind]))
	}
	want(t, "revoke in no workspace", w.Revoke(ctx, "none", "x"), parlance.NotFound)
	want(t, "revoke an odd id", w.Revoke(ctx, "acme", "\x00"), parlance.NotFound)
}

func TestKeysExpire(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	expires := start + 2500
	c, secret, err := w.AddKey(t.Context(), "acme", access.Credential{Kind: access.ShoplineToken, Expires: expires})
	ok(t, "add", err)
	if c.Expires != expires {
		t.Errorf("expires %s, want %s", c.Expires, expires)
	}
	g, err := w.Bearer(t.Context(), secret)
	ok(t, "check", err)
	if g.Expires != expires {
		t.Errorf("grant expires %s, want %s", g.Expires, expires)
	}
	w.clock.now.Store(int64(expires) - 1)
	_, err = w.Bearer(t.Context(), secret)
	ok(t, "check in the last millisecond", err)
	w.clock.now.Store(int64(expires))
	_, err = w.Bearer(t.Context(), secret)
	want(t, "check at expiry", err, parlance.Unauthenticated)
}

func TestAddKeyRefuses(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	for what, c := range map[string]access.Credential{
		"no kind":         {},
		"a login":         {Kind: access.SellerLogin},
		"a long label":    {Kind: access.APIKey, Label: strings.Repeat("x", 201)},
		"a label of junk": {Kind: access.APIKey, Label: "\xff"},
		"a past expiry":   {Kind: access.APIKey, Expires: start},
	} {
		_, _, err := w.AddKey(t.Context(), "acme", c)
		want(t, what, err, parlance.Invalid)
	}
	_, _, err := w.AddKey(t.Context(), "none", access.Credential{Kind: access.APIKey})
	want(t, "no workspace", err, parlance.NotFound)
}

func TestCredentialsAreListedWithoutSecrets(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	w.create(t, "acme-2") // its name begins with the other's
	w.clock.add(1)
	c, secret, err := w.AddKey(t.Context(), "acme", access.Credential{Kind: access.APIKey, Label: "nightly export"})
	ok(t, "add", err)

	var kinds []access.Kind
	var last access.Credential
	for c, err := range w.Credentials(t.Context(), "acme") {
		ok(t, "list", err)
		kinds = append(kinds, c.Kind)
		last = c
		for _, hidden := range []string{s.APIKey, s.ShoplineToken, s.Password, secret} {
			if strings.Contains(c.ID+c.Name+c.Label, hidden) {
				t.Errorf("%s shows a secret", c.Kind)
			}
		}
	}
	if want := []access.Kind{access.ClientKey, access.APIKey, access.ShoplineToken, access.SellerLogin, access.APIKey}; !slices.Equal(want, kinds) {
		t.Errorf("listed %+v, want %+v", kinds, want)
	}
	if last != c {
		t.Errorf("got %+v, want %+v", last, c)
	}
	for _, err := range w.Credentials(t.Context(), "none") {
		want(t, "list in no workspace", err, parlance.NotFound)
	}
}
