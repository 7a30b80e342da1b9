package parlance

import (
	"errors"
	"fmt"
	"time"
)

// An ErrorKind says what sort of thing went wrong, for whoever turns an error into
// an answer or an exit code. A kind is itself an error, so that
//
//	errors.Is(err, parlance.NotFound)
//
// asks for it anywhere in a chain.
type ErrorKind uint8

// The kinds.
const (
	Internal        ErrorKind = iota // not ours to explain; its text is for the operator
	Invalid                          // the caller asked for something that can't be
	NotFound                         // there is no such thing
	Conflict                         // it exists already, or was changed meanwhile
	Unauthenticated                  // the credential is missing, wrong, expired or revoked
	Forbidden                        // the credential is good and may not do this
	Limited                          // too much or too many: slow down
	Unavailable                      // not now; the same request may succeed later
	Corrupt                          // what is stored contradicts itself
	Broken                           // what a platform answered is not what its API promises
)

var kindNames = [...]string{
	"internal error", "invalid", "not found", "conflict", "unauthenticated",
	"forbidden", "limited", "unavailable", "corrupt", "broken answer",
}

// Error returns the kind's name.
func (k ErrorKind) Error() string { return kindNames[k] }

// An Error is an error of a known kind. Text is safe to show to a client; Err, the
// cause, is for the operator and may be nil.
type Error struct {
	Kind ErrorKind
	Text string
	Err  error

	// After is how long to wait before the same is asked again, where a platform said so with
	// Limited or Unavailable. Zero: it didn't.
	After time.Duration
}

// Errorf returns an [Error] of kind k without a cause.
func Errorf(k ErrorKind, format string, args ...any) error {
	return &Error{Kind: k, Text: fmt.Sprintf(format, args...)}
}

// Wrap returns an [Error] of kind k whose cause is err.
func Wrap(k ErrorKind, err error, format string, args ...any) error {
	return &Error{Kind: k, Text: fmt.Sprintf(format, args...), Err: err}
}

// Error returns the text, followed by the cause if there is one.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Text
	}
	return e.Text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is e's kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(ErrorKind)
	return ok && k == e.Kind
}

// RetryAfter returns for how long the first [Error] in err's chain asks to wait; 0 if it doesn't say.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.After
	}
	return 0
}

// KindOf returns the kind of the first [Error] in err's chain, and Internal if there is none.
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
