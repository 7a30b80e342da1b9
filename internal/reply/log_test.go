package reply

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parlance"
)

// TestLogTellsNoPath: a path holds ids, and is never logged. What passes is a warning.
func TestLogTellsNoPath(t *testing.T) {
	for _, c := range []struct {
		kind  parlance.ErrorKind
		level string
	}{{parlance.Internal, "ERROR"}, {parlance.Unavailable, "WARN"}} {
		var log bytes.Buffer
		mux := http.NewServeMux()
		mux.HandleFunc("GET /rooms/{id}", func(w http.ResponseWriter, r *http.Request) {
			Log(slog.New(slog.NewTextHandler(&log, nil)), r, "request failed", parlance.Errorf(c.kind, "why"))
		})
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/rooms/hunter2", nil))
		if got := log.String(); strings.Contains(got, "hunter2") || !strings.Contains(got, `pattern="GET /rooms/{id}"`) || !strings.Contains(got, "level="+c.level) {
			t.Errorf("%s: %s", c.kind, got)
		}
	}
}
