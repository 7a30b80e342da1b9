package export

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Bounds of what reading a file holds.
const (
	readBuffer  = 64 << 10
	maxWindow   = 128 << 20 // of zstd, which says how far back it looks: what its own program takes too
	maxWrapping = 3         // of one form in another: compressed twice, then UTF-16
)

// refused are forms that can be told by their first bytes and aren't read.
var refused = []struct{ magic, what string }{
	{"PK\x03\x04", "a ZIP archive; unpack it first"},
	{"PK\x05\x06", "an empty ZIP archive"},
	{"BZh", "compressed with bzip2, which isn't read: use gzip or zstd, or unpack it first"},
	{"\xfd7zXZ\x00", "compressed with xz, which isn't read: use gzip or zstd, or unpack it first"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"},
	{"Rar!\x1a\x07", "a RAR archive; unpack it first"},
	{"\x04\x22\x4d\x18", "compressed with lz4, which isn't read: use gzip or zstd, or unpack it first"},
	{"\xff\xfe\x00\x00", "UTF-32; write it as UTF-8"},
	{"\x00\x00\xfe\xff", "UTF-32; write it as UTF-8"},
	{"{\x00", "UTF-16 without a byte order mark; write it as UTF-8"},
	{"\x00{", "UTF-16 without a byte order mark; write it as UTF-8"},
}

// openLines returns a reader of a file's lines as UTF-8, each ended by a line feed. What is compressed
// with gzip or zstd is inflated, and UTF-16 with a byte order mark converted.
func openLines(file string, r io.Reader) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, readBuffer)
	for range maxWrapping {
		inner, err := unwrap(b)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if inner == nil {
			break
		}
		b = bufio.NewReaderSize(inner, readBuffer)
	}
	if onlyReturns(b) {
		b = bufio.NewReaderSize(returnsReader{b}, readBuffer)
	}
	return b, nil
}

// unwrap returns what is inside b if it is of another form than lines of UTF-8, nil if it isn't.
func unwrap(b *bufio.Reader) (io.Reader, error) {
	magic, err := b.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	has := func(s string) bool { return bytes.HasPrefix(magic, []byte(s)) }
	for _, f := range refused {
		if has(f.magic) {
			return nil, fmt.Errorf("it is %s", f.what)
		}
	}
	const tar, at = "ustar", 257
	if head, _ := b.Peek(min(b.Buffered(), at+len(tar))); bytes.HasPrefix(head[min(at, len(head)):], []byte(tar)) {
		return nil, errors.New("it is a tar archive; unpack it first")
	}
	switch {
	case has("\x1f\x8b"):
		return newGzip(b)
	case has("\x28\xb5\x2f\xfd"):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("inflate it as zstd: %w", err)
		}
		return zstdReader{z}, nil
	case has("\xff\xfe"), has("\xfe\xff"):
		return transform.NewReader(b, unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder()), nil
	}
	return nil, nil
}

// A gzipReader reads gzip's members one after the other. [gzip.Reader] would too, but takes zeros after the last, with
// which tapes and block devices fill up, for damage.
type gzipReader struct {
	b *bufio.Reader
	z *gzip.Reader
}

func newGzip(b *bufio.Reader) (*gzipReader, error) {
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, inflating("gzip", err)
	}
	z.Multistream(false)
	return &gzipReader{b, z}, nil
}

// Read reads what was compressed.
func (g *gzipReader) Read(p []byte) (int, error) {
	for {
		n, err := g.z.Read(p)
		if n > 0 || err == nil {
			return n, nil // the error comes again
		}
		if err != io.EOF {
			return 0, inflating("gzip", err)
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
}

// next begins the next member. The error is io.EOF if there is none.
func (g *gzipReader) next() error {
	for {
		c, err := g.b.ReadByte()
		if err != nil {
			return err
		}
		if c == 0 {
			continue
		}
		if err := g.b.UnreadByte(); err != nil {
			return err
		}
		if magic, _ := g.b.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
			return errTail("gzip")
		}
		if err := g.z.Reset(g.b); err != nil {
			return inflating("gzip", err)
		}
		g.z.Multistream(false)
		return nil
	}
}

// A zstdReader tells the errors of a decoder.
type zstdReader struct{ z *zstd.Decoder }

// Read reads what was compressed.
func (r zstdReader) Read(p []byte) (int, error) {
	n, err := r.z.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, zstd.ErrMagicMismatch):
		return n, errTail("zstd")
	}
	return n, inflating("zstd", err)
}

func errTail(form string) error {
	return fmt.Errorf("behind the %s data comes something that is none", form)
}

// inflating says what is wrong with compressed data.
func inflating(form string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return fmt.Errorf("the %s data is cut short: %w", form, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("inflate it as %s: %w", form, err)
}

// onlyReturns reports whether b's lines end in a carriage return alone, as far as its first bytes tell.
func onlyReturns(b *bufio.Reader) bool {
	b.Peek(1) // reads as much as comes at once; an error comes again
	head, _ := b.Peek(b.Buffered())
	_, after, found := bytes.Cut(head, []byte("}\r"))
	after = bytes.TrimLeft(after, "\r \t")
	return found && bytes.IndexByte(head, '\n') < 0 && (len(after) == 0 || after[0] == '{')
}

// A returnsReader reads carriage returns as line feeds. A string can't hold one.
type returnsReader struct{ r io.Reader }

// Read reads r.
func (r returnsReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	for i, c := range p[:n] {
		if c == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}
