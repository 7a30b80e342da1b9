package imetastore

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// A member is one name of a JSON object with its value.
type member struct {
	name  string
	value jsontext.Value
}

// An object is a JSON object in its written order.
type object []member

// splitObject returns the members of a JSON object, in which names may be there twice and texts damaged if the options
// say so. Their values are copies.
func splitObject(b []byte, options ...jsontext.Options) (object, error) {
	d := jsontext.NewDecoder(bytes.NewReader(b), options...)
	if t, err := d.ReadToken(); err != nil {
		return nil, err
	} else if t.Kind() != '{' {
		return nil, parlance.Errorf(parlance.Invalid, "not a JSON object")
	}
	var o object
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		o = append(o, member{key, value.Clone()})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, parlance.Errorf(parlance.Invalid, "more than one JSON object")
	}
	return o, nil
}

// index returns the place of the member of this name, in any case and with or without
// underscores; -1 if there is none.
func (o object) index(name string) int {
	return slices.IndexFunc(o, func(m member) bool { return strings.EqualFold(plainName.Replace(m.name), name) })
}

// plainName drops what names are compared without.
var plainName = strings.NewReplacer("_", "", "-", "")

func (o object) append(b []byte) []byte {
	b = append(b, '{')
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, m.name)
		b = append(b, ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}
