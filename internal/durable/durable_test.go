//go:build unix

package durable_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
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

// Nothing but an ordinary file of one name is ever replaced, or even opened: a pipe that nobody reads keeps nobody waiting.
func TestWriteFileReplacesNothingElse(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for name, mode := range map[string]os.FileMode{"target": 0o600, "readonly": 0o400, "one": 0o600} {
		if err := os.WriteFile(in(name), []byte("old"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Symlink("target", in("link")), os.Symlink("later", in("dangling")), os.Symlink("loop", in("loop")), os.Symlink("/dev/null", in("nowhere")),
		os.Link(in("one"), in("other")), os.Mkdir(in("folder"), 0o700), syscall.Mkfifo(in("pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	kinds := func() (all []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name()+" "+e.Type().String())
		}
		return all
	}
	before := kinds()
	never := func(io.Writer) error { t.Error("something was written"); return nil }
	for _, name := range []string{
		in("link"), in("dangling"), in("loop"), in("nowhere"), in("one"), in("other"), in("folder"), in("folder") + "/", in("pipe"), in("readonly"),
		in("none") + "/", in("none/file"), in("one") + "/", "/dev/null", "/dev/stdout", fmt.Sprintf("/dev/fd/%d", os.Stderr.Fd()), "",
	} {
		if err := durable.WriteFile(name, never); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
	if after := kinds(); !slices.Equal(before, after) {
		t.Errorf("the folder has %v, had %v", after, before)
	}
	for _, name := range []string{"target", "readonly", "one"} {
		if b, err := os.ReadFile(in(name)); err != nil || string(b) != "old" {
			t.Errorf("%s holds %q, %v", name, b, err)
		}
	}
}

// What a killed process left of a file is removed when the file is written the next time, but not what somebody is writing.
func TestWriteFileRemovesWhatIsLeft(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	for _, left := range []string{".out.123.part", ".other.1.part", ".out.mine.part"} {
		if err := os.WriteFile(filepath.Join(dir, left), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := durable.WriteFile(name, func(w io.Writer) error {
		return durable.WriteFile(name, func(w io.Writer) error { _, err := io.WriteString(w, "inner"); return err })
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{".other.1.part", ".out.mine.part", "out"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("the folder has %v, %v, want %v", names, err, want)
	}
}
