package files_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/files"
)

// TestLinkKeys rotates, adds and revokes the keys that sign addresses: an address is good exactly as long as the key that signed it,
// in the process that changed the keys at once, in another one ten seconds later at worst.
func TestLinkKeys(t *testing.T) {
	w, links, srv, address := linked(t, "text/plain", "x", "")
	other := httptest.NewServer(files.NewLinks(files.Open(w.store, w.Folder()), "", nil))
	t.Cleanup(other.Close)
	ctx := t.Context()
	signed := func() string {
		t.Helper()
		a, ok := links.Address(ctx, "w", address)
		if !ok {
			t.Fatal("nothing is signed")
		}
		return strings.TrimPrefix(a, links.Base())
	}
	check := func(when, path string, here, there int) {
		t.Helper()
		if resp, _ := get(t, srv.URL+path); resp.StatusCode != here {
			t.Errorf("%s: %d here, want %d", when, resp.StatusCode, here)
		}
		if resp, _ := get(t, other.URL+path); resp.StatusCode != there {
			t.Errorf("%s: %d in another process, want %d", when, resp.StatusCode, there)
		}
	}
	only := func() files.LinkKey {
		t.Helper()
		keys, err := w.LinkKeys(ctx, "w")
		if err != nil || len(keys) != 1 {
			t.Fatalf("LinkKeys = %+v, %v; want one", keys, err)
		}
		return keys[0]
	}

	if keys, err := w.LinkKeys(ctx, "w"); err != nil || len(keys) != 0 {
		t.Fatalf("before anything is signed: %+v, %v", keys, err)
	}
	first := signed()
	check("signed", first, 200, 200)

	// With a grace both are good until it ends.
	if _, err := w.RotateLinkKey(ctx, "w", only().ID, w.clock.Now()+60_000); err != nil {
		t.Fatal(err)
	}
	second := signed()
	if second == first {
		t.Fatal("the old key signs still")
	}
	check("old, in its grace", first, 200, 200)
	w.clock.Advance(10 * time.Second) // the other process hears of it
	check("new", second, 200, 200)
	w.clock.Advance(51 * time.Second)
	check("old, after its grace", first, 404, 404)

	// Without a grace the old one ends at once.
	if _, err := w.RotateLinkKey(ctx, "w", only().ID, 0); err != nil {
		t.Fatal(err)
	}
	check("rotated", second, 404, 200)
	w.clock.Advance(10 * time.Second)
	check("rotated, ten seconds later", second, 404, 404)

	// The newest signs; if it ends, the one before it; if none is left, a new one.
	third := signed()
	before := only()
	added, err := w.AddLinkKey(ctx, "w")
	if err != nil {
		t.Fatal(err)
	}
	fourth := signed()
	if err := w.RevokeLinkKey(ctx, "w", added.ID); err != nil {
		t.Fatal(err)
	}
	if got := signed(); got != third {
		t.Errorf("after the newest was revoked: %s, want %s", got, third)
	}
	check("revoked", fourth, 404, 404)
	if err := w.RevokeLinkKey(ctx, "w", before.ID); err != nil {
		t.Fatal(err)
	}
	if got := signed(); got == third || got == fourth {
		t.Error("a revoked key signs")
	}
	check("all revoked", third, 404, 200)

	for name, change := range map[string]func() error{
		"revoke": func() error { return w.RevokeLinkKey(ctx, "w", before.ID) },
		"rotate": func() error { _, err := w.RotateLinkKey(ctx, "w", "x", 0); return err },
		"others": func() error { return w.RevokeLinkKey(ctx, "v", only().ID) },
	} {
		if err := change(); !errors.Is(err, parlance.NotFound) {
			t.Errorf("%s a key that there isn't: %v", name, err)
		}
	}
	for range parlance.MaxLinkKeys - 1 {
		if _, err := w.AddLinkKey(ctx, "w"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.AddLinkKey(ctx, "w"); !errors.Is(err, parlance.Invalid) {
		t.Errorf("a key too many: %v", err)
	}
}
