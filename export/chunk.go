package export

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"parlance"
)

// Bounds of what an import holds at once.
const (
	chunkLines = 4096
	chunkBytes = 2 << 20
	// longLine is from where on a line is long: of those only one is held at a time.
	longLine = chunkBytes
)

// mark is the byte order mark, which may stand at the beginning of a file, and so also where one
// was appended to another.
const mark = "\ufeff"

// A chunk is some thousand lines of a file: first as text, then as items.
type chunk struct {
	text   []byte
	lines  []span
	items  []item
	bad    []LineError
	err    error         // what ended the file early, in its last chunk
	parsed chan struct{} // gets one value when items are ready
	long   chan struct{} // has a value while this chunk holds a long line; nil if it doesn't
}

// span is where a line lies in a chunk's text.
type span struct{ number, from, to int }

// item is a line that could be read.
type item struct {
	line         int
	conversation parlance.ConversationID
	first        first // what the line says of its conversation
	message      parlance.Message
}

func newChunk() *chunk { return &chunk{parsed: make(chan struct{}, 1)} }

// reset empties c and keeps its memory, unless that is much.
func (c *chunk) reset() {
	clear(c.items)
	if c.long != nil {
		c.text = nil
		<-c.long
		c.long = nil
	}
	c.text, c.lines, c.items, c.bad, c.err = c.text[:0], c.lines[:0], c.items[:0], nil, nil
}

// parse makes items of c's lines.
func (c *chunk) parse(file string) {
	var scratch []byte
	for _, s := range c.lines {
		line := c.text[s.from:s.to]
		r, err := ParseRecord(line)
		if err != nil {
			c.bad = append(c.bad, LineError{File: file, Line: s.number, Reason: err.Error()})
			continue
		}
		c.items = append(c.items, item{})
		it := &c.items[len(c.items)-1]
		it.line, it.conversation, it.first = s.number, r.Conversation, first{r.Kind, r.Title}
		it.message, scratch = r.message(line, scratch)
	}
	c.parsed <- struct{}{}
}

// A splitter cuts a file into chunks.
type splitter struct {
	file   string
	r      *bufio.Reader
	number int           // of lines read so far
	long   chan struct{} // see chunk
}

// newSplitter looks at r's first bytes and inflates or converts it if they ask for that.
func newSplitter(file string, r io.Reader) (*splitter, error) {
	b, err := openLines(file, r)
	if err != nil {
		return nil, err
	}
	return &splitter{file: file, r: b, long: make(chan struct{}, 1)}, nil
}

// fill reads the next lines into c and reports whether the file goes on. What ends it
// early is c.err; the line that it cuts off is left out.
func (s *splitter) fill(ctx context.Context, c *chunk) bool {
	for n := 0; n < chunkLines && len(c.text) < chunkBytes; n++ {
		from := len(c.text)
		long, err := s.line(ctx, c)
		if err != nil && err != io.EOF {
			c.text = c.text[:from]
			c.err = fmt.Errorf("read %s, line %d: %w", s.file, s.number+1, err)
			return false
		}
		if err == io.EOF && len(c.text) == from && !long {
			return false
		}
		s.number++
		line := bytes.TrimSuffix(bytes.TrimSuffix(c.text[from:], []byte("\n")), []byte("\r"))
		to := from + len(line)
		if bytes.HasPrefix(line, []byte(mark)) {
			from += len(mark)
		}
		switch {
		case long || to-from > parlance.MaxLine:
			c.text = c.text[:from]
			c.bad = append(c.bad, LineError{File: s.file, Line: s.number, Reason: fmt.Sprintf("longer than %d bytes", parlance.MaxLine)})
		case len(bytes.TrimSpace(c.text[from:to])) > 0:
			c.lines = append(c.lines, span{s.number, from, to})
		}
		if err == io.EOF {
			return false
		}
	}
	return true
}

// line appends the next line to c.text, with its end. Of a line that is too long
// only the beginning is kept.
func (s *splitter) line(ctx context.Context, c *chunk) (long bool, err error) {
	from := len(c.text)
	for {
		part, err := s.r.ReadSlice('\n')
		if !long {
			c.text = append(c.text, part...)
			long = len(c.text)-from > parlance.MaxLine+len(mark+"\r\n")
		}
		if len(c.text)-from > longLine && c.long == nil {
			select {
			case s.long <- struct{}{}:
				c.long = s.long
			case <-ctx.Done():
				return long, ctx.Err()
			}
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return long, err
		}
		if err := ctx.Err(); err != nil {
			return long, err
		}
	}
}
