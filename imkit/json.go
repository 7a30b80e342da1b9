package imkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"parlance"
	"parlance/internal/body"
	"parlance/internal/quote"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string, byte for byte what encoding/json writes
// with HTML escaping off.
func appendString[S ~string](b []byte, s S) []byte {
	b = append(b, '"')
	// The line ends of JavaScript, U+2028 and U+2029, begin with 0xe2.
	if quote.Plain(s) && strings.IndexByte(string(s), 0xe2) < 0 {
		b = append(b, s...)
		return append(b, '"')
	}
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, '\\', 'b')
			case '\f':
				b = append(b, '\\', 'f')
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029': // line ends to JavaScript of old
			b = append(b, s[start:i]...)
			b = append(b, `\u202`...)
			b = append(b, hexDigits[r&15])
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendJSON appends v as JSON without HTML escaping.
func appendJSON(b []byte, v any) ([]byte, error) {
	buffer := bytes.NewBuffer(b)
	e := json.NewEncoder(buffer)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	out := buffer.Bytes()
	return out[:len(out)-1], nil // without Encode's line end
}

// An object is a JSON object with its fields in the order in which they came and
// their values as they were written. Names are distinct: a later one replaces the earlier.
type object []field

type field struct {
	name  string
	value json.RawMessage
}

// parseObject reads text, which must be one JSON object in UTF-8.
func parseObject(text []byte) (object, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	return parseForeign(text)
}

// parseForeign reads text, which must be one JSON object, of another server. Bytes of it that aren't UTF-8 stand in the values as they came, and become
// U+FFFD where these are read as text.
func parseForeign(text []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	first, err := d.Token()
	if err != nil {
		return nil, err
	}
	if first != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	var o object
	places := map[string]int{} // a body can have very many fields
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		text := name.(string) // in an object the decoder gives only strings as names
		if at, again := places[text]; again {
			o[at].value = value
			continue
		}
		places[text] = len(o)
		o = append(o, field{text, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	return o, nil
}

// get returns the value of the field called name, nil if there is none or it is null.
func (o object) get(name string) json.RawMessage {
	for _, f := range o {
		if f.name == name {
			if string(f.value) == "null" {
				return nil
			}
			return f.value
		}
	}
	return nil
}

// find returns where the field called name stands, be it null.
func (o object) find(name string) (int, bool) {
	for i := range o {
		if o[i].name == name {
			return i, true
		}
	}
	return 0, false
}

// with returns o with the value in the field called name, without that field if value is nil.
func (o object) with(name string, value json.RawMessage) object {
	changed := make(object, 0, len(o)+1)
	at, found := o.find(name)
	for i, f := range o {
		switch {
		case !found || i != at:
			changed = append(changed, f)
		case value != nil:
			changed = append(changed, field{name, value})
		}
	}
	if !found && value != nil {
		changed = append(changed, field{name, value})
	}
	return changed
}

// has reports whether there is a field called name that isn't null.
func (o object) has(name string) bool { return o.get(name) != nil }

// text returns the field called name if it is a string.
func (o object) text(name string) (string, bool) {
	var s string
	v := o.get(name)
	if v == nil || json.Unmarshal(v, &s) != nil {
		return "", false
	}
	return s, true
}

func (o *object) set(name string, value json.RawMessage) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, field{name, value})
}

// overlaid returns o with the fields of over put in their places, or else at its end.
func (o object) overlaid(over object) object {
	whole := make(object, len(o), len(o)+len(over))
	places := make(map[string]int, len(o))
	for i, f := range o {
		whole[i] = f
		places[f.name] = i
	}
	for _, f := range over {
		if at, there := places[f.name]; there {
			whole[at].value = f.value
		} else {
			whole = append(whole, f)
		}
	}
	return whole
}

// without returns o less the fields that drop tells.
func (o object) without(drop func(name string) bool) object {
	var rest object
	for _, f := range o {
		if !drop(f.name) {
			rest = append(rest, f)
		}
	}
	return rest
}

// append appends o as JSON; nothing if o is empty.
func (o object) append(b []byte) []byte {
	if len(o) == 0 {
		return b
	}
	for i, f := range o {
		if i == 0 {
			b = append(b, '{')
		} else {
			b = append(b, ',')
		}
		b = appendString(b, f.name)
		b = append(b, ':')
		b = append(b, f.value...)
	}
	return append(b, '}')
}

// readBody reads r's body whole.
func readBody(r *http.Request) ([]byte, error) {
	b, err := body.Read(nil, r)
	var large *http.MaxBytesError
	switch {
	case err == nil, errors.As(err, &large), parlance.KindOf(err) == parlance.Unavailable:
		return b, err
	case parlance.KindOf(err) == parlance.Invalid:
		return nil, badBody("The body's " + err.Error())
	}
	return nil, badBody("The body could not be read to its end")
}

// readObject reads r's body as an object; no body is an empty one.
func readObject(r *http.Request) (object, error) {
	b, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, nil
	}
	o, err := parseObject(b)
	if err != nil {
		return nil, badBody("The body is no JSON object in UTF-8")
	}
	return o, nil
}

// readInto reads r's body as a JSON object into v; no body leaves v alone.
func readInto(r *http.Request, v any) error {
	b, err := readBody(r)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil
	}
	if !utf8.Valid(b) {
		return badBody("The body is not UTF-8")
	}
	if err := json.Unmarshal(b, v); err != nil {
		var wrong *json.UnmarshalTypeError
		switch {
		case errors.As(err, &wrong) && wrong.Field == "":
			return badBody("The body must be a JSON object")
		case wrong != nil:
			return badBody("The field " + wrong.Field + " can't be a " + wrong.Value)
		}
		return badBody("The body is not JSON")
	}
	return nil
}
