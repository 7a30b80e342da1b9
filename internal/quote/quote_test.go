package quote_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"parlance/internal/quote"
)

// A plain text is what both JSON libraries write as it is, and every other one they change.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{"", "plain", `a "quote"`, `back\slash`, "line\nbreak", "\x1f", "\x7f", "早安，請問有貨嗎？", "\xff", "1234567\xe6", "1234567\"8"} {
		for n := range 9 {
			f.Add(strings.Repeat("x", n) + s)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted, err := jsontext.AppendQuote(nil, s)
		want := err == nil && string(quoted) == `"`+s+`"`
		if got := quote.Plain(s); got != want {
			t.Errorf("Plain(%q) = %v, but it is written %s", s, got, quoted)
		}
		if !want || strings.ContainsAny(s, "<>&\u2028\u2029") {
			return
		}
		if b, err := json.Marshal(s); err != nil || string(b) != string(quoted) {
			t.Errorf("%q is plain, but encoding/json writes %s, %v", s, b, err)
		}
	})
}

func TestPlainAllocatesNothing(t *testing.T) {
	s := strings.Repeat("早安 good morning ", 20)
	if n := testing.AllocsPerRun(100, func() {
		if !quote.Plain(s) {
			t.Fatal("not plain")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
