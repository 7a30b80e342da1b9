package control

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where there is no /proc, a link makes a long path short, and is gone afterwards.
func TestLinked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	short, err := linked(dir, Socket, nil)
	if err != nil || len(short.name) > maxSocketPath {
		t.Fatalf("%q, %v", short.name, err)
	}
	l, err := net.Listen("unix", short.name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := os.Stat(filepath.Join(dir, Socket)); err != nil {
		t.Error(err)
	}
	if err := short.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Dir(short.name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link after the end: %v", err)
	}
}

// FuzzFrames reads what no client sends: as frames, as a command, as what a command reads and as what it prints. It ends, and takes
// no more memory than what was sent asks for.
func FuzzFrames(f *testing.F) {
	var b bytes.Buffer
	for _, one := range []frame{
		{frameCommand, []byte(`{"args":["mirror","run"],"env":{"PARLANCE_X":"y"},"dir":"/d"}`)},
		{frameInput, []byte("text")},
		{kind: frameEnd},
		{kind: frameStarted},
		{frameStdout, []byte("out")},
		{frameExit, []byte{3}},
	} {
		if err := writeFrame(&b, one); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte{frameCommand, 0, 0x10, 0, 0})
	f.Add([]byte{frameStdout, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		const kinds = "CIESOTWX"
		total := 0
		for r := bytes.NewReader(data); ; {
			one, err := readFrame(r, kinds)
			if err != nil {
				break
			}
			if total += headBytes + len(one.data); total > len(data) {
				t.Fatalf("%d bytes were read of %d", total, len(data))
			}
			var again bytes.Buffer
			if err := writeFrame(&again, one); err != nil || !bytes.Equal(again.Bytes(), data[total-headBytes-len(one.data):total]) {
				t.Fatalf("a frame isn't written as it was read: %v", err)
			}
		}
		// A frame that promises much and holds little takes room for one more piece at most.
		if n := testing.AllocsPerRun(1, func() { _, _ = readFrame(bytes.NewReader(data), kinds) }); n > 16+float64(len(data)/maxPiece)*2 {
			t.Fatalf("%v allocations for %d bytes", n, len(data))
		}
		if c, err := readCommand(bytes.NewReader(data)); err == nil && len(c.Args)+len(c.Env) > len(data) {
			t.Fatalf("a command of %d arguments out of %d bytes", len(c.Args), len(data))
		}
		var out bytes.Buffer
		wants := make(chan struct{}, 1)
		if _, err := follow(t.Context(), bytes.NewReader(data), Streams{Out: &out, Err: &out}, wants); err == nil && out.Len() > len(data) {
			t.Fatalf("%d bytes printed out of %d", out.Len(), len(data))
		}
		in := &input{ctx: t.Context(), pieces: make(chan []byte, 1+len(data)/headBytes), want: func() error { return nil }}
		in.receive(bytes.NewReader(data))
		select {
		case p, more := <-in.pieces:
			if more && len(p) == 0 || len(p) > len(data) {
				t.Fatalf("a piece of %d bytes out of %d", len(p), len(data))
			}
		default:
		}
	})
}
