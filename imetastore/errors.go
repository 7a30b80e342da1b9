package imetastore

import (
	"errors"
	"net/http"

	"parlance"
	"parlance/internal/reply"
)

// A status is how an error is told: the HTTP status, the code in the envelope, and the
// text unless that is the error's own.
type status struct {
	http int
	code string
	text string
}

// The platform's codes. Those of HTTP's own numbers are ours.
const (
	codePath    = "10001"
	codeField   = "10002"
	codeStorage = "10004"
)

// statuses has what each kind of error becomes.
//
// iMetaStore errors, statuses: real ones beside the code.
var statuses = map[parlance.ErrorKind]status{
	parlance.Internal:        {http.StatusInternalServerError, codeStorage, "Internal server error."},
	parlance.Corrupt:         {http.StatusInternalServerError, codeStorage, "Internal server error."},
	parlance.Unavailable:     {http.StatusServiceUnavailable, codeStorage, "The service is unavailable, try again later."},
	parlance.Invalid:         {http.StatusBadRequest, codeField, ""},
	parlance.Conflict:        {http.StatusConflict, codeField, ""},
	parlance.NotFound:        {http.StatusNotFound, codePath, ""},
	parlance.Unauthenticated: {http.StatusUnauthorized, "401", "Unauthorized: the access token is missing, invalid or expired."},
	parlance.Forbidden:       {http.StatusForbidden, "403", ""},
	parlance.Limited:         {http.StatusTooManyRequests, "429", ""},
}

var (
	errPath     = &refusal{status{http.StatusNotFound, codePath, "There is no such path."}}
	errMethod   = &refusal{status{http.StatusMethodNotAllowed, codePath, "This path takes POST only."}}
	errTooLarge = &refusal{status{http.StatusRequestEntityTooLarge, codeField, "Request body is larger than 1 MiB."}}
	errLogin    = &refusal{status{http.StatusUnauthorized, "401", "Email or password is wrong."}}
)

// A refusal is an error of HTTP or of one call that has no kind of its own.
type refusal struct{ status status }

func (r *refusal) Error() string { return r.status.text }

// statusOf returns how err is told.
func statusOf(err error) status {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	kind, text := reply.Explain(err)
	st := statuses[kind]
	if st.text == "" {
		st.text = text
	}
	return st
}

// fail answers with err.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	st := statusOf(err)
	if st.http == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	b := s.appendHead(nil, st.code, st.text)
	s.failures.Send(w, r, err, st.http, append(b, `,"data":null}`...))
}

// Failure answers a request whose handler broke off: 500 in iMetaStore's form.
func (s *Server) Failure(w http.ResponseWriter) {
	st := statuses[parlance.Internal]
	reply.JSON(w, st.http, append(s.appendHead(nil, st.code, st.text), `,"data":null}`...))
}
