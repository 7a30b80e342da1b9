package parlance_test

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"strings"
	"testing"
)

// Every limit of limits.go stands in docs/limits.md, in a row of its own that begins with its name and its value.
func TestLimitsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "limits.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	conf := types.Config{Importer: importer.Default()}
	pkg, err := conf.Check("parlance", fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := pkg.Scope().Names()
	if len(names) == 0 {
		t.Fatal("limits.go declares nothing")
	}
	for _, name := range names {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			t.Errorf("%s in limits.go is no constant", name)
			continue
		}
		if row := "| `" + name + "` | " + shown(t, c.Val()) + " |"; !strings.Contains(string(doc), row) {
			t.Errorf("docs/limits.md lacks a row that begins with %q", row)
		}
	}
}

// shown returns a limit as the document writes it: a number, with KiB or MiB where it is a round number of them.
func shown(t *testing.T, v constant.Value) string {
	t.Helper()
	n, ok := constant.Int64Val(v)
	switch {
	case !ok:
		t.Fatalf("%s is no whole number", v)
	case n >= 1<<20 && n%(1<<20) == 0:
		return constant.MakeInt64(n>>20).String() + " Mi"
	case n >= 1<<10 && n%(1<<10) == 0:
		return constant.MakeInt64(n>>10).String() + " Ki"
	}
	return v.String()
}
