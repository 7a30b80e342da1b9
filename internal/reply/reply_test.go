package reply_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parlance"
	"parlance/internal/reply"
)

func TestExplain(t *testing.T) {
	cause := errors.New("disk is on fire")
	for _, c := range []struct {
		name string
		err  error
		kind parlance.ErrorKind
		text string
	}{
		{"known", fmt.Errorf("read: %w", parlance.Wrap(parlance.NotFound, cause, "no such room")), parlance.NotFound, "no such room"},
		{"known before a deadline", parlance.Wrap(parlance.Corrupt, context.DeadlineExceeded, "bad page"), parlance.Corrupt, "bad page"},
		{"bare kind", fmt.Errorf("read: %w", parlance.Limited), parlance.Limited, "limited"},
		{"deadline", fmt.Errorf("read: %w", context.DeadlineExceeded), parlance.Unavailable, "unavailable"},
		{"unknown", cause, parlance.Internal, "internal error"},
	} {
		if kind, text := reply.Explain(c.err); kind != c.kind || text != c.text {
			t.Errorf("%s: %v, %q; want %v, %q", c.name, kind, text, c.kind, c.text)
		}
	}
}

func TestFailures(t *testing.T) {
	for status, header := range map[int]string{
		http.StatusBadRequest: "", http.StatusInternalServerError: "",
		http.StatusUnauthorized:       "WWW-Authenticate",
		http.StatusTooManyRequests:    "Retry-After",
		http.StatusServiceUnavailable: "Retry-After",
	} {
		var log strings.Builder
		f := reply.Failures{Log: slog.New(slog.NewTextHandler(&log, nil)), Message: "request failed"}
		w := httptest.NewRecorder()
		f.Send(w, httptest.NewRequest("GET", "/rooms?token=secret", nil), errors.New("cause"), status, []byte(`{}`))
		if w.Code != status || w.Body.String() != `{}` || w.Header().Get("Content-Length") != "2" {
			t.Errorf("%d: answered %d %q %v", status, w.Code, w.Body, w.Header())
		}
		for _, name := range []string{"WWW-Authenticate", "Retry-After"} {
			if got := w.Header().Get(name); (got != "") != (name == header) {
				t.Errorf("%d: %s is %q", status, name, got)
			}
		}
		if logged := strings.Contains(log.String(), "cause"); logged != (status >= 500) || strings.Contains(log.String(), "secret") {
			t.Errorf("%d: log is %q", status, log.String())
		}
	}
}

func TestFailuresWithoutClient(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	reply.Failures{Log: slog.New(slog.DiscardHandler)}.Send(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil), ctx.Err(), 500, []byte(`{}`))
	if w.Body.Len() != 0 {
		t.Errorf("answered %q", w.Body)
	}
}

func TestBuffersBeginEmpty(t *testing.T) {
	var buffers reply.Buffers
	for _, body := range []string{strings.Repeat("long", 100), "short", strings.Repeat("x", 2<<20), ""} {
		w := httptest.NewRecorder()
		buffers.OK(w, func(b []byte) []byte { return append(b, body...) })
		if w.Code != http.StatusOK || w.Body.String() != body {
			t.Errorf("%d bytes are answered %d with %d", len(body), w.Code, w.Body.Len())
		}
	}
}
