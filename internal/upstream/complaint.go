package upstream

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// CheckSuccess returns an error of kind Broken if an answer whose status is 2xx says all the same that the call
// failed; see [Complaint]. Of the platform's words it doesn't tell the secrets.
func (a *Answer) CheckSuccess(c Call, secrets ...string) error {
	if a.Status < 200 || a.Status >= 300 {
		return nil
	}
	said := Complaint(a.Body)
	if said == "" {
		return nil
	}
	for _, secret := range secrets {
		if secret != "" {
			said = strings.ReplaceAll(said, secret, "[hidden]")
		}
	}
	return parlance.Errorf(parlance.Broken, "%s: status %d, but the answer tells of an error: %s", c.name(), a.Status, Shown(said))
}

// Complaint returns what a JSON object says of an error, in any of the members that APIs usually have for that: error
// and its relatives, a code or status that isn't one of success, ok or success that is false. It is empty if
// the object says nothing of one, or isn't an object. Members that say so with nothing (null, false, 0, "", [], {})
// tell of no error, nor does a message beside them: whether that is one depends on the call. Only the object's own members
// count, and not what lies inside the others.
//
// The text is the platform's, of one or a few members, and never of more than some 1,000 bytes.
func Complaint(object []byte) string { return find(object, membersOf) }

// Remark returns what a JSON object says in a member that is there for a message to people, with its name; empty if there is none, or nothing but a
// word of success. Beside the data that were asked for it may be a greeting; in their place it tells why there are none.
func Remark(object []byte) string { return find(object, remarks) }

// find returns the first of the members that tell, in words.
func find(object []byte, table map[string]func(jsontext.Value) bool) string {
	d := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return ""
	}
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return ""
		}
		name := t.String()
		tells := table[plainName(name)]
		if tells == nil {
			if d.SkipValue() != nil {
				return ""
			}
			continue
		}
		v, err := d.ReadValue()
		if err != nil {
			return ""
		}
		if tells(v) {
			return excerpt(name) + " " + wording(v)
		}
	}
	return ""
}

// maxExcerpt is how many bytes of a name or a value are told.
const maxExcerpt = 500

// wording returns the names, texts, numbers and words of a value, without escapes, behind which a secret could hide.
func wording(v jsontext.Value) string {
	d := jsontext.NewDecoder(bytes.NewBuffer(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var b strings.Builder
	for b.Len() < maxExcerpt {
		t, err := d.ReadToken()
		if err != nil {
			break
		}
		switch t.Kind() {
		case '{', '}', '[', ']':
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.String())
	}
	return excerpt(b.String())
}

func excerpt(s string) string {
	if len(s) > maxExcerpt {
		s = s[:maxExcerpt] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// plainName returns a member's name in the form in which it is looked up: error_code, Error-Code and errorCode are one. Longer
// ones than any that is known aren't looked at.
func plainName(name string) string {
	const longest = 32
	if len(name) > longest {
		return ""
	}
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "", " ", "", "@", "", "$", "").Replace(name))
}

// membersOf are the members that may tell of an error, and what of their values do.
var membersOf = members(map[string]func(jsontext.Value) bool{
	"error errors err errs errorlist errordetail errordetails errorinfo errormessage errormessages errormsg errmsg errmessage " +
		"errordescription errorreason errortype errorname errortext exception exceptions fault faults faultstring faultcode " +
		"failure failures failurereason failed haserror haserrors iserror isfailure " +
		"timedout partial partialfailure incomplete incompleteresults": says,
	"code statuscode httpcode httpstatus httpstatuscode errorcode errcode errorno errno errorid rc ret retcode " +
		"returncode resultcode resultstatus subcode": isNoSuccess,
	"status state outcome result type actionstatus":               isFailure,
	"ok success succeeded successful issuccess issuccessful isok": isFalse,
})

// remarks are the members that may tell people something.
var remarks = members(map[string]func(jsontext.Value) bool{
	"message messages msg detail details title reason description notice warning warnings info errormessage": isText,
})

// isText reports whether a value is a text, or a list that begins with one, and says more than success.
func isText(v jsontext.Value) bool {
	if v.Kind() == '[' {
		v = bytes.TrimSpace(v[1:])
	}
	return len(v) > 0 && v[0] == '"' && says(v)
}

// members gives each of the names in a key its value.
func members(lists map[string]func(jsontext.Value) bool) map[string]func(jsontext.Value) bool {
	all := map[string]func(jsontext.Value) bool{}
	for names, tells := range lists {
		for name := range strings.FieldsSeq(names) {
			all[name] = tells
		}
	}
	return all
}

// says reports whether a value says anything: it is none of null, false, 0, "", [] and {}, nor a word of success, nor made of nothing but such.
func says(v jsontext.Value) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		t, err := d.ReadToken()
		switch {
		case err != nil:
			return !errors.Is(err, io.EOF)
		case isName(d):
		case t.Kind() == 't', t.Kind() == '0' && t.String() != "0", t.Kind() == '"' && !isSuccessWord(t.String()):
			return true
		}
	}
}

// isName reports whether the token that was read last is the name of a member.
func isName(d *jsontext.Decoder) bool {
	kind, n := d.StackIndex(d.StackDepth())
	return kind == '{' && n%2 == 1
}

// isNoSuccess reports whether the value of a code isn't one of success: nothing, zeros only, 200 to 299, or a word of success.
func isNoSuccess(v jsontext.Value) bool {
	switch v.Kind() {
	case 'n', 't':
		return false
	case '"', '0':
		s := textOf(v)
		return strings.Trim(s, "0") != "" && !(len(s) == 3 && s[0] == '2' && strings.Trim(s, "0123456789") == "") && !isSuccessWord(s)
	}
	return says(v)
}

// isFailure reports whether the value of a status is one of failure: false, a number that is an error's in HTTP, or a word that says so. Other
// words may be anything: an order has a status too.
func isFailure(v jsontext.Value) bool {
	switch v.Kind() {
	case 'f':
		return true
	case '"', '0':
		s := textOf(v)
		isNumber := len(s) == 3 && strings.Trim(s, "0123456789") == ""
		return isNumber && s[0] >= '4' || failureWords[strings.ToLower(strings.TrimSpace(s))]
	}
	return false
}

// isFalse reports whether a value says no.
func isFalse(v jsontext.Value) bool {
	switch v.Kind() {
	case 'f':
		return true
	case '"', '0':
		s := strings.ToLower(strings.TrimSpace(textOf(v)))
		return s == "false" || s == "0" || s == "no" || failureWords[s]
	}
	return false
}

func isSuccessWord(s string) bool { return successWords[strings.ToLower(strings.TrimSpace(s))] }

var (
	successWords = words("", "0", "ok", "okay", "success", "successful", "succeeded", "none", "no error", "noerror", "null", "false")
	failureWords = words("error", "errors", "err", "fail", "failed", "failure", "fault", "exception", "ko", "nok", "not ok",
		"unauthorized", "unauthenticated", "forbidden", "denied", "invalid", "timeout", "unavailable", "internal_error", "internalerror")
)

func words(list ...string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, w := range list {
		set[w] = true
	}
	return set
}

// textOf returns a string's text, and a number as it is written. Long ones aren't read: none of them is a word.
func textOf(v jsontext.Value) string {
	if v.Kind() != '"' || len(v) > maxExcerpt {
		return string(v[:min(len(v), maxExcerpt)])
	}
	b, _ := jsontext.AppendUnquote(nil, v) // the error only tells of text that isn't UTF-8
	return string(b)
}
