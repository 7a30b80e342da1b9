package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The command that a server without a workspace names can be pasted, whatever the folder is called.
func TestServersHintCanBePasted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", "a b", `it's "so"`, "back\\slash", "tab\t"} {
		dir := filepath.Join(t.TempDir(), name)
		p := start(t, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--json")
		var v serving
		p.read(&v)
		p.end(syscall.SIGTERM)
		_, hint, found := strings.Cut(p.stderr.String(), "workspace create NAME ")
		hint, _, _ = strings.Cut(hint, "\n")
		words, err := exec.Command("bash", "-c", "printf '%s\\n' "+hint).Output()
		if want := "--data\n" + dir + "\n"; !found || err != nil || string(words) != want {
			t.Errorf("%q: the shell makes %q of %s, %v", name, words, hint, err)
		}
	}
}
