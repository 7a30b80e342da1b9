package imkit

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var citation = regexp.MustCompile(`IMKit ([A-Z][a-z]+), ([a-zA-Z' ]+)`)

// Each citation names a heading of the dialect's page, and a term that it defines.
func TestCitationsExist(t *testing.T) {
	page, err := os.ReadFile("../docs/dialects/imkit.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for section := range strings.SplitSeq("\n"+string(page), "\n## ") {
		heading, text, _ := strings.Cut(section, "\n")
		sections[heading] = text
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		joined := regexp.MustCompile(`\n\s*// `).ReplaceAllString(string(source), " ")
		for _, c := range citation.FindAllStringSubmatch(joined, -1) {
			found++
			if text, ok := sections[c[1]]; !ok || !strings.Contains(text, "**"+strings.TrimSpace(c[2])) {
				t.Errorf("%s cites %q, which docs/dialects/imkit.md doesn't have", name, c[0])
			}
		}
	}
	if found == 0 {
		t.Error("nothing is cited")
	}
}
