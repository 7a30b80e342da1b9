package body_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parlance"
	"parlance/internal/body"
)

func TestCheck(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	many := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", n-1), ",") + "]" }
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"deepest":             {deep(parlance.MaxDepth), true},
		"deeper":              {deep(parlance.MaxDepth + 1), false},
		"never closed":        {strings.Repeat(`{"a":`, parlance.MaxDepth+1), false},
		"wide, not deep":      {"[" + strings.Repeat("[],", parlance.MaxDepth*2) + "1]", true},
		"brackets in a text":  {`{"a":"` + strings.Repeat("[{", parlance.MaxValues) + `"}`, true},
		"quotes in a text":    {`{"a":"` + strings.Repeat(`\"[\\`, parlance.MaxValues) + `"}`, true},
		"most":                {many(parlance.MaxValues), true},
		"more":                {many(parlance.MaxValues + 1), false},
		"names count":         {"{" + strings.Repeat(`"a":1,`, parlance.MaxValues/2) + `"a":1}`, false},
		"objects count":       {"[" + strings.Repeat("{},", parlance.MaxValues) + "1]", false},
		"words":               {"[" + strings.Repeat("true, null,\n", parlance.MaxValues/2) + "1]", false},
		"nothing":             {"", true},
		"text without an end": {`{"a":"` + strings.Repeat("x", 1000), true},
	} {
		err := body.Check([]byte(c.text))
		if (err == nil) != c.ok || err != nil && parlance.KindOf(err) != parlance.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRead(t *testing.T) {
	read := func(r io.Reader) ([]byte, error) {
		return body.Read(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", r))
	}
	largest := `"` + strings.Repeat("x", parlance.MaxBody-2) + `"`
	if b, err := read(strings.NewReader(largest)); err != nil || string(b) != largest {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	var large *http.MaxBytesError
	if _, err := read(strings.NewReader(largest + " ")); !errors.As(err, &large) {
		t.Errorf("one byte more: %v", err)
	}
	if _, err := read(io.MultiReader(strings.NewReader("{"), broken{})); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("broken off: %v", err)
	}
	if b, err := body.Read(nil, &http.Request{}); b != nil || err != nil {
		t.Errorf("no body: %s, %v", b, err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// What is let through can be decoded at a cost in proportion to its bytes, and the count is that of a decoder.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,-2.5e1,true,null,"x\"]"]}`, `[[[]]]`, `"\\"`, `{"a`, "\xff\x00", `1 2`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := body.Check(b)
		if !json.Valid(b) {
			return
		}
		depth, deepest, values := 0, 0, 0
		for d := json.NewDecoder(bytes.NewReader(b)); ; {
			token, e := d.Token()
			if e != nil {
				break
			}
			switch token {
			case json.Delim('{'), json.Delim('['):
				depth++
				values++
				deepest = max(deepest, depth)
			case json.Delim('}'), json.Delim(']'):
				depth--
			default:
				values++
			}
		}
		if taken := deepest <= parlance.MaxDepth && values <= parlance.MaxValues; taken != (err == nil) {
			t.Errorf("%d deep, %d values: %v", deepest, values, err)
		}
	})
}
