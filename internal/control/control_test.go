package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parlance"
	"parlance/internal/control"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// A held store is one that is served on a socket.
type held struct {
	engine driver.Engine
	store  *store.Store
	path   string
	stop   func()
}

func hold(t *testing.T) *held {
	t.Helper()
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), e, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &held{engine: e, store: s, path: filepath.Join(t.TempDir(), control.Socket)}
	l, err := control.Listen(h.path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() {
		if err := control.Serve(ctx, l, e, s, nil); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	h.stop = sync.OnceFunc(func() {
		cancel()
		served.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

func dial(t *testing.T, path string) *control.Client {
	t.Helper()
	c, err := control.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func rows(t *testing.T, e driver.Engine, p driver.Partition, r driver.Range) string {
	t.Helper()
	var b strings.Builder
	for row, err := range e.Scan(t.Context(), p, r) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%q %d %x\n", row.Key, len(row.Value), row.Value[:1])
	}
	return b.String()
}

// TestReads finds that reading through the socket returns what the engine does.
func TestReads(t *testing.T) {
	h := hold(t)
	c := dial(t, h.path)
	if b := c.Bounds(); b != (driver.Bounds{OneStep: true}) {
		t.Errorf("Bounds = %+v", b)
	}
	p := driver.Partition{Table: driver.Derived, Key: "p\x00\xff"}
	var ops []driver.Op
	keys := [][]byte{nil, []byte("missing")}
	for i := range 300 { // some parts' worth
		key := fmt.Appendf(nil, "\x00\xff%03d", i)
		keys = append(keys, key)
		ops = append(ops, driver.Op{Partition: p, Key: key, Value: bytes.Repeat([]byte{byte(i)}, 1+i*20)})
	}
	ops = append(ops, driver.Op{Partition: p, Value: []byte("of the empty key")})
	if err := h.engine.Write(t.Context(), ops, 1); err != nil {
		t.Fatal(err)
	}
	for _, r := range []driver.Range{
		{}, {Reverse: true}, {Limit: 7}, {Reverse: true, Limit: 200}, {To: []byte{}}, {From: []byte{}}, {From: keys[50], To: keys[60]}, {From: keys[60], To: keys[50]},
	} {
		if got, want := rows(t, c, p, r), rows(t, h.engine, p, r); got != want {
			t.Errorf("Scan %+v = %d bytes, want %d", r, len(got), len(want))
		}
	}
	got, err := c.Get(t.Context(), p, keys)
	want, err2 := h.engine.Get(t.Context(), p, keys)
	if err != nil || err2 != nil || fmt.Sprint(got) != fmt.Sprint(want) || got[0] == nil || got[1] != nil {
		t.Errorf("Get differs: %v, %v", err, err2)
	}
	for range c.Scan(t.Context(), p, driver.Range{}) {
		break // the rest isn't wanted
	}
	if err := c.Write(t.Context(), nil, 0); err != nil {
		t.Errorf("Write of nothing: %v", err)
	}
	if err := c.Write(t.Context(), ops[:1], 2); !errors.Is(err, parlance.Forbidden) {
		t.Errorf("Write: %v", err)
	}
	if err := c.Claim(t.Context(), driver.Partition{Table: driver.Claimed, Key: "R"}, []driver.Claim{{Value: []byte("x")}}, nil, 1); !errors.Is(err, parlance.Forbidden) {
		t.Errorf("Claim: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(gone, p, keys); !errors.Is(err, context.Canceled) {
		t.Errorf("Get after the end: %v", err)
	}
}

// TestMove copies a store through the socket while it is written to, freezes it and copies the
// rest. Each read on the way is of one moment.
func TestMove(t *testing.T) {
	h := hold(t)
	c := dial(t, h.path)
	src, err := store.Open(t.Context(), c, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	dst, err := store.Open(t.Context(), e, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	ref := parlance.Ref{Workspace: "w", Conversation: "c"}
	if _, err := h.store.Create(t.Context(), "w", parlance.Conversation{ID: "c", Kind: parlance.Shop}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var stored [4]int
	for i := range stored {
		wg.Go(func() {
			for n := 0; ; n++ {
				m := parlance.Message{ID: parlance.MessageID(fmt.Sprint(i, "-", n)), Sender: "a"}
				if _, err := h.store.Put(t.Context(), ref, store.Send, m); err != nil {
					if !errors.Is(err, parlance.Unavailable) {
						t.Error(err)
					}
					return
				}
				stored[i]++
			}
		})
	}
	defer wg.Wait()
	defer h.store.Freeze(t.Context(), "the test ends")
	options := store.CopyOptions{Workspaces: []parlance.WorkspaceID{"w"}}
	for n := 0; n < 2000; {
		r, err := src.CopyTo(t.Context(), dst, options)
		if err != nil {
			t.Fatal(err)
		}
		n += r.Copied
		p, count, err := src.PageCount(t.Context(), ref, store.Query{Limit: 100, Ascending: true})
		if errors.Is(err, parlance.Unavailable) {
			continue // it is written to faster than it can be read from outside; a copy doesn't ask for pages
		}
		if err != nil || count != p.State.Total || len(p.Entries) != min(count, 100) {
			t.Fatalf("PageCount = %d entries, %d, %+v, %v", len(p.Entries), count, p.State, err)
		}
	}
	if err := c.Freeze(t.Context(), "it moves"); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if _, err := src.CopyTo(t.Context(), dst, options); err != nil {
		t.Fatal(err)
	}
	got, err := src.Compare(t.Context(), dst, "w", store.CompareOptions{})
	if err != nil || got.Differences != 0 || got.There.Messages != stored[0]+stored[1]+stored[2]+stored[3] {
		t.Errorf("Compare = %+v, %v; stored %v", got, err, stored)
	}
	if err := c.Thaw(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "a"}); err != nil {
		t.Errorf("Put after the thaw: %v", err)
	}
	if err := c.Freeze(t.Context(), ""); !errors.Is(err, parlance.Invalid) {
		t.Errorf("Freeze without a reason: %v", err)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}

// TestSocket finds that only the owner can use the socket, that a stale one is replaced, and that it goes
// when the program ends.
func TestSocket(t *testing.T) {
	h := hold(t)
	info, err := os.Stat(h.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info.Mode(), err)
	}
	c := dial(t, h.path)
	h.stop()
	if _, err := os.Stat(h.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket after the end: %v", err)
	}
	if _, err := c.Get(t.Context(), driver.Partition{Table: driver.Claimed, Key: "F"}, [][]byte{nil}); !errors.Is(err, parlance.Unavailable) {
		t.Errorf("Get after the end: %v", err)
	}
	for _, err := range c.Scan(t.Context(), driver.Partition{Table: driver.Claimed, Key: "F"}, driver.Range{}) {
		if !errors.Is(err, parlance.Unavailable) {
			t.Errorf("Scan after the end: %v", err)
		}
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: h.path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	if _, err := control.Dial(t.Context(), h.path); !errors.Is(err, parlance.Unavailable) {
		t.Errorf("Dial to a stale socket: %v", err)
	}
	l, err := control.Listen(h.path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// TestNonsense sends what no client does.
func TestNonsense(t *testing.T) {
	h := hold(t)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", h.path)
	}}}
	defer client.CloseIdleConnections()
	for _, c := range []struct{ path, body string }{
		{"get", ""},
		{"get", "{"},
		{"get", `{"table":9,"partition":"Rg=="}`},
		{"get", `{"table":1,"partition":""}`},
		{"scan", `{"table":1,"partition":7}`},
		{"scan", `{"table":1}`},
		{"freeze", `[]`},
		{"freeze", `{}`},
		{"get", `{"partition":"` + strings.Repeat("A", 33<<20) + `"}`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://parlance/"+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Parlance-Control", "2")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %.40s: %s", c.path, c.body, resp.Status)
		}
	}
	if why, err := h.store.Frozen(t.Context()); why != "" || err != nil {
		t.Errorf("Frozen = %q, %v", why, err)
	}
}
