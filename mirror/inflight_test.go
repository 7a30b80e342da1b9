package mirror

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"parlance"
)

// Small answers are read at any time; of large ones only a few are in memory at once, and who has one may have more.
func TestLargeAnswersTakeTurns(t *testing.T) {
	m := &Mirror{large: make(chan struct{}, parlance.MaxLargeReadings)}
	now := func() parlance.Time { return 1 }
	meter := &meter{
		budget: newBudget(1e6, now, func(context.Context, time.Duration) error { return nil }), waiting: func(time.Duration) {},
		next: transportFunc(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(make([]byte, 2*parlance.SmallAnswer)))}, nil
		}),
	}
	read := func(ctx context.Context, n int) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://up.example", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := meter.RoundTrip(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.CopyN(io.Discard, resp.Body, int64(n))
		return err
	}
	var holders []*holding
	for range parlance.MaxLargeReadings {
		ctx, h := m.holds(t.Context())
		for range 3 { // reentrant
			if err := read(ctx, 2*parlance.SmallAnswer); err != nil {
				t.Fatal(err)
			}
		}
		holders = append(holders, h)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	waiting, h := m.holds(ctx)
	if err := read(waiting, parlance.SmallAnswer); err != nil {
		t.Errorf("a small answer waits: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- read(waiting, 2*parlance.SmallAnswer) }()
	gone := errors.New("gone")
	cancel(gone)
	if err := <-done; !errors.Is(err, gone) {
		t.Errorf("one that waits for its turn ends with %v, want that its run ended", err)
	}
	holders[0].release()
	holders[0].release()
	other, h2 := m.holds(t.Context())
	if err := read(other, 2*parlance.SmallAnswer); err != nil {
		t.Error(err)
	}
	h.release()
	h2.release()
	holders[1].release()
	if len(m.large) != 0 {
		t.Errorf("%d places are still taken", len(m.large))
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
