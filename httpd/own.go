package httpd

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"parlance"
)

// readyTimeout is how long the store may take to show that it is ready.
const readyTimeout = 2 * time.Second

// health says that the process runs. It says nothing about the store, since starting the
// process anew wouldn't help it.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	say(w, http.StatusOK, `{"status":"ok"}`)
}

// ready says whether requests should be sent here.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		say(w, http.StatusServiceUnavailable, `{"status":"stopping"}`)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	// There is no such record: looking for it is a read that always reaches the engine.
	if _, err := s.store.Record(ctx, "readyz", "probe"); err != nil && !errors.Is(err, parlance.NotFound) {
		s.log.WarnContext(ctx, "the store doesn't answer", "error", err)
		say(w, http.StatusServiceUnavailable, `{"status":"store unavailable"}`)
		return
	}
	say(w, http.StatusOK, `{"status":"ok"}`)
}

func say(w http.ResponseWriter, status int, body string) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(body))
}

// description answers with a dialect's OpenAPI description.
func description(yaml []byte) http.HandlerFunc {
	length := strconv.Itoa(len(yaml))
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/yaml; charset=utf-8")
		h.Set("Content-Length", length)
		h.Set("Access-Control-Allow-Origin", "*")
		w.Write(yaml)
	}
}
