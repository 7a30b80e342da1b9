package control

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"parlance"
)

// A Command is a command line that the program that holds the store is to carry out.
type Command struct {
	Args []string          `json:"args"` // without the program's name
	Env  map[string]string `json:"env"`  // of who gives it
	Dir  string            `json:"dir"`  // where relative paths begin
}

// A Runner carries out a command and returns its exit code. Ctx ends when who gave it interrupts it or goes away.
type Runner func(ctx context.Context, c Command, stdout, stderr io.Writer) int

// An output is a piece of what a command prints, or, in the last one, its exit code.
type output struct {
	Err  bool // for stderr
	Text []byte
	Last bool
	Code int
}

// command carries out a command. The request's body is the command, one line of JSON, and stays open after it: its end interrupts the
// command.
func (h *server) command(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	err := control.EnableFullDuplex() // else answering waits for the body's end
	if err == nil && h.run == nil {
		err = parlance.Errorf(parlance.Unavailable, "this program carries out no commands")
	}
	if err != nil {
		answerError(w, err)
		return
	}
	in := json.NewDecoder(r.Body)
	var c Command
	if err := in.Decode(&c); err != nil {
		answerError(w, parlance.Wrap(parlance.Invalid, err, "the command can't be read"))
		return
	}
	ctx, interrupt := context.WithCancel(r.Context())
	defer interrupt()
	go func() {
		_, _ = io.Copy(io.Discard, in.Buffered())
		_, _ = io.Copy(io.Discard, r.Body) // ends when the client closes its side, and with the request
		interrupt()
	}()

	var mu sync.Mutex
	out := gob.NewEncoder(w)
	send := func(o output) error {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(o); err != nil {
			return err
		}
		return control.Flush()
	}
	if send(output{}) != nil { // so that the client has its answer's head at once
		return
	}
	code := h.run(ctx, c, writer(func(b []byte) error { return send(output{Text: b}) }),
		writer(func(b []byte) error { return send(output{Err: true, Text: b}) }))
	_ = send(output{Last: true, Code: code}) // a client that went away doesn't mind
}

// A writer is a function that takes what is written.
type writer func(b []byte) error

// Write hands b over.
func (w writer) Write(b []byte) (int, error) {
	if err := w(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Run has the program that listens at path carry out a command, passes on what it prints, and returns its exit code. When ctx ends the
// command is interrupted, and Run waits for its end. The error is of kind [parlance.Unavailable] if nobody listens, or the other
// program went away.
func Run(ctx context.Context, path string, c Command, stdout, stderr io.Writer) (code int, err error) {
	line, err := json.Marshal(c)
	if err != nil {
		return 0, fmt.Errorf("encode the command: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
		DisableCompression: true,
	}}
	defer client.CloseIdleConnections()
	body, stay := io.Pipe()
	defer stay.Close()
	go func() {
		if _, err := stay.Write(append(line, '\n')); err == nil {
			<-ctx.Done()
		}
		stay.Close()
	}()
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "http://parlance/command", body)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, parlance.Wrap(parlance.Unavailable, err, "connect to the program that holds the store, at %s", path)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var p part
		if err := gob.NewDecoder(resp.Body).Decode(&p); err != nil || p.err() == nil {
			return 0, parlance.Errorf(parlance.Unavailable, "the program that holds the store answered %s", resp.Status)
		}
		return 0, p.err()
	}
	for in := gob.NewDecoder(resp.Body); ; {
		var o output
		if err := in.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, parlance.Wrap(parlance.Unavailable, err, "the program that holds the store went away")
		}
		if o.Last {
			return o.Code, nil
		}
		to := stdout
		if o.Err {
			to = stderr
		}
		if _, err := io.Copy(to, bytes.NewReader(o.Text)); err != nil {
			return 0, fmt.Errorf("pass on what the command prints: %w", err)
		}
	}
}
