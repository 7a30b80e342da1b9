package imetastore_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCitations checks that what comments cite of the dialect's page is there: a
// heading, and below it the term in bold.
func TestCitations(t *testing.T) {
	page, err := os.ReadFile("../docs/dialects/imetastore.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(page), "\n## ")[1:] {
		heading, text, _ := strings.Cut(s, "\n")
		sections[heading] = text
	}

	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	citation := regexp.MustCompile(`// (?:IMKit|SHOPLINE|iMetaStore) ([a-z ]+), ([A-Za-z_ ]+)[:.]`)
	found := 0
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range citation.FindAllStringSubmatch(string(code), -1) {
			found++
			section, ok := sections[c[1]]
			if !ok {
				t.Errorf("%s cites %q: no such heading", file, c[1])
			} else if !strings.Contains(section, "\n- **"+c[2]+"**:") {
				t.Errorf("%s cites %q, %q: no such term", file, c[1], c[2])
			}
		}
	}
	if found == 0 {
		t.Error("no citations found")
	}
}
