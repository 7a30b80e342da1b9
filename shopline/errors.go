package shopline

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"parlance"
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
	kind := parlance.KindOf(err)
	var known *parlance.Error
	switch {
	case errors.As(err, &known):
	case errors.As(err, &kind):
	case errors.Is(err, context.DeadlineExceeded):
		kind = parlance.Unavailable
	}
	st := statuses[kind]
	switch {
	case st.text != "":
	case known != nil:
		st.text = known.Text
	default:
		st.text = kind.Error()
	}
	return st
}

// fail answers with err.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is listening
	}
	st := statusOf(err)
	if st.http >= http.StatusInternalServerError {
		s.log.LogAttrs(r.Context(), slog.LevelError, "shopline request failed",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	switch st.http {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	answer(w, st.http, appendProblem(nil, Problem{Message: st.text, Error: st.text, Code: st.code}))
}
