package mirror_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBugsDocumented checks that docs/bugs.md has each bug once, in order, and names only tests that there are.
func TestBugsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/bugs.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (B\d+) \|`).FindAllStringSubmatch(string(page), -1)
	if len(rows) != 28 {
		t.Errorf("docs/bugs.md has %d bugs, not 28", len(rows))
	}
	for i, row := range rows {
		if want := fmt.Sprintf("B%d", i+1); row[1] != want {
			t.Errorf("docs/bugs.md has %s in the place of %s", row[1], want)
		}
	}
	for _, name := range regexp.MustCompile("`([a-z/]+)\\.(Test\\w+)`").FindAllStringSubmatch(string(page), -1) {
		if !hasTest(t, name[1], name[2]) {
			t.Errorf("docs/bugs.md names %s of package %s, which doesn't exist", name[2], name[1])
		}
	}
}

// hasTest reports whether the package in a folder of the repository has a test of this name.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
