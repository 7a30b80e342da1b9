package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"parlance/internal/durable"
)

// A file that can't be written whole leaves what was there, and nothing beside it.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	text := func(s string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, e := io.WriteString(w, s)
			return errors.Join(e, err)
		}
	}
	if err := durable.WriteFile(name, text("first", nil)); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := durable.WriteFile(name, text("half of the sec", broken)); !errors.Is(err, broken) {
		t.Errorf("got %v, want what went wrong", err)
	}
	b, err := os.ReadFile(name)
	if err != nil || string(b) != "first" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("the folder has %v, %v", names, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is of mode %v, %v", info.Mode(), err)
	}
}
