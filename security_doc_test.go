package parlance_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/security.md names the test of each promise; all of them exist.
func TestPromisesOfSecurityHaveTheirTests(t *testing.T) {
	doc, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(source, -1) {
			declared[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(?:[a-z/]+\\.)?((?:Test|Fuzz)\\w+)`").FindAllSubmatch(doc, -1)
	if len(named) == 0 {
		t.Fatal("docs/security.md names no test")
	}
	for _, m := range named {
		if !declared[string(m[1])] {
			t.Errorf("docs/security.md names %s, which no test file declares", m[1])
		}
	}
}
