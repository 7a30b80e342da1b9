package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parlance"
	"parlance/internal/control"
)

// runner serves commands with run, and returns the socket's path.
func runner(t *testing.T, run control.Runner) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), control.Socket)
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() {
		if err := control.Serve(ctx, l, nil, nil, run); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); served.Wait() })
	return path
}

func TestCommand(t *testing.T) {
	path := runner(t, func(_ context.Context, c control.Command, stdout, stderr io.Writer) int {
		fmt.Fprintln(stderr, "talk")
		fmt.Fprint(stdout, strings.Join(c.Args, " "), " ", c.Env["PARLANCE_X"], " ", c.Dir)
		return 3
	})
	var out, talk bytes.Buffer
	code, err := control.Run(t.Context(), path, control.Command{Args: []string{"mirror", "run"}, Env: map[string]string{"PARLANCE_X": "y"}, Dir: "/d"}, &out, &talk)
	if err != nil || code != 3 || out.String() != "mirror run y /d" || talk.String() != "talk\n" {
		t.Errorf("got %d, %v, %q and %q", code, err, out.String(), talk.String())
	}
}

// An interrupted command still says how far it came.
func TestCommandInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	path := runner(t, func(ctx context.Context, _ control.Command, stdout, _ io.Writer) int {
		interrupt()
		<-ctx.Done()
		fmt.Fprint(stdout, "until then")
		return 130
	})
	var out bytes.Buffer
	code, err := control.Run(ctx, path, control.Command{}, &out, io.Discard)
	if err != nil || code != 130 || out.String() != "until then" {
		t.Errorf("got %d, %v and %q", code, err, out.String())
	}
}

func TestCommandWithNobodyThere(t *testing.T) {
	_, err := control.Run(t.Context(), filepath.Join(t.TempDir(), "nothing"), control.Command{}, io.Discard, io.Discard)
	if !errors.Is(err, parlance.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
	if _, err := control.Run(t.Context(), hold(t).path, control.Command{}, io.Discard, io.Discard); !errors.Is(err, parlance.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
}
