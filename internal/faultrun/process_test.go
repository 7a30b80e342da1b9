package faultrun

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// build builds the program and returns its path.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "parlance")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "parlance/cmd/parlance").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return program
}

// environment is ours without what would change the program's settings.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PARLANCE_") {
			env = append(env, v)
		}
	}
	return env
}

// run runs the program to its end and decodes the one line that it prints.
func run(ctx context.Context, program string, result any, args ...string) error {
	cmd := exec.CommandContext(ctx, program, append(args, "--json")...)
	cmd.Env = environment()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if len(out) > 0 {
		if err := json.Unmarshal(out, result); err != nil {
			return fmt.Errorf("decode what %s printed: %w", args[0], err)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, stderr.String())
	}
	return nil
}

// A process is a Parlance server that can be killed and started again, at another address each time.
type process struct {
	program string
	args    []string
	log     string // file
	url     atomic.Value
	cmd     *exec.Cmd
	done    chan error // gets how it ended
}

// start starts the server and waits until it listens.
func (p *process) start(ctx context.Context) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd = exec.Command(p.program, p.args...)
	p.cmd.Env, p.cmd.Stderr, p.cmd.SysProcAttr = environment(), log, dieWithParent()
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	started, done := make(chan error), make(chan error, 1)
	first := make(chan []byte, 1)
	go func() {
		// On Linux a child dies with the thread that started it, so that one stays.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		lines := bufio.NewScanner(out)
		lines.Scan()
		first <- lines.Bytes()
		done <- p.cmd.Wait()
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start a server: %w", err)
	}
	p.done = done
	select {
	case <-ctx.Done():
		return ctx.Err()
	case line := <-first:
		var serving struct{ URL string }
		if err := json.Unmarshal(line, &serving); err != nil {
			return fmt.Errorf("a server doesn't say where it listens, but %q:\n%s", line, p.lastWords())
		}
		p.url.Store(serving.URL)
		return nil
	}
}

// kill ends the server as a loss of power would.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill a server: %w", err)
	}
	<-p.done
	return nil
}

// stop asks the server to end, which it does without an error.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stop a server: %w", err)
	}
	return <-p.done
}

func (p *process) lastWords() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-4096):])
}
