package imkit

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"parlance"
	"parlance/internal/reply"
)

// A refusal is an answer that isn't a success: the status, the short reason, the code
// and a sentence for whoever reads it. IMKit Errors, form.
type refusal struct {
	status  int
	reason  string // RM
	code    string
	message string
	flat    bool // the error is the code alone, with its sentence beside it
}

// Error returns the code and the sentence.
func (f *refusal) Error() string { return f.code + ": " + f.message }

// The refusals that a call makes by itself. Everything else comes from [kinds].
var (
	errToken       = &refusal{http.StatusUnauthorized, "Unauthorized", "INVALID_TOKEN", "Invalid or expired token", false}
	errAPIKey      = &refusal{http.StatusUnauthorized, "Unauthorized", "INVALID_API_KEY", "Invalid API key", false}
	errClientKey   = &refusal{http.StatusForbidden, "Forbidden", "INVALID_CLIENT_KEY", "Invalid client key", false}
	errNotMember   = &refusal{http.StatusForbidden, "Forbidden", "NOT_ROOM_MEMBER", "Client is not in the room or room does not exist", false}
	errRole        = &refusal{http.StatusForbidden, "Forbidden", "INSUFFICIENT_PERMISSIONS", "This needs a higher role in the room", false}
	errDeleteRole  = &refusal{http.StatusForbidden, "Permission denied", "INSUFFICIENT_PERMISSION", "Only the owner and managers of the room may delete messages", false}
	errChosenID    = &refusal{http.StatusForbidden, "Forbidden", "INSUFFICIENT_PERMISSIONS", "Ids of this form are given by the server: choose another one, or none", false}
	errOtherRoom   = &refusal{http.StatusConflict, "Conflict", "CONFLICT", "Another room has this id", false}
	errForeign     = &refusal{http.StatusConflict, "Conflict", "CONFLICT", "What is kept here is another platform's record, which has no place for these fields of a room", false}
	errNoRoom      = &refusal{http.StatusNotFound, "Room not found", "ROOM_NOT_FOUND", "The specified room does not exist", false}
	errNoMessage   = &refusal{http.StatusNotFound, "Message not found", "MESSAGE_NOT_FOUND", "The specified message does not exist in this room", false}
	errNoUser      = &refusal{http.StatusNotFound, "User not found", "USER_NOT_FOUND", "The specified user is not a member of the room", false}
	errNoClient    = &refusal{http.StatusNotFound, "Client not found", "CLIENT_NOT_FOUND", "The specified client does not exist", false}
	errNoUserToken = &refusal{http.StatusNotFound, "Token not found", "TOKEN_NOT_FOUND", "The client has no such token", false}
	errTokenTaken  = &refusal{http.StatusConflict, "Conflict", "TOKEN_CONFLICT", "Another client has this token", false}
	errBodyLarge   = &refusal{http.StatusRequestEntityTooLarge, "Payload too large", "BODY_TOO_LARGE", "The body is larger than 1 MiB", false}
	errSearchType  = &refusal{http.StatusBadRequest, "Invalid search parameters", "INVALID_SEARCH_TYPE", "type must list one or more of messages, files, roomName, roomMember, roomTags, roomPrefTags and roomPrefFolder", false}
	errNotFound    = &refusal{http.StatusNotFound, "Not Found", "NOT_FOUND", "There is no such call", false}
	errMethod      = &refusal{http.StatusMethodNotAllowed, "Method Not Allowed", "METHOD_NOT_ALLOWED", "This path takes other methods: see Allow", false}
)

// badRequest refuses with 400 and the given code.
func badRequest(code, message string) *refusal {
	return &refusal{http.StatusBadRequest, "Bad Request", code, message, false}
}

// badParameter refuses a query parameter.
func badParameter(message string) *refusal { return badRequest("INVALID_PARAMETER", message) }

// badBody refuses a request body.
func badBody(message string) *refusal { return badRequest("INVALID_BODY", message) }

// missing refuses a body that lacks a field.
func missing(field string) *refusal {
	return badRequest("MISSING_PARAMETER", "The field "+field+" is required")
}

// kinds turns what the store or the access keeper reports into an answer. Texts of
// kinds that aren't listed stay with us.
var kinds = map[parlance.ErrorKind]refusal{
	parlance.Invalid:         {http.StatusBadRequest, "Bad Request", "INVALID_PARAMETER", "", false},
	parlance.NotFound:        {http.StatusNotFound, "Not Found", "NOT_FOUND", "There is no such thing", false},
	parlance.Conflict:        {http.StatusConflict, "Conflict", "CONFLICT", "It was changed meanwhile: try again", false},
	parlance.Unauthenticated: {http.StatusUnauthorized, "Unauthorized", "INVALID_TOKEN", "Invalid or expired token", false},
	parlance.Forbidden:       {http.StatusForbidden, "Forbidden", "INSUFFICIENT_PERMISSIONS", "This room takes no new messages", false},
	parlance.Limited:         {http.StatusTooManyRequests, "Too Many Requests", "RATE_LIMIT_EXCEEDED", "Too many requests: slow down", true},
	parlance.Unavailable:     {http.StatusServiceUnavailable, "Service Unavailable", "UNAVAILABLE", "Not available now: try again later", false},
}

// refusalOf returns the answer for err, and whether the operator should hear of it.
func refusalOf(err error) (f refusal, report bool) {
	var own *refusal
	if errors.As(err, &own) {
		return *own, false
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return *errBodyLarge, false
	}
	f, known := kinds[parlance.KindOf(err)]
	if !known {
		return refusal{http.StatusInternalServerError, "Internal Server Error", "INTERNAL_ERROR", "Something went wrong on our side", false}, true
	}
	var e *parlance.Error
	if f.message == "" && errors.As(err, &e) {
		f.message = e.Text
	}
	return f, f.status >= http.StatusInternalServerError
}

// fail answers with the refusal that err stands for.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f, report := refusalOf(err)
	if report && !errors.Is(err, context.Canceled) {
		reply.Log(s.log, r, "imkit request failed", err)
	}
	f.send(w)
}

// Failure answers a request whose handler broke off: 500 in IMKit's form.
func Failure(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	f, _ := refusalOf(parlance.Internal)
	f.send(w)
}

// send writes the answer.
func (f *refusal) send(w http.ResponseWriter) {
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	var body any = errorEnvelope{f.status, f.reason, errorDetail{f.code, f.message}}
	if f.flat {
		flat := flatErrorEnvelope{RC: f.status, RM: f.reason, Error: f.code, Message: f.message}
		if f.status == http.StatusTooManyRequests {
			flat.RetryAfter = retryAfter
			w.Header().Set("Retry-After", "60")
		}
		body = flat
	}
	b, err := json.Marshal(body)
	if err != nil { // strings and numbers only: can't be
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	reply.JSON(w, f.status, b)
}

// retryAfter is how long a client that is too fast is asked to wait, in seconds.
const retryAfter = 60

// flatErrors makes the refusals of a call take the flat form. The token calls are
// documented so: IMKit Errors, flat form.
func flatErrors(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		if err == nil {
			return nil
		}
		f, report := refusalOf(err)
		if report {
			return err
		}
		f.flat = true
		switch f.code {
		case errAPIKey.code:
			f.code = "UNAUTHORIZED"
		case "INVALID_BODY", "MISSING_PARAMETER", "INVALID_PARAMETER":
			f.code = "INVALID_REQUEST"
		}
		return &f
	}
}
