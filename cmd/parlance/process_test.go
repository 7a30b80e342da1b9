package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A process is the program while it runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr *lockedBuffer
}

// start runs the program.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return started(t, nil, args...)
}

// started is start with further variables in the environment.
func started(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.CommandContext(t.Context(), "parlance", args...), stderr: new(lockedBuffer)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PARLANCE_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// read reads the one line of JSON that the program prints once it listens.
func (p *process) read(v any) {
	p.t.Helper()
	line, err := p.stdout.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("read the program's output: %v\n%s", err, p.stderr)
	}
	if err := json.Unmarshal(line, v); err != nil {
		p.t.Fatalf("decode %s: %v", line, err)
	}
}

// end sends a signal, waits for the program to end, and returns its exit code and what it still
// wrote to stdout.
func (p *process) end(sig os.Signal) (code int, rest string) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	b, err := io.ReadAll(p.stdout)
	if err != nil {
		p.t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode(), string(b)
}

// A lockedBuffer is written by a process while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// call makes a request with pairs of header names and values, and returns the answer, which must be
// of status 200. A body makes it a POST.
func call(t *testing.T, url, body string, headers ...string) string {
	t.Helper()
	method := "GET"
	if body != "" {
		method = "POST"
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: status %d: %s", method, url, resp.StatusCode, b)
	}
	return string(b)
}

// decoded is call with the answer read into a T.
func decoded[T any](t *testing.T, url, body string, headers ...string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(call(t, url, body, headers...)), &v); err != nil {
		t.Fatalf("decode the answer of %s: %v", url, err)
	}
	return v
}

// TestServeStops checks that SIGTERM and an interrupt end a server as if nothing was wrong, and
// that its folder can't be opened twice.
func TestServeStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		p := start(t, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--json")
		var s serving
		p.read(&s)
		if s.Data != dir {
			t.Errorf("serve prints %+v", s)
		}
		call(t, s.URL+"/healthz", "")
		call(t, s.URL+"/readyz", "")
		if m := call(t, s.URL+"/metrics", ""); !strings.Contains(m, "parlance_store_disk_bytes ") {
			t.Error("the metrics lack the store's size")
		}
		if y := call(t, s.URL+"/openapi/shopline.yaml", ""); !strings.Contains(y, "openapi:") {
			t.Error("the description of SHOPLINE isn't served")
		}

		second := start(t, "serve", "--data", dir, "--listen", "127.0.0.1:0")
		if code, _ := second.end(syscall.Signal(0)); code != exitFailed || !strings.Contains(second.stderr.String(), "is in use by another process") {
			t.Errorf("a second process: exit code %d, %s", code, second.stderr)
		}

		if code, rest := p.end(sig); code != exitDone || rest != "" {
			t.Errorf("after %v: exit code %d, output %q\n%s", sig, code, rest, p.stderr)
		}
		if !strings.Contains(p.stderr.String(), "stopping") {
			t.Errorf("the log doesn't tell of the stop:\n%s", p.stderr)
		}
	}
}

// TestKill checks that what was acknowledged is there after the program was killed.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var w credentialSet
	create := start(t, "workspace", "create", "acme", "--data", dir, "--json")
	create.read(&w)
	if err := create.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	list := start(t, "workspace", "list", "--data", dir, "--json")
	var known struct{ Workspaces []listedWorkspace }
	list.read(&known)
	if err := list.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	merchant := string(known.Workspaces[0].Merchant)

	p := start(t, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--json")
	var s serving
	p.read(&s)
	auth := []string{"Authorization", "Bearer " + w.Shopline.Token}
	call(t, s.URL+"/v1/conversations/message", `{"sender_id":"6365a1f0c1a0b20013c40a01","recipient_id":"`+merchant+`","text":"still there?"}`, auth...)
	if code, _ := p.end(os.Kill); code != -1 {
		t.Fatalf("exit code %d after a kill", code)
	}

	p = start(t, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--json")
	p.read(&s)
	if got := call(t, s.URL+"/v1/conversations?platform=shop_messages", "", auth...); !strings.Contains(got, "still there?") {
		t.Errorf("the message is gone: %s", got)
	}
	p.end(os.Interrupt)

	verify := start(t, "verify", "--data", dir)
	if err := verify.cmd.Wait(); err != nil {
		t.Errorf("verify: %v\n%s", err, verify.stderr)
	}
}

// TestImportInterrupted checks that an interrupt ends an import that waits for its input, keeps
// what came in, and has an exit code of its own.
func TestImportInterrupted(t *testing.T) {
	t.Parallel() // it waits for a heartbeat
	dir := t.TempDir()
	if err := start(t, "workspace", "create", "acme", "--data", dir).cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	cmd := exec.CommandContext(t.Context(), "parlance", "import", "--data", dir, "--workspace", "acme", "-")
	cmd.Stdin = in
	stderr := new(lockedBuffer)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	// The heartbeat is the first sign that the program has come so far.
	for !strings.Contains(stderr.String(), "import: ") {
		time.Sleep(20 * time.Millisecond)
	}
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
