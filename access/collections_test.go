package access_test

import (
	"errors"
	"testing"

	"parlance"
	"parlance/access"
	"parlance/store"
)

// copyTo copies what belongs to a workspace, or everything, and finds it equal then.
func (w *world) copyTo(t *testing.T, to *world, ws parlance.WorkspaceID) {
	t.Helper()
	collections := access.Collections(t.Context(), ws, w.Keeper, to.Keeper)
	_, err := w.store.CopyTo(t.Context(), to.store, store.CopyOptions{Collections: collections})
	ok(t, "copy", err)
	c, err := w.store.CompareRecords(t.Context(), to.store, collections, store.CompareOptions{Report: func(f store.Finding) { t.Error(f.Text) }})
	if err != nil || c.Differences != 0 {
		t.Errorf("compare: %+v, %v", c, err)
	}
}

// TestCollections finds that everything that is kept is named: what works in a store works in a
// copy of it, and what was revoked since the last copy no longer does.
func TestCollections(t *testing.T) {
	w, to := newWorld(t, access.Options{}), newWorld(t, access.Options{})
	ctx := t.Context()
	_, s := w.create(t, "acme")
	session, err := w.Login(ctx, s.Email, s.Password)
	ok(t, "log in", err)
	token, err := w.IssueToken(ctx, "acme", "alice", access.Claims{})
	ok(t, "issue token", err)
	second, err := w.AddToken(ctx, "acme", "bob", access.Claims{})
	ok(t, "add token", err)

	w.copyTo(t, to, "")
	_, err = to.Workspace(ctx, "acme")
	ok(t, "workspace", err)
	_, err = to.ClientKey(ctx, s.ClientKey)
	ok(t, "client key", err)
	_, err = to.APIKey(ctx, s.APIKey)
	ok(t, "API key", err)
	_, err = to.Bearer(ctx, s.ShoplineToken)
	ok(t, "bearer", err)
	_, err = to.SellerToken(ctx, session.AccessToken)
	ok(t, "seller token", err)
	_, err = to.Login(ctx, s.Email, s.Password)
	ok(t, "log in", err)
	for _, token := range []access.Token{token, second} {
		_, err = to.UserToken(ctx, "acme", token.Token)
		ok(t, "user token", err)
	}

	// Everything of alice's goes, and her rows are no longer named at the source.
	fresh, err := w.IssueToken(ctx, "acme", "alice", access.Claims{})
	ok(t, "issue token", err)
	w.copyTo(t, to, "")
	to.clock.add(60) // what is remembered has to be looked up again
	if _, err := to.UserToken(ctx, "acme", token.Token); !errors.Is(err, parlance.Unauthenticated) {
		t.Errorf("a token that was replaced: %v", err)
	}
	_, err = to.UserToken(ctx, "acme", fresh.Token)
	ok(t, "the token in its place", err)
}

// TestCollectionsOfWorkspace finds that a copy of one workspace's records leaves the others alone.
func TestCollectionsOfWorkspace(t *testing.T) {
	w, to := newWorld(t, access.Options{}), newWorld(t, access.Options{})
	ctx := t.Context()
	_, s := w.create(t, "acme")
	_, hidden := w.create(t, "hidden")
	_, own := to.create(t, "own")
	w.copyTo(t, to, "acme")
	_, err := to.APIKey(ctx, s.APIKey)
	ok(t, "API key that was copied", err)
	_, err = to.Login(ctx, s.Email, s.Password)
	ok(t, "log in with what was copied", err)
	_, err = to.APIKey(ctx, own.APIKey)
	ok(t, "API key of another workspace", err)
	_, err = to.Login(ctx, own.Email, own.Password)
	ok(t, "log in to another workspace", err)
	if _, err := to.APIKey(ctx, hidden.APIKey); !errors.Is(err, parlance.Unauthenticated) {
		t.Errorf("API key of a workspace that wasn't copied: %v", err)
	}
}
