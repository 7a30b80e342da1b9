package mirror

import (
	"context"
	"sync"
)

// A holding is what one stream's reading holds of the right to have large answers in memory, which all readings of the process share: from when
// an answer turns out to be large until what it brought is stored. It is reentrant, so that who holds it never waits for it.
type holding struct {
	slots chan struct{}

	mu   sync.Mutex
	held bool
}

type holdingKey struct{}

// holds returns a ctx whose calls share a holding, and what gives it back in the end.
func (m *Mirror) holds(ctx context.Context) (context.Context, *holding) {
	h := &holding{slots: m.large}
	return context.WithValue(ctx, holdingKey{}, h), h
}

// holdingOf returns ctx's holding, nil if it has none.
func holdingOf(ctx context.Context) *holding {
	h, _ := ctx.Value(holdingKey{}).(*holding)
	return h
}

// take waits until there is room for large answers, unless h has that already.
func (h *holding) take(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held {
		return nil
	}
	select {
	case h.slots <- struct{}{}:
		h.held = true
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// release gives back what h holds, if anything. A nil h holds nothing.
func (h *holding) release() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held {
		<-h.slots
		h.held = false
	}
}
