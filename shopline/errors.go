package shopline

import (
	"errors"
	"net/http"

	"parlance"
	"parlance/internal/reply"
)

// A status is how an error is told: the HTTP status, the code in the body, and the
// text unless that is the error's own.
type status struct {
	http int
	code string
	text string
}

// statuses has what each kind of error becomes.
//
// SHOPLINE errors, statuses: as documented by the platform.
var statuses = map[parlance.ErrorKind]status{
	parlance.Internal:        {http.StatusInternalServerError, "InternalServerError", "internal server error"},
	parlance.Corrupt:         {http.StatusInternalServerError, "InternalServerError", "internal server error"},
	parlance.Invalid:         {http.StatusUnprocessableEntity, "UnprocessableEntity", ""},
	parlance.Conflict:        {http.StatusUnprocessableEntity, "UnprocessableEntity", ""},
	parlance.NotFound:        {http.StatusNotFound, "NotFound", ""},
	parlance.Unauthenticated: {http.StatusUnauthorized, "Unauthorized", "access token is missing, unknown, expired or revoked"},
	parlance.Forbidden:       {http.StatusForbidden, "Forbidden", ""},
	parlance.Limited:         {http.StatusTooManyRequests, "RateLimitExceeded", ""},
	parlance.Unavailable:     {http.StatusServiceUnavailable, "ServiceUnavailable", "service is unavailable, try again later"},
}

// A malformedError is a request that can't be read at all, in difference to one that
// asks for something that can't be.
type malformedError struct {
	status status
	cause  error
}

func (e *malformedError) Error() string { return e.status.text + ": " + e.cause.Error() }
func (e *malformedError) Unwrap() error { return e.cause }

// statusOf returns how err is told.
func statusOf(err error) status {
	var malformed *malformedError
	if errors.As(err, &malformed) {
		return malformed.status
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
	s.failures.Send(w, r, err, st.http, appendProblem(nil, Problem{Message: st.text, Error: st.text, Code: st.code}))
}

// Failure answers a request whose handler broke off: 500 in SHOPLINE's form.
func Failure(w http.ResponseWriter) {
	st := statuses[parlance.Internal]
	reply.JSON(w, st.http, appendProblem(nil, Problem{Message: st.text, Error: st.text, Code: st.code}))
}
