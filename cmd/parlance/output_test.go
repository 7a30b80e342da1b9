//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What --output names is an ordinary file, or standard output, or refused and left alone; also where another process carries the command out.
func TestOutput(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), t.TempDir()
	runIn(t, dir, "", "workspace", "create", "acme", "--data", data)
	if got := runIn(t, dir, example, "import", "-", "--workspace", "acme", "--data", data, "--quiet"); got.code != 0 {
		t.Fatalf("import: %+v", got)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("out", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	check := func(how string) {
		to := func(command, name string) ran {
			return runIn(t, dir, "", command, "--workspace", "acme", "--data", data, "--quiet", "--output", name)
		}
		if got := to("export", "-"); got.code != exitDone || got.stdout != example {
			t.Errorf("%s, to -: %+v", how, got)
		}
		if got := to("export", ""); got.code != exitUsage || !strings.Contains(got.stderr, "--output") {
			t.Errorf("%s, to nothing: %+v", how, got)
		}
		got := runIn(t, dir, "", "certificate", "--workspace", "acme", "--data", data, "--output", "")
		if got.code != exitUsage || !strings.Contains(got.stderr, "--output") {
			t.Errorf("%s, a certificate to nothing: %+v", how, got)
		}
		for _, name := range []string{"pipe", "link", "folder", "/dev/null", "/dev/stdout", "/dev/fd/2"} {
			if got := to("export", name); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, name) {
				t.Errorf("%s, to %s: %+v", how, name, got)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	check("by itself")
	server := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--json")
	var s serving
	server.read(&s)
	check("held")
	if code, _ := server.end(syscall.SIGTERM); code != 0 {
		t.Errorf("serve: exit code %d\n%s", code, server.stderr)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"folder", "link", "pipe"}) {
		t.Errorf("the folder has %q", got)
	}
}

// An export that is ended in its middle leaves nothing, and says so. One that is killed leaves what the next one removes.
func TestExportInterrupted(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), t.TempDir()
	runIn(t, dir, "", "workspace", "create", "acme", "--data", data)
	var lines strings.Builder
	random := rand.NewChaCha8([32]byte{})
	half := make([]byte, 16<<10)
	for i := range 2000 { // what takes a while to compress
		random.Read(half)
		line := strings.Replace(example, `"id":"m1"`, fmt.Sprintf(`"id":"m%d"`, i), 1)
		lines.WriteString(strings.Replace(line, "Haben", fmt.Sprintf("%x", half), 1))
	}
	if got := runIn(t, dir, lines.String(), "import", "-", "--workspace", "acme", "--data", data, "--quiet"); got.code != 0 {
		t.Fatalf("import: %+v", got)
	}
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		before := names(t, dir)
		p := start(t, "export", "--workspace", "acme", "--data", data, "--quiet", "--output", filepath.Join(dir, "out.gz"))
		began := false
		for deadline := time.Now().Add(time.Minute); !began && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			began = slices.ContainsFunc(names(t, dir), func(name string) bool { return !slices.Contains(before, name) })
		}
		code, _ := p.end(sig)
		left := names(t, dir)
		switch {
		case sig == syscall.SIGKILL && len(left) != 1:
			t.Errorf("killed: the folder has %q", left)
		case sig == syscall.SIGTERM && (code != exitInterrupted || len(left) > 0 || !strings.Contains(p.stderr.String(), "wasn't written")):
			t.Errorf("ended: exit code %d, the folder has %q\n%s", code, left, p.stderr)
		}
	}
}

// names returns the names in a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
