package export

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var (
	errNotTime = errors.New("want a time as RFC 3339, in the years 1 to 9999")
	errNotList = errors.New("want a list")
)

// maxReason bounds the text about a bad line: names of unknown fields may be part of it.
const maxReason = 200

// reason says what is wrong with a line in words for whoever made the file. Package
// json's own words speak of Go's types, and may quote the message.
func reason(err error) string {
	var text string
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	var many errTooMany
	switch {
	case errors.As(err, &syntactic):
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			text = field(syntactic.JSONPointer) + "given twice"
		case errors.Is(err, io.ErrUnexpectedEOF):
			text = "not JSON: it ends too early"
		default:
			text = fmt.Sprintf("not JSON near byte %d", syntactic.ByteOffset+1)
		}
	case errors.As(err, &semantic):
		text = field(semantic.JSONPointer)
		switch {
		case errors.Is(err, errNotTime):
			text += errNotTime.Error()
		case errors.Is(err, errNotList):
			text += errNotList.Error()
		case errors.As(err, &many):
			text += many.Error()
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
	text = strings.Map(printable, text)
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// printable keeps what a terminal would obey out of a reason: names of fields may be part of it.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return utf8.RuneError
	}
	return r
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
