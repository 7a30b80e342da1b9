package control

import (
	"encoding/binary"
	"fmt"
	"io"

	"parlance"
)

// A frame is a piece of a command's conversation: its kind, the length of what it holds in four bytes, most significant
// first, and that. The client sends the command first, and a piece of its input each time that it is asked for one; the
// end of its side interrupts the command. The program sends what the command prints, and its exit code last.
type frame struct {
	kind byte
	data []byte
}

// The kinds of frames.
const (
	frameCommand = 'C' // to the program: the command, in JSON
	frameInput   = 'I' // a piece of the standard input, never an empty one
	frameEnd     = 'E' // the standard input is at its end
	frameStarted = 'S' // from the program: the command is known and begins
	frameStdout  = 'O'
	frameStderr  = 'T'
	frameWant    = 'W' // the command wants a piece of its standard input
	frameExit    = 'X' // one byte: the exit code
)

const (
	maxFrame  = 1 << 20 // of what a frame holds, in bytes
	maxPiece  = 64 << 10
	headBytes = 5
)

// writeFrame writes a frame in one piece.
func writeFrame(w io.Writer, f frame) error {
	if len(f.data) > maxFrame {
		return parlance.Errorf(parlance.Invalid, "the command is %d bytes long, at most %d are taken", len(f.data), maxFrame)
	}
	b := make([]byte, headBytes, headBytes+len(f.data))
	b[0] = f.kind
	binary.BigEndian.PutUint32(b[1:], uint32(len(f.data)))
	_, err := w.Write(append(b, f.data...))
	return err
}

// readFrame reads a frame of one of the kinds. The error is io.EOF at an end between two frames. It takes no more memory
// than what came, whatever the length says.
func readFrame(r io.Reader, kinds string) (frame, error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{kind: head[0]}
	n := binary.BigEndian.Uint32(head[1:])
	known := false
	for i := range len(kinds) {
		known = known || kinds[i] == f.kind
	}
	if !known || n > maxFrame {
		return frame{}, parlance.Errorf(parlance.Invalid, "this is no frame: it begins with %x", head)
	}
	for n > 0 {
		piece := min(n, maxPiece)
		have := len(f.data)
		f.data = append(f.data, make([]byte, piece)...)
		if _, err := io.ReadFull(r, f.data[have:]); err != nil {
			return frame{}, fmt.Errorf("a frame is cut short: %w", noEOF(err))
		}
		n -= piece
	}
	return f, nil
}

// noEOF makes an end that came too early one.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
