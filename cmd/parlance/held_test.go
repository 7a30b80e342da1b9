package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A ran is what became of a program that ended.
type ran struct {
	code           int
	stdout, stderr string
}

// runIn runs the program to its end in a folder, with an input.
func runIn(t *testing.T, dir, stdin string, args ...string) ran {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "parlance", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ran{cmd.ProcessState.ExitCode(), out.String(), talk.String()}
}

// example is a line that import takes, with signs in it that a terminal must not get and a file must keep.
const example = `{"conversation":"shop\u001b[1m-1\n","conversation_kind":"shop","title":"Anna` + "\u202e" + `","id":"m1","sender":"anna` + "\u009b" + `1m",` +
	`"sender_name":"Anna","sender_role":"customer","sent_at":"2024-05-01T10:00:00.000Z","type":"text","text":"Haben Sie das in Blau? 藍色","edited_at":null,` +
	`"deleted":false,"reactions":[],"reply_to":null,"synthetic":[],"seq":0}
`

// Every command that needs a store is carried out by the process that holds it, with its input, its files and its folder, also where
// the path of the store is longer than a socket's may be.
func TestHeldCommands(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	data := filepath.Join(base, strings.Repeat("a long name ", 8), strings.Repeat("and a longer one", 4))
	if got := runIn(t, base, "", "workspace", "create", "acme", "--data", data); got.code != 0 {
		t.Fatalf("create: %+v", got)
	}
	server := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--json")
	var s serving
	server.read(&s)

	if got := runIn(t, base, "", "workspace", "list", "--data", data); got.code != 0 || !strings.HasPrefix(got.stdout, "acme\t") {
		t.Errorf("workspace list: %+v", got)
	}
	if got := runIn(t, base, "", "workspace", "create", "beta", "--data", data, "--json"); got.code != 0 || !strings.Contains(got.stdout, `"client_key"`) {
		t.Errorf("workspace create: %+v", got)
	}
	if got := runIn(t, base, example, "import", "-", "--workspace", "acme", "--data", data, "--quiet"); got.code != 0 || !strings.Contains(got.stdout, "1 new") {
		t.Errorf("import -: %+v", got)
	}
	if err := os.WriteFile(filepath.Join(base, "in.jsonl"), []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := runIn(t, base, "", "import", "in.jsonl", "--workspace", "acme", "--data", data, "--quiet"); got.code != 0 || !strings.Contains(got.stdout, "1 same") {
		t.Errorf("import FILE: %+v", got)
	}
	if got := runIn(t, base, "", "export", "--workspace", "acme", "--data", data, "--quiet"); got.code != 0 || got.stdout != example {
		t.Errorf("export: %+v", got)
	}
	if got := runIn(t, base, "", "export", "--workspace", "acme", "--data", data, "--quiet", "--output", "out.jsonl"); got.code != 0 {
		t.Errorf("export --output: %+v", got)
	}
	info, err := os.Stat(filepath.Join(base, "out.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != int64(len(example)) {
		t.Errorf("the exported file: %v, %v", info, err)
	}
	if got := runIn(t, base, "", "verify", "--data", data, "--quiet"); got.code != 0 || !strings.Contains(got.stdout, "acme: 1 messages") {
		t.Errorf("verify: %+v", got)
	}
	if got := runIn(t, base, "", "verify", "--data", data, "--workspace", "none"); got.code != 1 || !strings.Contains(got.stderr, "there is no workspace") {
		t.Errorf("verify of what isn't there: %+v", got)
	}

	// An interrupt at the caller ends the work at the holder, and with it the command.
	waiting := exec.CommandContext(t.Context(), "parlance", "import", "-", "--workspace", "acme", "--data", data, "--quiet")
	never, keep := io.Pipe()
	waiting.Stdin = never
	defer keep.Close()
	waiting.WaitDelay = time.Second // its input never ends
	var talk lockedBuffer
	waiting.Stderr = &talk
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := keep.Write([]byte(strings.Repeat(example, 1000))); err != nil { // it reads: so it runs
		t.Fatal(err)
	}
	if err := waiting.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = waiting.Wait()
	if code := waiting.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("interrupted: exit code %d, %s", code, &talk)
	}

	// So it does while the caller's output is a pipe that nobody reads any more.
	long := strings.Replace(example, "Haben Sie", strings.Repeat("Haben Sie ", 2000), 1)
	var many strings.Builder
	for i := range 200 {
		many.WriteString(strings.Replace(long, `"m1"`, fmt.Sprintf(`"n%d"`, i), 1))
	}
	if got := runIn(t, base, many.String(), "import", "-", "--workspace", "acme", "--data", data, "--quiet"); got.code != 0 {
		t.Fatalf("import: %+v", got)
	}
	export := start(t, "export", "--workspace", "acme", "--data", data, "--quiet")
	if _, err := export.stdout.ReadByte(); err != nil {
		t.Fatal(err)
	}
	if err := export.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	state, err := export.cmd.Process.Wait() // and nothing is read
	if err != nil || state.ExitCode() != exitInterrupted {
		t.Errorf("interrupted with a full pipe: %v, %v\n%s", state, err, export.stderr)
	}

	if code, _ := server.end(syscall.SIGTERM); code != 0 {
		t.Errorf("serve: exit code %d\n%s", code, server.stderr)
	}
	if _, err := os.Stat(filepath.Join(data, "control.sock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket after the end: %v", err)
	}
}
