package imkit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"parlance"
	"parlance/internal/upstream"
)

// defaultWait is how long to wait after a 429 that doesn't say: IMKit Client, slow down.
const defaultWait = time.Minute

// A code is what a server calls an error, as the cause of the error that it became.
type code string

// Error returns the code.
func (c code) Error() string { return string(c) }

// ErrorCode returns the code that the server gave for err, such as MESSAGE_NOT_FOUND; "" if it gave none.
func ErrorCode(err error) string {
	var c code
	errors.As(err, &c)
	return string(c)
}

// credentialCodes are the codes that mean that a credential is no good, whatever the status.
var credentialCodes = map[string]bool{
	"INVALID_TOKEN": true, "INVALID_AUTH": true, "INVALID_API_KEY": true, "MISSING_API_KEY": true,
	"INVALID_CLIENT_KEY": true, "CLIENT_KEY_MISMATCH": true, "MISSING_CLIENT_KEY": true,
}

// An anyEnvelope reads every answer: success, refusal and flat refusal.
type anyEnvelope struct {
	RC         json.RawMessage `json:"RC"`
	RM         json.RawMessage `json:"RM"`
	Result     json.RawMessage `json:"result"`
	Error      json.RawMessage `json:"error"`
	Message    json.RawMessage `json:"message"`
	RetryAfter json.RawMessage `json:"retryAfter"` // seconds
}

// refused returns what the envelope says of an error: its code and a text.
func (e *anyEnvelope) refused() (name, text string) {
	o, err := parseForeign(e.Error)
	if err != nil { // IMKit Errors, flat form
		o = object{{"code", e.Error}, {"message", e.Message}}
	}
	name, _ = o.text("code")
	if text, _ = o.text("message"); text == "" {
		text, _ = object{{"RM", e.RM}}.text("RM")
	}
	return name, text
}

// open returns the result that an answer holds, or the error that it stands for: IMKit Client, errors.
func open(a *upstream.Answer, call upstream.Call, who Credentials) (json.RawMessage, error) {
	failed := a.Status < 200 || a.Status >= 300
	var e anyEnvelope
	notJSON := a.CheckJSON(call)
	if notJSON == nil {
		if err := json.Unmarshal(a.Body, &e); err != nil {
			notJSON = parlance.Wrap(parlance.Broken, err, "%s %s: status %d with what is no JSON object", call.Method, call.Path, a.Status)
		}
	}
	if notJSON != nil {
		// A proxy's page says nothing of rooms and tokens: a 404 of it must not be taken for the end of a room.
		says := a.Status == http.StatusTooManyRequests || a.Status >= 500 || len(bytes.TrimSpace(a.Body)) == 0
		if !failed || !says {
			return nil, notJSON
		}
		return nil, failure(a, call, who, &e)
	}
	rc, given := wholeNumber(e.RC)
	switch {
	case failed:
		return nil, failure(a, call, who, &e)
	case given && rc != 0 || upstream.Complaint(a.Body) != "":
		// An error inside a success. The number is a status, or is of no known meaning.
		inner := *a
		if inner.Status = int(rc); rc < 400 || rc > 599 {
			inner.Status = 0
		}
		return nil, failure(&inner, call, who, &e)
	case e.Result == nil && !given:
		return a.Body, nil // IMKit Authentication, tokens: documented without the envelope too
	case e.Result == nil:
		return json.RawMessage("null"), nil
	}
	return e.Result, nil
}

// failure returns the error that an answer stands for.
func failure(a *upstream.Answer, call upstream.Call, who Credentials, e *anyEnvelope) error {
	name, text := e.refused()
	name, text = who.hide(name), who.hide(text)
	status := *a
	if name == "RATE_LIMIT_EXCEEDED" {
		status.Status = http.StatusTooManyRequests
	}
	now := parlance.TimeOf(time.Now())
	var err *parlance.Error
	if !errors.As(status.Failure(call, text, now), &err) || status.Status == 0 {
		// A success by its status. What it says of the error is told as far as it is known how.
		err = &parlance.Error{Kind: parlance.Broken}
		err.Text = fmt.Sprintf("%s %s: a success that tells of an error: %s", call.Method, call.Path, upstream.Shown(cmp.Or(text, name, who.hide(upstream.Complaint(a.Body)))))
	}
	if upstream.Lasting(err) {
		return err
	}
	switch {
	case err.Kind == parlance.Limited:
		if n, ok := wholeNumber(e.RetryAfter); ok && n > 0 {
			err.After = time.Duration(min(n, 3600)) * time.Second
		}
		if err.After == 0 {
			err.After = defaultWait
		}
	case credentialCodes[name]:
		err.Kind = parlance.Unauthenticated
	case a.Status == http.StatusConflict:
		err.Kind = parlance.Conflict
	}
	if name != "" {
		err.Err = code(upstream.Shown(name))
	}
	return err
}
