package readapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"parlance"
	"parlance/internal/reply"
)

// A problem is an error as RFC 9457 has it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// errMethod says that a call is made by GET only.
var errMethod = errors.New("every call of the read API is a GET")

// fail answers a request that went wrong.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	kind, text := reply.Explain(err)
	status := http.StatusInternalServerError
	switch kind {
	case parlance.Invalid:
		status = http.StatusBadRequest
	case parlance.Unauthenticated:
		status = http.StatusUnauthorized
	case parlance.Forbidden:
		status = http.StatusForbidden
	case parlance.NotFound:
		status = http.StatusNotFound
	case parlance.Limited:
		status = http.StatusTooManyRequests
	case parlance.Unavailable:
		status = http.StatusServiceUnavailable
	default:
		text = "the archive could not answer; its log says why"
	}
	if errors.Is(err, errMethod) {
		status, text = http.StatusMethodNotAllowed, errMethod.Error()
		w.Header().Set("Allow", http.MethodGet)
	}
	reply.Failures{Log: s.log, Message: "read API"}.Send(problemWriter{w}, r, err, status, problemOf(status, text))
}

// A problemWriter names the form of problems.
type problemWriter struct{ http.ResponseWriter }

func (w problemWriter) WriteHeader(status int) {
	w.Header().Set("Content-Type", problemType)
	w.ResponseWriter.WriteHeader(status)
}

const problemType = "application/problem+json"

func problemOf(status int, text string) []byte {
	b, _ := json.Marshal(problem{"about:blank", http.StatusText(status), status, text}) // all of it can be written
	return b
}

// Failure answers a request whose handler broke off.
func Failure(w http.ResponseWriter) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write(problemOf(http.StatusInternalServerError, "the archive could not answer; its log says why"))
}
