package dialecttest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Citations says how the comments of a package cite the page of its dialect.
type Citations struct {
	Page    string                   // the page's path
	Pattern *regexp.Regexp           // a citation; its two groups are a heading and a term
	Wrapped bool                     // a citation may go on in a comment's next line
	Defined func(term string) string // what the page has below the heading where it defines the term
}

// commentBreak is where a comment goes on in the next line.
var commentBreak = regexp.MustCompile(`\n\s*// `)

// Check reports citations in the Go files of the working directory whose heading the
// page doesn't have at the second level, or whose term isn't defined below it; and if
// nothing is cited.
func (c Citations) Check(t testing.TB) {
	t.Helper()
	page, err := os.ReadFile(c.Page)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split("\n"+string(page), "\n## ")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		sections[heading] = text
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if c.Wrapped {
			source = commentBreak.ReplaceAll(source, []byte(" "))
		}
		for _, cited := range c.Pattern.FindAllStringSubmatch(string(source), -1) {
			found++
			heading, term := cited[1], cited[2]
			if section, ok := sections[heading]; !ok {
				t.Errorf("%s cites %q: no such heading in %s", file, heading, c.Page)
			} else if !strings.Contains(section, c.Defined(term)) {
				t.Errorf("%s cites %q, %q: no such term in %s", file, heading, term, c.Page)
			}
		}
	}
	if found == 0 {
		t.Error("nothing is cited")
	}
}
