package dialecttest

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What a request may cost by itself, whatever its size: a store writes its log and its tables meanwhile.
const (
	costAnyway = 16 << 20
	timeAnyway = 2 * time.Second
)

// Post sends a body to a server and returns the status and the answer. It reports an answer that is a fault of the
// server's, and a request that took more memory than so many bytes for each of the body's, or too long. It is for fuzz
// tests; nothing else may run meanwhile.
func Post(t testing.TB, server http.Handler, path string, headers map[string]string, body string, perByte int) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	server.ServeHTTP(w, r)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > uint64(costAnyway+perByte*len(body)) || took > timeAnyway {
		t.Errorf("%d bytes to %s took %d bytes of memory and %s", len(body), path, bytes, took)
	}
	if w.Code >= http.StatusInternalServerError {
		t.Errorf("POST %s: %d %s", path, w.Code, w.Body)
	}
	return w.Code, w.Body.String()
}
