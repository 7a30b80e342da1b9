// Package inflight counts the memory that requests under way hold, so that many large ones at once are told to wait
// instead of filling the machine: it hides how much each workspace may hold.
package inflight

import (
	"context"
	"net/http"
	"sync"

	"parlance"
)

// A Gate bounds what all requests together hold. Nobody waits at it: what doesn't fit is refused.
type Gate struct {
	limit int64

	mu   sync.Mutex
	used int64
	of   map[parlance.WorkspaceID]int64 // only those that hold something
}

// New returns a gate for so many bytes. One workspace holds at most half of them, so that there is room for the others.
func New(limit int64) *Gate {
	return &Gate{limit: limit, of: map[parlance.WorkspaceID]int64{}}
}

// Used returns how many bytes are held.
func (g *Gate) Used() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.used
}

// Handler returns h with what its requests take counted by g, each until it is answered.
func (g *Gate) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &holding{gate: g}
		defer x.end()
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), holdingKey{}, x)))
	})
}

type holdingKey struct{}

// A holding is what one request holds. It is the request's own goroutine's, but for what the gate counts.
type holding struct {
	gate *Gate
	ws   parlance.WorkspaceID
	n    int64
}

// errFull is the error of what doesn't fit now.
var errFull = parlance.Errorf(parlance.Unavailable, "too many large requests at once: try again later")

// Take counts n more bytes for the request of ctx. The error is of kind Unavailable if they don't fit; nothing is counted then. What isn't counted by
// a gate always fits.
func Take(ctx context.Context, n int64) error {
	x, ok := ctx.Value(holdingKey{}).(*holding)
	if !ok || n <= 0 {
		return nil
	}
	g := x.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.used+n > g.limit || g.of[x.ws]+n > g.limit/2 {
		return errFull
	}
	g.used += n
	g.of[x.ws] += n
	x.n += n
	return nil
}

// Give takes back what was counted for n bytes that the request doesn't hold any more.
func Give(ctx context.Context, n int64) {
	if x, ok := ctx.Value(holdingKey{}).(*holding); ok {
		x.give(min(n, x.n))
	}
}

// In tells whose the request of ctx is. Until then it is nobody's, and all of nobody's are counted together.
func In(ctx context.Context, ws parlance.WorkspaceID) {
	x, ok := ctx.Value(holdingKey{}).(*holding)
	if !ok || x.ws == ws {
		return
	}
	n := x.n
	x.give(n)
	x.ws = ws
	g := x.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used += n
	g.of[ws] += n
	x.n = n
}

func (x *holding) end() { x.give(x.n) }

func (x *holding) give(n int64) {
	if n == 0 {
		return
	}
	g := x.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	x.n -= n
	g.used -= n
	if g.of[x.ws] -= n; g.of[x.ws] == 0 {
		delete(g.of, x.ws)
	}
}
