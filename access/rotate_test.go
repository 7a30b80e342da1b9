package access_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"parlance"
	"parlance/access"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// find returns the id of the workspace's only credential of a kind.
func (w *world) find(t *testing.T, ws parlance.WorkspaceID, kind access.Kind) string {
	t.Helper()
	id := ""
	for c, err := range w.Credentials(t.Context(), ws) {
		ok(t, "list", err)
		if c.Kind == kind {
			if id != "" {
				t.Fatalf("workspace %s has several of %s", ws, kind)
			}
			id = c.ID
		}
	}
	return id
}

// A key that is rotated is replaced at once or after a while, and nothing else is touched.
func TestRotateKeys(t *testing.T) {
	check := map[access.Kind]func(w *world, secret string) error{
		access.ClientKey:     func(w *world, s string) error { _, err := w.ClientKey(context.Background(), s); return err },
		access.APIKey:        func(w *world, s string) error { _, err := w.APIKey(context.Background(), s); return err },
		access.ShoplineToken: func(w *world, s string) error { _, err := w.Bearer(context.Background(), s); return err },
	}
	for _, grace := range []time.Duration{0, 24 * time.Hour} {
		for kind, good := range check {
			t.Run(fmt.Sprint(kind, grace), func(t *testing.T) {
				w := newWorld(t, access.Options{})
				_, s := w.create(t, "acme")
				old := map[access.Kind]string{access.ClientKey: s.ClientKey, access.APIKey: s.APIKey, access.ShoplineToken: s.ShoplineToken}
				user, err := w.IssueToken(t.Context(), "acme", "anna", access.Claims{})
				ok(t, "issue", err)
				for k, secret := range old {
					ok(t, string(k), check[k](w, secret)) // it is remembered from now on
				}
				before := w.find(t, "acme", kind)
				c, secret, err := w.Rotate(t.Context(), "acme", before, access.Rotation{Grace: grace})
				ok(t, "rotate", err)
				if c.Kind != kind || c.ID == before || c.Expires != 0 {
					t.Errorf("the new one is %+v", c)
				}
				ok(t, "the new one", good(w, secret))
				if grace > 0 {
					ok(t, "the old one within its grace", good(w, old[kind]))
					w.clock.add(int64(grace/time.Second) - 1)
					ok(t, "the old one at the end of its grace", good(w, old[kind]))
					w.clock.add(2)
				}
				want(t, "the old one", good(w, old[kind]), parlance.Unauthenticated)
				ok(t, "the new one later", good(w, secret))
				for k, other := range old {
					if k != kind {
						ok(t, "what wasn't rotated: "+string(k), check[k](w, other))
					}
				}
				_, err = w.UserToken(t.Context(), "acme", user.Token)
				ok(t, "a user's token", err)
				_, err = w.Login(t.Context(), s.Email, s.Password)
				ok(t, "the seller's login", err)
			})
		}
	}
}

// A login that is rotated keeps its e-mail; its old password and the sessions that it opened end at once or after a while.
func TestRotateLogin(t *testing.T) {
	for _, grace := range []time.Duration{0, time.Hour} {
		w := newWorld(t, access.Options{})
		_, s := w.create(t, "acme")
		ctx := t.Context()
		before := w.find(t, "acme", access.SellerLogin)
		session, err := w.Login(ctx, s.Email, s.Password)
		ok(t, "log in", err)
		_, err = w.SellerToken(ctx, session.AccessToken)
		ok(t, "session", err)
		c, password, err := w.Rotate(ctx, "acme", before, access.Rotation{Grace: grace})
		ok(t, "rotate", err)
		if c.Name != s.Email || password == s.Password {
			t.Errorf("the new one is %+v", c)
		}
		fresh, err := w.Login(ctx, s.Email, password)
		ok(t, "log in with the new password", err)
		if grace > 0 {
			g, err := w.SellerToken(ctx, session.AccessToken)
			ok(t, "old session within its grace", err)
			if g.Expires != start+parlance.Time(grace.Milliseconds()) {
				t.Errorf("it ends %s", g.Expires)
			}
			_, err = w.Login(ctx, s.Email, s.Password)
			ok(t, "log in with the old password within its grace", err)
			w.clock.add(int64(grace/time.Second) + 1)
		}
		_, err = w.SellerToken(ctx, session.AccessToken)
		want(t, "old session", err, parlance.Unauthenticated)
		_, err = w.Login(ctx, s.Email, s.Password)
		want(t, "old password", err, parlance.Unauthenticated)
		_, err = w.SellerToken(ctx, fresh.AccessToken)
		ok(t, "new session", err)

		_, _, err = w.Rotate(ctx, "acme", before, access.Rotation{})
		if grace == 0 {
			want(t, "rotate what is revoked", err, parlance.NotFound)
		} else {
			want(t, "rotate what was rotated", err, parlance.Conflict)
		}
		// A chosen password, and then neither of the two older ones.
		last, _, err := w.Rotate(ctx, "acme", c.ID, access.Rotation{Password: "chosen by me", Grace: time.Hour})
		ok(t, "rotate again", err)
		_, err = w.Login(ctx, s.Email, "chosen by me")
		ok(t, "chosen password", err)
		ok(t, "revoke the newest", w.Revoke(ctx, "acme", last.ID))
		_, err = w.Login(ctx, s.Email, "chosen by me")
		want(t, "revoked password", err, parlance.Unauthenticated)
		_, err = w.Login(ctx, s.Email, password)
		ok(t, "the one before, in its grace", err)
		ok(t, "revoke it", w.Revoke(ctx, "acme", c.ID))
		_, err = w.SellerToken(ctx, fresh.AccessToken)
		want(t, "its session", err, parlance.Unauthenticated)
		_, _, err = w.AddLogin(ctx, "acme", access.Credential{Name: "new@shop.example"}, "")
		ok(t, "another login", err)
	}
}

func TestRotateRefuses(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	w.create(t, "beta")
	key := w.find(t, "acme", access.APIKey)
	for what, err := range map[string]error{
		"another workspace's": func() error { _, _, err := w.Rotate(t.Context(), "beta", key, access.Rotation{}); return err }(),
		"none":                func() error { _, _, err := w.Rotate(t.Context(), "acme", "none", access.Rotation{}); return err }(),
	} {
		want(t, what, err, parlance.NotFound)
	}
	for _, r := range []access.Rotation{{Grace: -1}, {Grace: 10000 * time.Hour}, {Password: "long enough"}, {Expires: 1}} {
		_, _, err := w.Rotate(t.Context(), "acme", key, r)
		want(t, fmt.Sprintf("%+v", r), err, parlance.Invalid)
	}
	if w.find(t, "acme", access.APIKey) != key {
		t.Error("it was rotated all the same")
	}
}

// A failing engine is one that takes some writes and then none, as if the program was killed there.
type failing struct {
	driver.Engine
	left int
}

var errKilled = errors.New("killed")

func (f *failing) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	if f.left--; f.left < 0 {
		return errKilled
	}
	return f.Engine.Write(ctx, ops, v)
}

func (f *failing) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	if f.left--; f.left < 0 {
		return errKilled
	}
	return f.Engine.Claim(ctx, p, claims, ops, v)
}

// Making a workspace can be stopped at each of its writes: making it again completes it, with one credential of each kind, and
// what the first time made and nobody saw is revoked.
func TestCreateWorkspaceIsCompleted(t *testing.T) {
	ctx := t.Context()
	for n := 0; ; n++ {
		if n > 200 {
			t.Fatal("it never ends")
		}
		e, err := pebblestore.OpenMemory()
		ok(t, "open", err)
		f := &failing{Engine: e, left: 1 << 30}
		s, err := store.Open(ctx, f, store.Options{})
		ok(t, "open", err)
		k, err := access.Open(ctx, s, access.Options{})
		ok(t, "open", err)
		f.left = n
		first, err := k.BeginWorkspace(ctx, access.Workspace{ID: "acme"})
		if err == nil {
			err = k.FinishWorkspace(ctx, first)
		}
		f.left = 1 << 30
		if err == nil {
			if n < 10 {
				t.Errorf("only %d writes were tried", n)
			}
			_, err = k.BeginWorkspace(ctx, access.Workspace{ID: "acme"})
			want(t, "make what is finished", err, parlance.Conflict)
			ok(t, "close", s.Close())
			return
		}
		second, err := k.BeginWorkspace(ctx, access.Workspace{ID: "acme"})
		ok(t, fmt.Sprintf("again, after %d writes", n), err)
		ok(t, "finish", k.FinishWorkspace(ctx, second))
		if first.Secrets.ClientKey != "" { // it was made whole, and could not be finished
			if !second.Resumed || second.Workspace.Merchant != first.Workspace.Merchant {
				t.Errorf("after %d writes: %+v, then %+v", n, first.Workspace, second.Workspace)
			}
			_, err = k.APIKey(ctx, first.Secrets.APIKey)
			want(t, "a key that nobody saw", err, parlance.Unauthenticated)
			_, err = k.Login(ctx, first.Secrets.Email, first.Secrets.Password)
			want(t, "a password that nobody saw", err, parlance.Unauthenticated)
		}
		_, err = k.ClientKey(ctx, second.Secrets.ClientKey)
		ok(t, "client key", err)
		_, err = k.APIKey(ctx, second.Secrets.APIKey)
		ok(t, "API key", err)
		_, err = k.Bearer(ctx, second.Secrets.ShoplineToken)
		ok(t, "token", err)
		_, err = k.Login(ctx, second.Secrets.Email, second.Secrets.Password)
		ok(t, "login", err)
		count := 0
		for _, err := range k.Credentials(ctx, "acme") {
			ok(t, "list", err)
			count++
		}
		w, err := k.Workspace(ctx, "acme")
		if count != 4 || err != nil || w.Unfinished {
			t.Errorf("after %d writes: %d credentials, %+v, %v", n, count, w, err)
		}
		ok(t, "close", s.Close())
	}
}

// Of two that make the same workspace, the one whose credentials don't hold is told so.
func TestCreateWorkspaceTwice(t *testing.T) {
	w := newWorld(t, access.Options{})
	first, err := w.BeginWorkspace(t.Context(), access.Workspace{ID: "acme"})
	ok(t, "begin", err)
	second, err := w.BeginWorkspace(t.Context(), access.Workspace{ID: "acme"})
	ok(t, "begin again", err)
	want(t, "finish the first", w.FinishWorkspace(t.Context(), first), parlance.Conflict)
	ok(t, "finish the second", w.FinishWorkspace(t.Context(), second))
}
