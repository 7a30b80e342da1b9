package httpd

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"parlance/internal/reply"
)

// A recorder notes the status of an answer on its way out.
type recorder struct {
	http.ResponseWriter
	status int // 0 before the header is written
}

var recorders = sync.Pool{New: func() any { return new(recorder) }}

// WriteHeader notes the status. What comes before the final one, such as 103, isn't noted.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write writes b, after a header of 200 if there is none yet.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// ServeHTTP answers r: it finds the handler, and counts and logs how it went.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	m := mountOf(r.URL.Path)
	rec := recorders.Get().(*recorder)
	*rec = recorder{ResponseWriter: w}
	if broken := s.handle(m, rec, r); broken {
		// The part of an answer that has gone out must not pass for a whole one.
		panic(http.ErrAbortHandler)
	}
	status := rec.status
	if status == 0 {
		status = http.StatusOK
	}
	*rec = recorder{}
	recorders.Put(rec)

	took := time.Since(start)
	s.metrics.observe(m, r.Method, status, took)
	if s.log.Enabled(r.Context(), slog.LevelDebug) {
		s.log.LogAttrs(r.Context(), slog.LevelDebug, "request",
			slog.String("request", s.requestID()), slog.String("dialect", mountNames[m]),
			slog.String("method", r.Method), slog.String("pattern", pattern(r)),
			slog.Int("status", status), slog.Duration("took", took))
	}
}

// handle calls the handler of m, and turns a panic of it into an answer in the form of
// the dialect. It reports whether that came too late.
func (s *Server) handle(m mount, w *recorder, r *http.Request) (broken bool) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		broken = w.status != 0
		if v == http.ErrAbortHandler {
			broken = true
			return
		}
		id := s.requestID()
		s.metrics.panics.Inc()
		s.log.LogAttrs(r.Context(), slog.LevelError, "a request's handler panicked: this is a bug",
			slog.String("request", id), slog.String("dialect", mountNames[m]),
			slog.String("method", r.Method), slog.String("pattern", pattern(r)),
			slog.String("panic", kindOfPanic(v)), slog.String("stack", string(debug.Stack())))
		if !broken {
			s.fail(m, w, id)
		}
	}()
	s.mounts[m].ServeHTTP(w, r)
	return false
}

// kindOfPanic tells what sort of value a handler panicked with. Only the runtime's own
// errors are told whole: others may hold parts of a message.
func kindOfPanic(v any) string {
	if err, ok := v.(interface {
		error
		RuntimeError()
	}); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", v)
}

// requestID returns a new id for a request.
func (s *Server) requestID() string {
	return s.run + "-" + strconv.FormatUint(s.requests.Add(1), 10)
}

// pattern returns the pattern that r matched. Paths aren't logged: they hold ids.
func pattern(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// fail answers 500 in the form of m. The request's id lets the operator find it in the log.
func (s *Server) fail(m mount, w http.ResponseWriter, id string) {
	clear(w.Header())
	w.Header().Set("X-Request-Id", id)
	s.failures[m](w)
}

// failure answers a request of no dialect.
func failure(w http.ResponseWriter) {
	reply.JSON(w, http.StatusInternalServerError, []byte(`{"error":"internal server error"}`))
}
