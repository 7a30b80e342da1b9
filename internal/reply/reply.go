// Package reply sends whole HTTP answers in JSON: it hides which headers an answer
// needs, where its bytes are put together, and what of an error a client may be told.
// How an answer looks is its dialect's.
package reply

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"parlance"
)

// JSON sends a whole answer at once.
func JSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // an error means that the client is gone
}

// maxKept is the largest buffer in bytes that is worth keeping.
const maxKept = 1 << 20

// Buffers are what answers are put together in. The zero value is good; they may be
// used by many goroutines.
type Buffers struct{ pool sync.Pool } // of *[]byte

// OK answers 200 with what write appends to an empty buffer, which is its own until it
// returns.
func (p *Buffers) OK(w http.ResponseWriter, write func(b []byte) []byte) {
	buf, ok := p.pool.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	*buf = write((*buf)[:0])
	JSON(w, http.StatusOK, *buf)
	if cap(*buf) <= maxKept {
		p.pool.Put(buf)
	}
}

// Explain returns the kind of err and a text for the client: the one of the first
// [parlance.Error] in its chain, or else the name of the kind. A deadline that has
// passed is [parlance.Unavailable].
func Explain(err error) (parlance.ErrorKind, string) {
	var known *parlance.Error
	if errors.As(err, &known) {
		return known.Kind, known.Text
	}
	kind := parlance.Internal
	if !errors.As(err, &kind) && errors.Is(err, context.DeadlineExceeded) {
		kind = parlance.Unavailable
	}
	return kind, kind.Error()
}

// Failures answer requests that went wrong.
type Failures struct {
	Log     *slog.Logger
	Message string // of the log, for what is the server's fault
}

// Send answers with body, and with the headers that HTTP asks for beside status. A
// client that has gone is not answered. A status of 500 or more is logged with err.
func (f Failures) Send(w http.ResponseWriter, r *http.Request, err error, status int, body []byte) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return
	}
	if status >= http.StatusInternalServerError {
		Log(f.Log, r, f.Message, err)
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		wait := max(1, (parlance.RetryAfter(err)+time.Second-1)/time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(int(wait)))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	JSON(w, status, body)
}

// Log tells the operator of a request that failed: as a warning if the same may succeed later. The path isn't told, for it holds ids.
func Log(log *slog.Logger, r *http.Request, message string, err error) {
	level := slog.LevelError
	if parlance.KindOf(err) == parlance.Unavailable {
		level = slog.LevelWarn
	}
	log.LogAttrs(r.Context(), level, message, slog.String("method", r.Method), slog.String("pattern", r.Pattern), slog.Any("error", err))
}
