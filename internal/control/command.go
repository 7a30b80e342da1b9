package control

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"parlance"
)

// A Command is a command line that the program that holds the store is to carry out.
type Command struct {
	Args []string          `json:"args"` // without the program's name
	Env  map[string]string `json:"env"`  // of whoever gives it
	Dir  string            `json:"dir"`  // where relative paths begin
}

// Streams are a command's standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// A Runner carries out a command and returns its exit code, 0 to 255. Ctx ends when whoever gave it interrupts it or goes away.
type Runner func(ctx context.Context, c Command, s Streams) int

// command carries out a command. See [frame].
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
	c, err := readCommand(r.Body)
	if err != nil {
		answerError(w, err)
		return
	}
	ctx, interrupt := context.WithCancel(r.Context())
	defer interrupt()
	var mu sync.Mutex
	send := func(f frame) error {
		mu.Lock()
		defer mu.Unlock()
		if err := writeFrame(w, f); err != nil {
			return err
		}
		return control.Flush()
	}
	in := &input{ctx: ctx, pieces: make(chan []byte), want: func() error { return send(frame{kind: frameWant}) }}
	received := make(chan struct{})
	go func() {
		defer close(received)
		in.receive(r.Body) // until the client closes its side
		interrupt()
	}()
	defer func() { // nobody may read the body once this has returned
		_ = control.SetReadDeadline(time.Now().Add(requestTime))
		<-received
	}()
	w.Header().Set("Connection", "close")
	if send(frame{kind: frameStarted}) != nil { // so that the client has its answer's head at once
		return
	}
	code := h.run(ctx, c, Streams{
		In:  in,
		Out: &writer{frameStdout, send},
		Err: &writer{frameStderr, send},
	})
	_ = send(frame{frameExit, []byte{byte(code)}}) // a client that went away doesn't mind
}

// readCommand reads the frame that a client begins with.
func readCommand(r io.Reader) (c Command, err error) {
	f, err := readFrame(r, string(frameCommand))
	if err == nil {
		err = json.Unmarshal(f.data, &c)
	}
	if err != nil {
		return Command{}, parlance.Wrap(parlance.Invalid, noEOF(err), "the command can't be read")
	}
	return c, nil
}

// An input is the standard input of a command: each read asks the client for a piece, so that none is sent that
// nobody reads.
type input struct {
	ctx    context.Context
	pieces chan []byte // closed at the end
	want   func() error
	rest   []byte
	ended  bool
}

// Read reads what the client's standard input gives.
func (in *input) Read(b []byte) (int, error) {
	if len(in.rest) == 0 && !in.ended {
		if err := in.want(); err != nil {
			return 0, fmt.Errorf("ask for the standard input: %w", err)
		}
		select {
		case piece, more := <-in.pieces:
			in.rest, in.ended = piece, !more
		case <-in.ctx.Done():
			return 0, in.ctx.Err()
		}
	}
	if len(in.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// receive takes pieces from the client until its side ends, or it sends what it must not.
func (in *input) receive(r io.Reader) {
	ended := false
	for {
		f, err := readFrame(r, string(frameInput)+string(frameEnd))
		if err != nil || ended || f.kind == frameInput && len(f.data) == 0 {
			return
		}
		if f.kind == frameEnd {
			close(in.pieces)
			ended = true
			continue
		}
		select {
		case in.pieces <- f.data:
		case <-in.ctx.Done():
			return
		}
	}
}

// A writer sends what is written.
type writer struct {
	kind byte
	send func(frame) error
}

// Write sends b, in several frames if it is long.
func (w *writer) Write(b []byte) (int, error) {
	for sent := 0; sent < len(b); {
		n := min(len(b)-sent, maxPiece)
		if err := w.send(frame{w.kind, b[sent : sent+n]}); err != nil {
			return sent, err
		}
		sent += n
	}
	return len(b), nil
}

// Run gives the program that listens at path a command to carry out, passes on what it reads and prints, and returns its exit code. When
// ctx ends the command is interrupted, and Run waits for its end, but not for whoever doesn't read what it prints: ctx's error says that some
// of it was dropped. Otherwise the error is of kind [parlance.Unavailable] if nobody listens, or the
// other program went away, and of kind [parlance.Conflict] if it speaks another version.
func Run(ctx context.Context, path string, c Command, s Streams) (code int, err error) {
	line, err := json.Marshal(c)
	if err != nil {
		return 0, fmt.Errorf("encode the command: %w", err)
	}
	if len(line) > maxFrame {
		return 0, parlance.Errorf(parlance.Invalid, "the command line and its environment are %d bytes long, at most %d can be handed over", len(line), maxFrame)
	}
	client := httpClient(path)
	defer client.CloseIdleConnections()
	if err := probe(ctx, client, path); err != nil {
		return 0, err
	}
	body, to := io.Pipe()
	defer to.Close()
	wants := make(chan struct{}, 1)
	given, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		if writeFrame(to, frame{frameCommand, line}) == nil {
			pass(given, to, s.In, wants)
		}
		to.Close()
	}()
	req, err := newRequest(context.WithoutCancel(ctx), http.MethodPost, "command", body)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, parlance.Wrap(parlance.Unavailable, err, "connect to the program that holds the store, at %s", path)
	}
	defer resp.Body.Close()
	if err := checkVersion(resp); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		var p part
		if err := gob.NewDecoder(resp.Body).Decode(&p); err != nil || p.err() == nil {
			return 0, parlance.Errorf(parlance.Unavailable, "the program that holds the store answered %s", resp.Status)
		}
		return 0, p.err()
	}
	return follow(ctx, resp.Body, s, wants)
}

// probe finds out that somebody listens at path who speaks this version.
func probe(ctx context.Context, client *http.Client, path string) error {
	req, err := newRequest(ctx, http.MethodGet, "version", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return parlance.Wrap(parlance.Unavailable, err, "connect to the program that holds the store, at %s", path)
	}
	return errors.Join(checkVersion(resp), resp.Body.Close())
}

// follow passes on what a command prints and tells of what it wants, until it ends.
func follow(ctx context.Context, r io.Reader, s Streams, wants chan<- struct{}) (code int, err error) {
	out, talk := &passage{to: s.Out}, &passage{to: s.Err}
	for {
		f, err := readFrame(r, string(frameStarted)+string(frameStdout)+string(frameStderr)+string(frameWant)+string(frameExit))
		if err != nil {
			return 0, parlance.Wrap(parlance.Unavailable, noEOF(err), "the program that holds the store went away")
		}
		to := out
		switch f.kind {
		case frameStarted:
			continue
		case frameWant:
			select {
			case wants <- struct{}{}:
			default: // it asks for one piece at a time
			}
			continue
		case frameExit:
			if len(f.data) != 1 {
				return 0, parlance.Errorf(parlance.Broken, "the program that holds the store answered with no exit code")
			}
			if f.data[0] == 0 && (out.shut || talk.shut) {
				return 0, ctx.Err() // it did all, and not all of that came out
			}
			return int(f.data[0]), nil
		case frameStderr:
			to = talk
		}
		if err := to.write(ctx, f.data); err != nil {
			return 0, fmt.Errorf("pass on what the command prints: %w", err)
		}
	}
}

// patience is for how long somebody who was interrupted waits for whoever reads what a command prints.
const patience = time.Second

// A passage is one of the streams that a command's output is passed on to.
type passage struct {
	to   io.Writer
	shut bool // nobody reads what comes, and the command was interrupted
}

// write passes b on. Once ctx has ended a pipe that is full doesn't hold it up for long: what doesn't go through is dropped, so that the
// other program can come to its end.
func (p *passage) write(ctx context.Context, b []byte) error {
	if p.shut {
		return nil
	}
	written := make(chan error, 1)
	go func() {
		_, err := p.to.Write(b)
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-written:
		return err
	case <-timer.C:
		p.shut = true
		return nil
	}
}

// pass sends a piece of the standard input each time that one is wanted, until ctx ends.
func pass(ctx context.Context, to io.Writer, from io.Reader, wants <-chan struct{}) {
	type piece struct {
		data []byte
		err  error
	}
	pieces := make(chan piece, 1) // a read that nobody waits for any more must not hold the program up
	for {
		select {
		case <-ctx.Done():
			return
		case <-wants:
		}
		go func() {
			b := make([]byte, maxPiece)
			n, err := from.Read(b)
			for n == 0 && err == nil {
				n, err = from.Read(b)
			}
			pieces <- piece{b[:n], err}
		}()
		var p piece
		select {
		case <-ctx.Done():
			return
		case p = <-pieces:
		}
		if len(p.data) > 0 && writeFrame(to, frame{frameInput, p.data}) != nil {
			return
		}
		if p.err == nil {
			continue
		}
		if !errors.Is(p.err, io.EOF) { // half an input must not pass for a whole one
			return
		}
		if writeFrame(to, frame{kind: frameEnd}) != nil {
			return
		}
		<-ctx.Done()
		return
	}
}
