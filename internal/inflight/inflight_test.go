package inflight_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"parlance"
	"parlance/internal/inflight"
)

// inside runs do as a request that g counts.
func inside(g *inflight.Gate, do func(ctx context.Context)) {
	g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { do(r.Context()) })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}

func TestGate(t *testing.T) {
	g := inflight.New(100)
	take := func(ctx context.Context, n int64, fits bool) {
		t.Helper()
		err := inflight.Take(ctx, n)
		if (err == nil) != fits || err != nil && parlance.KindOf(err) != parlance.Unavailable {
			t.Errorf("%d more: %v", n, err)
		}
	}
	inside(g, func(one context.Context) {
		inflight.In(one, "a")
		take(one, 50, true)
		take(one, 1, false) // half is the most of one workspace
		inside(g, func(two context.Context) {
			inflight.In(two, "a")
			take(two, 1, false) // also by another of its requests
		})
		inside(g, func(two context.Context) {
			take(two, 30, true)
			inflight.In(two, "b")
			take(two, 20, true)
			inside(g, func(three context.Context) { take(three, 1, false) })
			inflight.Give(two, 10)
			inside(g, func(three context.Context) { take(three, 10, true) })
		})
		if g.Used() != 50 {
			t.Errorf("%d are held by one of 50", g.Used())
		}
	})
	if g.Used() != 0 {
		t.Errorf("%d are held by nobody", g.Used())
	}
	func() {
		defer func() { recover() }()
		inside(g, func(ctx context.Context) {
			take(ctx, 10, true)
			panic("a bug")
		})
	}()
	if g.Used() != 0 {
		t.Errorf("%d are held after a panic", g.Used())
	}
	take(t.Context(), 1<<40, true) // nobody counts
	inflight.In(t.Context(), "a")
	inflight.Give(t.Context(), 1)
}
