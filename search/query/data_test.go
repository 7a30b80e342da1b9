package query

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"parlance/search/internal/fold"
)

// Random pieces of random real messages find the message that they were cut from, as they are and as others would type them.
func TestPiecesOfRealMessages(t *testing.T) {
	dir := os.Getenv("PARLANCE_DATA")
	if dir == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("PARLANCE_DATA is not set, and CI does not skip")
		}
		t.Skip("PARLANCE_DATA is not set: no real messages to cut from")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s (%v)", dir, err)
	}
	chance := rand.New(rand.NewPCG(1, 2))
	const each = 100 // messages of a file
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			tried, variants := 0, 0
			for _, text := range sample(t, name, each, chance) {
				for range 5 {
					piece := cutSigns(text, chance)
					if !searchable(fold.Fold(piece)) {
						continue
					}
					tried++
					for _, typed := range []string{piece, wide(piece), strings.ToUpper(piece), norm.NFD.String(piece), norm.NFKC.String(piece)} {
						if fold.Fold(typed) != fold.Fold(piece) {
							t.Errorf("%q isn't %q folded, in %q", typed, piece, text)
							continue
						}
						variants++
						checkFound(t, quote(typed), text)
					}
				}
			}
			t.Logf("%d pieces, %d as typed", tried, variants)
			if tried < each/2 {
				t.Errorf("only %d pieces were tried", tried)
			}
		})
	}
}

// checkFound checks that a query finds a text in every way.
func checkFound(t *testing.T, query, text string) {
	t.Helper()
	q, err := Parse(query, nil)
	if err != nil {
		t.Errorf("%s, of %q: %v", query, text, err)
		return
	}
	d := document(text)
	if !q.Match(d) || len(q.Marks(d.Folded)) == 0 {
		t.Errorf("%s doesn't find %q", query, text)
	}
	if s := q.Snippet(text, 120); len(s.Marks) == 0 {
		t.Errorf("%s of %q: nothing is marked in %q", query, text, s.Text)
	}
	for _, l := range q.Root().(Text).Lookups() {
		found := false
		fold.Terms(d.Folded, func(term []byte) { found = found || l.Takes(term) })
		if !found {
			t.Errorf("%s finds %q, but no term of it is %q (%d)", query, text, l.Term, l.How)
		}
	}
}

// sample returns n texts of a file, or all that aren't empty if there are fewer.
func sample(t *testing.T, name string, n int, chance *rand.Rand) []string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	in := bufio.NewScanner(z)
	in.Buffer(nil, 1<<20)
	for i := 0; in.Scan(); i++ {
		if len(lines) < n {
			lines = append(lines, slices.Clone(in.Bytes()))
		} else if at := chance.IntN(i + 1); at < n {
			lines[at] = slices.Clone(in.Bytes())
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, line := range lines {
		var m struct{ Text string }
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.Text != "" {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// cutSigns returns 1 to 8 signs of a text.
func cutSigns(text string, chance *rand.Rand) string {
	var starts []int
	for at := range text {
		if signBegins(text, at) && norm.NFKC.PropertiesString(text[at:]).BoundaryBefore() {
			starts = append(starts, at)
		}
	}
	starts = append(starts, len(text))
	from := chance.IntN(len(starts) - 1)
	return text[starts[from]:starts[min(len(starts)-1, from+1+chance.IntN(8))]]
}

// wide returns a text with ASCII in full width.
func wide(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '\u3000'
		case '!' <= r && r <= '~' && r != '\\':
			return r + 0xFEE0
		}
		return r
	}, s)
}
