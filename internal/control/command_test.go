package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

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
	path := runner(t, func(_ context.Context, c control.Command, s control.Streams) int {
		fmt.Fprintln(s.Err, "talk")
		fmt.Fprint(s.Out, strings.Join(c.Args, " "), " ", c.Env["PARLANCE_X"], " ", c.Dir)
		return 3
	})
	var out, talk bytes.Buffer
	code, err := control.Run(t.Context(), path, control.Command{Args: []string{"mirror", "run"}, Env: map[string]string{"PARLANCE_X": "y"}, Dir: "/d"}, control.Streams{Out: &out, Err: &talk})
	if err != nil || code != 3 || out.String() != "mirror run y /d" || talk.String() != "talk\n" {
		t.Errorf("got %d, %v, %q and %q", code, err, out.String(), talk.String())
	}
}

// An interrupted command still says how far it came.
func TestCommandInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	path := runner(t, func(ctx context.Context, _ control.Command, s control.Streams) int {
		interrupt()
		<-ctx.Done()
		fmt.Fprint(s.Out, "until then")
		return 130
	})
	var out bytes.Buffer
	code, err := control.Run(ctx, path, control.Command{}, control.Streams{Out: &out, Err: io.Discard})
	if err != nil || code != 130 || out.String() != "until then" {
		t.Errorf("got %d, %v and %q", code, err, out.String())
	}
}

// A caller that is interrupted while nobody reads its output comes to its end, and so does the work; what it has to say is still said.
func TestCommandInterruptedWithAFullPipe(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	path := runner(t, func(ctx context.Context, _ control.Command, s control.Streams) int {
		for ctx.Err() == nil {
			s.Out.Write(make([]byte, 1<<16))
		}
		fmt.Fprint(s.Err, "interrupted")
		return 130
	})
	unread, full := io.Pipe()
	defer unread.Close()
	go func() {
		unread.Read(make([]byte, 1)) // as head does, which then keeps the pipe open
		interrupt()
	}()
	var talk bytes.Buffer
	code, err := control.Run(ctx, path, control.Command{}, control.Streams{Out: full, Err: &talk})
	if err != nil || code != 130 || talk.String() != "interrupted" {
		t.Errorf("got %d, %v and %q", code, err, talk.String())
	}
}

func TestCommandWithNobodyThere(t *testing.T) {
	_, err := control.Run(t.Context(), filepath.Join(t.TempDir(), "nothing"), control.Command{}, control.Streams{Out: io.Discard, Err: io.Discard})
	if !errors.Is(err, parlance.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
	if _, err := control.Run(t.Context(), hold(t).path, control.Command{}, control.Streams{Out: io.Discard, Err: io.Discard}); !errors.Is(err, parlance.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
}

// What a command reads is what its caller's standard input gives, piece by piece and only as much as it asks for.
func TestCommandReads(t *testing.T) {
	path := runner(t, func(_ context.Context, c control.Command, s control.Streams) int {
		if len(c.Args) == 0 {
			return 0 // reads nothing
		}
		b, err := io.ReadAll(s.In)
		if err != nil {
			fmt.Fprint(s.Err, err)
		}
		s.Out.Write(b)
		return 200
	})
	want := strings.Repeat("0123456789abcdef", 1<<16)
	var out, talk bytes.Buffer
	code, err := control.Run(t.Context(), path, control.Command{Args: []string{"x"}}, control.Streams{In: strings.NewReader(want), Out: &out, Err: &talk})
	if err != nil || code != 200 || out.String() != want || talk.String() != "" {
		t.Errorf("got %d, %v, %d bytes and %q", code, err, out.Len(), talk.String())
	}
	code, err = control.Run(t.Context(), path, control.Command{}, control.Streams{In: touchy{t}, Out: io.Discard, Err: io.Discard})
	if err != nil || code != 0 {
		t.Errorf("got %d, %v", code, err)
	}
	// An input that fails interrupts the command: what came must not pass for all.
	code, err = control.Run(t.Context(), path, control.Command{Args: []string{"x"}}, control.Streams{
		In: io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("unreadable"))), Out: io.Discard, Err: &talk,
	})
	if err != nil || code != 200 || talk.String() != context.Canceled.Error() {
		t.Errorf("got %d, %v and %q", code, err, talk.String())
	}
}

// A touchy reader must not be read.
type touchy struct{ t *testing.T }

func (r touchy) Read([]byte) (int, error) {
	r.t.Error("an input that nobody wants is read")
	return 0, io.EOF
}

// A program of another version is refused with a sentence that says so, on both sides.
func TestOtherVersion(t *testing.T) {
	path := runner(t, func(context.Context, control.Command, control.Streams) int {
		t.Error("a command of another version is carried out")
		return 0
	})
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	for _, v := range []string{"", "1", "99", strings.Repeat("9", 100)} {
		for _, call := range []string{"command", "get", "thaw"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://parlance/"+call, strings.NewReader(`{"args":[]}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Parlance-Control", v)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(b), "start the same parlance at both ends") {
				t.Errorf("version %.5q, %s: %s, %q", v, call, resp.Status, b)
			}
		}
	}

	// One of the time before there were versions answers without the header.
	old := filepath.Join(t.TempDir(), "old.sock")
	l, err := control.Listen(old)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	const want = "the parlance that holds the store speaks version \"1\""
	if _, err := control.Run(t.Context(), old, control.Command{}, control.Streams{Out: io.Discard, Err: io.Discard}); !errors.Is(err, parlance.Conflict) || !strings.Contains(err.Error(), want) {
		t.Errorf("Run: %v", err)
	}
	if _, err := control.Dial(t.Context(), old); !errors.Is(err, parlance.Conflict) || !strings.Contains(err.Error(), want) {
		t.Errorf("Dial: %v", err)
	}
}

// A socket whose path is too long for the system works all the same.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40), strings.Repeat("longer", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, control.Socket)
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() {
		run := func(context.Context, control.Command, control.Streams) int { return 7 }
		if err := control.Serve(ctx, l, nil, nil, run); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	if code, err := control.Run(t.Context(), path, control.Command{}, control.Streams{}); err != nil || code != 7 {
		t.Errorf("got %d, %v", code, err)
	}
	cancel()
	served.Wait()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket after the end: %v", err)
	}
}
