package mirror_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"parlance"
	"parlance/fake"
	"parlance/mirror"
)

// look is how often a server looks for work.
const look = 15 * time.Second

// A server reads upstreams when their time comes, and no sooner; and its metrics tell of it.
func TestServe(t *testing.T) { synctest.Test(t, testServe) }

func testServe(t *testing.T) {
	w := newWorld(t, fake.Options{Platform: parlance.Shopline, Messages: 30, Seed: 1})
	defer w.close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	start := w.now()
	begun := func() int { return w.up.Calls()["GET /v1/token/info"] } // once a run
	m := mirror.New(w.store, mirror.Options{
		Secret: w.secret, Transport: w, Now: w.now,
		Wait: func(ctx context.Context, d time.Duration) error {
			if d == look { // time goes on when what was due has been done
				synctest.Wait()
			}
			if w.clock.Add(d.Milliseconds()); w.now()-start > 3_600_000 {
				stop()
			}
			return ctx.Err()
		},
	})
	if err := m.Remove(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	c := mirror.Config{
		Name: source, Workspace: workspace, Platform: parlance.Shopline,
		Settings: mirror.Settings{URL: "http://upstream.example", Every: 20 * time.Minute, Rate: 1e6},
	}
	if err := m.Add(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	m.Serve(ctx)

	if n := begun(); n < 3 || n > 4 {
		t.Errorf("in an hour it was read %d times, want 3 or 4", n)
	}
	s, err := m.Status(t.Context(), source)
	if err != nil || s.State != mirror.Complete || s.Messages != 30 {
		t.Errorf("status %+v, %v", s, err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
	err = testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP parlance_mirror_messages_total Messages that runs found new, changed or missing upstream.
# TYPE parlance_mirror_messages_total counter
parlance_mirror_messages_total{result="changed",source="up"} 0
parlance_mirror_messages_total{result="missing",source="up"} 0
parlance_mirror_messages_total{result="new",source="up"} 30
`), "parlance_mirror_messages_total")
	if err != nil {
		t.Error(err)
	}
}

// Two processes on one store never run the same upstream at once, and one that stops without a word is followed by the other.
func TestLease(t *testing.T) {
	w := newWorld(t, fake.Options{Platform: parlance.IMKit, Messages: 10, Seed: 1})
	defer w.close()
	began, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	options := func(transport func()) mirror.Options {
		return mirror.Options{
			Secret: w.secret, Shared: true, Transport: roundTripper(transport, w), Now: w.now,
			Wait: func(ctx context.Context, d time.Duration) error {
				if d == look { // the lease isn't renewed: that process stands still
					<-ctx.Done()
				}
				return ctx.Err()
			},
		}
	}
	first := mirror.New(w.store, options(func() {
		once.Do(func() {
			close(began)
			<-goOn
		})
	}))
	second := mirror.New(w.store, options(func() {}))
	var ended sync.WaitGroup
	var firstErr error
	ended.Go(func() { _, firstErr = first.Run(t.Context(), source, mirror.RunOptions{}) })
	<-began
	if _, err := second.Run(t.Context(), source, mirror.RunOptions{}); !errors.Is(err, parlance.Conflict) {
		t.Errorf("the second process got %v, want Conflict", err)
	}
	w.clock.Add(61_000)
	if r, err := second.Run(t.Context(), source, mirror.RunOptions{}); err != nil || r.State != mirror.Complete {
		t.Errorf("after the lease ended the second process got %s, %v", r.State, err)
	}
	close(goOn)
	ended.Wait()
	if firstErr != nil && !errors.Is(firstErr, parlance.Conflict) {
		t.Errorf("the first process ended with %v", firstErr)
	}
	s, err := second.Status(t.Context(), source)
	if err != nil || s.State != mirror.Complete || s.Messages != 10 {
		t.Errorf("in the end: %s, %d messages, %v", s.State, s.Messages, err)
	}
}
