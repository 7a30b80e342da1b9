package access_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parlance"
	"parlance/access"
	"parlance/store"
	"parlance/store/pebblestore"
)

// start is when the tests' clock begins: not on a whole second.
const start parlance.Time = 1_700_000_000_123

// A clock is a time that tests set.
type clock struct{ now atomic.Int64 }

func (c *clock) add(seconds int64) { c.now.Add(seconds * 1000) }

// A world is a Keeper on a store of its own, and what it runs on.
type world struct {
	*access.Keeper
	clock *clock
	disk  *vfs.MemFS
	store *store.Store
	log   bytes.Buffer
}

// newWorld opens a Keeper on an empty store in memory.
func newWorld(t testing.TB, o access.Options) *world {
	t.Helper()
	w := &world{clock: &clock{}, disk: vfs.NewCrashableMem()}
	w.clock.now.Store(int64(start))
	w.open(t, o)
	t.Cleanup(func() { w.store.Close() })
	return w
}

// open opens the store and the Keeper on the world's disk.
func (w *world) open(t testing.TB, o access.Options) {
	t.Helper()
	e, err := pebblestore.Open("store", pebblestore.Options{FS: w.disk, CacheBytes: 8 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("open engine: %v", err)
	}
	w.store, err = store.Open(t.Context(), e, store.Options{Now: func() parlance.Time { return parlance.Time(w.clock.now.Load()) }})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	o.Logger = slog.New(slog.NewTextHandler(&w.log, nil))
	w.Keeper, err = access.Open(t.Context(), w.store, o)
	if err != nil {
		t.Fatalf("open keeper: %v", err)
	}
}

// create makes a workspace with defaults.
func (w *world) create(t testing.TB, id parlance.WorkspaceID) (access.Workspace, access.Secrets) {
	t.Helper()
	ws, secrets, err := w.CreateWorkspace(t.Context(), access.Workspace{ID: id})
	if err != nil {
		t.Fatalf("create workspace %s: %v", id, err)
	}
	return ws, secrets
}

// bytes returns all that the engine has written.
func (w *world) bytes(t testing.TB) []byte {
	t.Helper()
	var all []byte
	var walk func(dir string)
	walk = func(dir string) {
		names, err := w.disk.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			path := w.disk.PathJoin(dir, name)
			info, err := w.disk.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.IsDir() {
				walk(path)
				continue
			}
			f, err := w.disk.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(f)
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
	}
	walk("store")
	return all
}

// A failer is a test, or a run of a property.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// want fails the test unless err is of kind.
func want(t failer, what string, err error, kind parlance.ErrorKind) {
	t.Helper()
	if err == nil || parlance.KindOf(err) != kind {
		t.Errorf("%s: got %v, want an error of kind %q", what, err, kind)
	}
}

// ok fails the test if err isn't nil.
func ok(t failer, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, err := access.Open(t.Context(), w.store, access.Options{UserTokenLife: 1})
	want(t, "a user token's life of 1 ns", err, parlance.Invalid)
	_, err = access.Open(t.Context(), w.store, access.Options{SellerTokenLife: -1})
	want(t, "a seller token's life of -1 ns", err, parlance.Invalid)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = access.Open(ctx, w.store, access.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("open after cancel: got %v", err)
	}
}

// Every failed check says the same, so that nobody learns why it failed.
func TestFailuresLookAlike(t *testing.T) {
	w := newWorld(t, access.Options{})
	ws, s := w.create(t, "acme")
	ok(t, "assign", w.AssignToken(t.Context(), ws.ID, "alice", "short-lived", parlance.Time(w.clock.now.Load()+1000)))
	w.clock.add(2)

	ctx := t.Context()
	text := ""
	check := func(what string, err error) {
		t.Helper()
		want(t, what, err, parlance.Unauthenticated)
		if text == "" {
			text = err.Error()
		}
		if err != nil && err.Error() != text {
			t.Errorf("%s: got %q, others say %q", what, err, text)
		}
	}
	long := string(bytes.Repeat([]byte("x"), access.MaxToken+1))
	for _, secret := range []string{"", "x", long, s.Password, "\x00\xff"} {
		_, err := w.ClientKey(ctx, secret)
		check("client key", err)
		_, err = w.APIKey(ctx, secret)
		check("API key", err)
		_, err = w.Bearer(ctx, secret)
		check("bearer", err)
		_, err = w.UserToken(ctx, ws.ID, secret)
		check("user token", err)
		_, err = w.SellerToken(ctx, secret)
		check("seller token", err)
		_, err = w.Login(ctx, s.Email, "not "+secret)
		check("login with a wrong password", err)
		_, err = w.Login(ctx, secret, s.Password)
		check("login with an unknown e-mail", err)
	}
	_, err := w.UserToken(ctx, ws.ID, "short-lived")
	check("expired user token", err)
	_, err = w.UserToken(ctx, "no/such", "short-lived")
	check("user token of a name that is no workspace's", err)
	// A secret of one kind is nothing as another.
	_, err = w.APIKey(ctx, s.ClientKey)
	check("client key as API key", err)
	_, err = w.Bearer(ctx, s.APIKey)
	check("API key as bearer", err)
	_, err = w.UserToken(ctx, ws.ID, s.APIKey)
	check("API key as user token", err)
}
