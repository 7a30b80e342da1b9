package export

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var errNotTime = errors.New("want a time as RFC 3339, in the years 1 to 9999")

// maxReason bounds the text about a bad line: names of unknown fields may be part of it.
const maxReason = 200

// reason says what is wrong with a line in words for whoever made the file. Package
// json's own words speak of Go's types, and may quote the message.
func reason(line []byte, err error) string {
	var text string
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic):
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			text = field(syntactic.JSONPointer) + "given twice"
		case errors.Is(err, io.ErrUnexpectedEOF):
			text = "not JSON: it ends too early"
		case !utf8.Valid(line):
			text = "not UTF-8"
		default:
			text = fmt.Sprintf("not JSON near byte %d", syntactic.ByteOffset+1)
		}
	case errors.As(err, &semantic):
		text = field(semantic.JSONPointer)
		switch {
		case errors.Is(err, errNotTime):
			text += errNotTime.Error()
		case semantic.GoType != nil:
			text += "want " + wanted(semantic.GoType.Kind())
		default:
			text += "not what it should be"
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		text = "not JSON: it ends too early"
	default:
		text = "not JSON"
	}
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// field returns "reactions/0/emoji: ", and "" for the whole line.
func field(p jsontext.Pointer) string {
	if p == "" {
		return ""
	}
	return strings.TrimPrefix(string(p), "/") + ": "
}

// wanted returns what JSON a Go kind is read from.
func wanted(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "an object"
	default:
		return "a whole number"
	}
}
