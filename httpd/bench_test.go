package httpd

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkServeHTTP compares a handler as it is with the same one behind a server.
func BenchmarkServeHTTP(b *testing.B) {
	s, _ := newServer(b)
	s.log = slog.New(slog.DiscardHandler)
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	s.mounts[imkit] = bare
	r := httptest.NewRequest("GET", "/rooms/x/messages/v3?limit=20", nil)
	for _, c := range []struct {
		name string
		h    http.Handler
	}{{"bare", bare}, {"server", s}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			w := httptest.NewRecorder()
			for b.Loop() {
				c.h.ServeHTTP(w, r)
			}
		})
	}
}
