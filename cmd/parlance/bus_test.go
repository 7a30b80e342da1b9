package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"parlance"
	"parlance/access"
	"parlance/internal/certtest"
	"parlance/internal/config"
	"parlance/live"
	"parlance/shopline"
	"parlance/store"
	"parlance/store/pebblestore"
)

// selfSigned writes a certificate that signs itself, for nodes of this machine, and its key.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	cert, key, err := certtest.SelfSigned(t.TempDir(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func openTestBus(t *testing.T, c config.Config) *live.Bus {
	t.Helper()
	b, err := openBus(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(context.Background()) })
	return b
}

// Two nodes, as the settings make them, encrypted: what a token asks of one counts on the other.
func TestNodesShareALimit(t *testing.T) {
	cert, key := selfSigned(t)
	c := config.Config{Bus: "embedded://127.0.0.1:0", BusCA: cert, BusCert: cert, BusKey: key, BusUser: "nodes", BusPassword: "secret"}
	a := openTestBus(t, c)
	c.Bus += "?routes=" + a.Status().Listen
	b := openTestBus(t, c)

	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	now := parlance.TimeOf(time.Now())
	s, err := store.Open(t.Context(), e, store.Options{
		Now:      func() parlance.Time { return now }, // no bucket is ever filled again
		Announce: announceOn(a), Appended: appendedOn(a),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	hearRecords(b, s)
	k, err := access.Open(t.Context(), s, access.Options{Bus: a})
	if err != nil {
		t.Fatal(err)
	}
	_, secrets, err := k.CreateWorkspace(t.Context(), access.Workspace{ID: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	one := shopline.New(s, k, shopline.Options{RatePerSecond: 1000, Usage: usageOn(a)})
	other := shopline.New(s, k, shopline.Options{RatePerSecond: 1000, Usage: usageOn(b)})
	hearUsage(a, one)
	hearUsage(b, other)
	heard := make(chan int, 1000)
	b.Subscribe(func(e live.Event) {
		for _, n := range e.Usage {
			heard <- n
		}
	}, live.Usage) // after the server's, so it knows already

	ask := func(srv *shopline.Server) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/token/info", nil)
		r.Header.Set("Authorization", "Bearer "+secrets.ShoplineToken)
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		return w.Code
	}
	// Until the nodes know each other, what is told is lost.
	told, deadline := 0, time.After(30*time.Second)
	for asked := 0; told == 0; asked++ {
		if asked > 900 {
			t.Fatal("the nodes don't find each other")
		}
		if code := ask(one); code != http.StatusOK {
			t.Fatalf("request %d: %d", asked, code)
		}
		select {
		case n := <-heard:
			told += n
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatal("nothing was heard")
		}
	}
	for range 1000 - told {
		if code := ask(other); code != http.StatusOK {
			break // more was told meanwhile
		}
	}
	if code := ask(other); code != http.StatusTooManyRequests {
		t.Errorf("the other node answers %d", code)
	}
}

func TestOpenBus(t *testing.T) {
	b := openTestBus(t, config.Config{Bus: "none"})
	if s := b.Status(); s.Listen != "" || !s.Connected {
		t.Errorf("Status = %+v", s)
	}
	cert, key := selfSigned(t)
	for _, c := range []config.Config{
		{Bus: "nats://127.0.0.1:1", BusCA: "none.pem"},
		{Bus: "nats://127.0.0.1:1", BusCA: key},
		{Bus: "nats://127.0.0.1:1", BusCert: cert, BusKey: "none.pem"},
		{Bus: "nats://127.0.0.1:1", BusCreds: filepath.Join(t.TempDir(), "none.creds")},
	} {
		if b, err := openBus(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%+v: no error", c)
			b.Close(t.Context())
		}
	}
}
