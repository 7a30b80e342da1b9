package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// command runs the program to its end in a folder, and returns its exit code and what it wrote.
func command(t *testing.T, dir string, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "parlance", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %v: %v", args, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestCertificate mirrors a practice upstream and has it certified, with the store at hand, held by a server, and grown or altered since.
func TestCertificate(t *testing.T) {
	t.Parallel()
	_, d := startFake(t, "--platform", "imkit", "--seed", "4", "--messages", "150")
	dir := t.TempDir()
	env := []string{"PARLANCE_MIRROR_CLIENT_KEY=" + d.Credentials.ClientKey, "PARLANCE_MIRROR_TOKEN=" + d.Credentials.Token}
	want := func(code int, args ...string) (stdout, stderr string) {
		t.Helper()
		got, stdout, stderr := command(t, dir, env, args...)
		if got != code {
			t.Fatalf("parlance %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout, stderr)
		}
		return stdout, stderr
	}
	want(exitDone, "workspace", "create", "acme", "--data", "d")
	want(exitDone, "mirror", "add", "up", "--data", "d", "--workspace", "acme", "--platform", "imkit", "--url", d.URL, "--allow-private-files", "--every", "0")
	want(exitDone, "mirror", "run", "up", "--once", "--data", "d")

	// What goes to standard output is the certificate, with and without --json.
	key, _ := want(exitDone, "certificate", "key", "--data", "d")
	key = strings.TrimSpace(key)
	for _, args := range [][]string{nil, {"--json"}} {
		text, _ := want(exitDone, append([]string{"certificate", "--data", "d", "--workspace", "acme"}, args...)...)
		if err := os.WriteFile(filepath.Join(dir, "c.txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		told, _ := want(exitDone, "certificate", "check", "c.txt", "--key", key, "--data", "d")
		for _, s := range []string{"The signature is good", "3 conversations complete, 0 partial, 0 unknown; up is complete", "come to the stated hashes"} {
			if !strings.Contains(told, s) {
				t.Errorf("no %q in %s", s, told)
			}
		}
	}

	// A server that holds the store does the same, in the folder where it was asked.
	var serving struct{ URL string }
	server := start(t, "serve", "--data", filepath.Join(dir, "d"), "--listen", "127.0.0.1:0", "--json")
	server.read(&serving)
	text, _ := want(exitDone, "certificate", "--data", "d", "--workspace", "acme", "--output", "held.txt")
	if !strings.Contains(text, "held.txt: 3 conversations complete") || !strings.Contains(text, "signed by "+key) {
		t.Errorf("a server says %s", text)
	}
	checked, _ := want(exitDone, "certificate", "check", "held.txt", "--key", key, "--data", "d", "--json")
	var c checkedCertificate
	if err := json.Unmarshal([]byte(checked), &c); err != nil || !c.Good || !c.KeyGiven || !c.Compared || c.Complete != 3 || len(c.Differences) != 0 {
		t.Errorf("checked by a server: %s (%v)", checked, err)
	}
	server.end(syscall.SIGTERM)

	// A store that holds something else is found out, and so is a certificate that was changed.
	want(exitDone, "workspace", "create", "acme", "--data", "e")
	_, stderr := want(exitDiffers, "certificate", "check", "held.txt", "--data", "e")
	if !strings.Contains(stderr, "the store differs in 3 conversations") {
		t.Errorf("another store: %s", stderr)
	}
	b, err := os.ReadFile(filepath.Join(dir, "held.txt"))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(b, []byte(`"messages":`), []byte(`"messages":1`), 1)
	if err := os.WriteFile(filepath.Join(dir, "changed.txt"), changed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr = want(exitDiffers, "certificate", "check", "changed.txt"); !strings.Contains(stderr, "one of the two was changed") {
		t.Errorf("changed: %s", stderr)
	}
	names, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(names) != 0 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}
