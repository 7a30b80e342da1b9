package shopline

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// errElsewhere is the cause of errors of items that say that they belong elsewhere.
var errElsewhere = errors.New("it says that it belongs elsewhere")

// Claims are what an item may say of where it belongs, by the plain names of its members (small letters without underscores), and what it must say
// then. What must be empty isn't known here.
type claims map[string]string

// misplaced returns an error, of kind Invalid and with errElsewhere, if an object says in a member, which is a text or an object with an id, something
// else than it must. What isn't an object says nothing.
//
// SHOPLINE mirror, belonging: what an item says of it is believed.
func misplaced(object jsontext.Value, must claims) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(object), asSent)
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil
	}
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return nil
		}
		name := strings.ReplaceAll(strings.ToLower(t.String()), "_", "")
		want := must[name]
		v, err := d.ReadValue()
		if err != nil {
			return nil
		}
		if want == "" {
			continue
		}
		if says := named(v); says != "" && says != want {
			return parlance.Wrap(parlance.Invalid, errElsewhere, "its %s is another one than that of what was asked for", name)
		}
	}
	return nil
}

// named returns what a value names: a text, a number as it stands, or the id of an object; empty if nothing.
func named(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		return words(v)
	case '0':
		return string(v)
	case '{':
		var o struct {
			ID jsontext.Value `json:"id"`
		}
		if json.Unmarshal(v, &o, asSent) == nil && o.ID.Kind() != '{' {
			return named(o.ID)
		}
	}
	return ""
}
