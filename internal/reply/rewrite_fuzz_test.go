package reply

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
)

// What is rewritten stays JSON, says the same but for the addresses, and costs in proportion to its bytes.
func FuzzReplace(f *testing.F) {
	for _, s := range []string{
		`{"url":"https://h/f","extra":"{\"u\":\"https:\\/\\/h\\/f\"}"}`, `["/a","/b",{"x":"[\"[\\\"http://h/\\\"]\"]"}]`, `"\ud800"`, `"http`, "\"\xff\"",
		strings.Repeat(`"{\"a\":\"/x\"}",`, 50), strings.Repeat(`"[`, 100), `{"https://h/f" : "https://h/f"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := string(b)
		if got := replace(b, func(string) (string, bool) { return "", false }, 0); string(got) != before {
			t.Fatalf("nothing was found, and %q became %q", before, got)
		}
		const ours = "https://ours/1"
		looked := 0
		spent := allocated(func() {
			got := replace(b, func(string) (string, bool) { looked++; return ours, true }, 0)
			switch valid := json.Valid(b); {
			case string(b) != before:
				t.Fatalf("the answer itself was changed from %q to %q", before, b)
			case valid && !json.Valid(got):
				t.Fatalf("%q became %q", before, got)
			case looked == 0 && string(got) != before:
				t.Fatalf("no address was seen, and %q became %q", before, got)
			}
		})
		// Each address stands in at least four bytes, and text may lie in text twice.
		if looked > len(b)/4 {
			t.Errorf("%d addresses in %d bytes", looked, len(b))
		}
		if most := uint64(200*len(b) + 1<<20); spent > most {
			t.Errorf("%d bytes were allocated for %d", spent, len(b))
		}
	})
}

// allocated returns how many bytes were allocated in all while it did something.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
