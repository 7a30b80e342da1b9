package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"parlance"
	"parlance/internal/durable"
)

// A Sum is the SHA-256 of a content, and its name.
type Sum [sha256.Size]byte

// String returns s in 64 hexadecimal digits, lower case.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// MarshalText is String.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String returns.
func (s *Sum) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSum(string(b))
	return err
}

// ParseSum reads what String returns; anything else is [parlance.Invalid].
func ParseSum(text string) (Sum, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(Sum{}) || hex.EncodeToString(b) != text {
		return Sum{}, parlance.Errorf(parlance.Invalid, "%q is no SHA-256", text)
	}
	return Sum(b), nil
}

// A Folder keeps contents on disk, each once, in the file ab/ab…: the name is the content's SHA-256, ab its first two
// digits. A file that has its name is whole and durable. Several processes may use one folder.
type Folder struct{ dir string }

// unfinished is the folder's part for files that are being written.
const unfinished = "unfinished"

// abandoned is how old an unfinished file is that nobody writes to any more; no fetch takes as long.
const abandoned = time.Hour

// OpenFolder opens the folder, and makes it if there is none. Unfinished files that have not been written to for an hour
// before now are removed: a crash left them.
func OpenFolder(dir string, now parlance.Time) (*Folder, error) {
	f := &Folder{dir}
	part := filepath.Join(dir, unfinished)
	if err := os.MkdirAll(part, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of files: %w", err)
	}
	torn, err := os.ReadDir(part)
	if err != nil {
		return nil, fmt.Errorf("open the folder of files: %w", err)
	}
	for _, e := range torn {
		if is, err := f.putBack(e.Name()); err != nil {
			return nil, err
		} else if is {
			continue
		}
		i, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process has finished it
		}
		if err != nil {
			return nil, fmt.Errorf("open the folder of files: %w", err)
		}
		if now.Std().Sub(i.ModTime()) < abandoned {
			continue
		}
		if err := os.Remove(filepath.Join(part, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove an unfinished file: %w", err)
		}
	}
	return f, nil
}

// ReadFolder opens a folder that can't be written, and changes nothing in it: storing fails. It is no error if there is none; then it
// holds nothing.
func ReadFolder(dir string) *Folder { return &Folder{dir} }

// Dir returns where the folder is.
func (f *Folder) Dir() string { return f.dir }

func (f *Folder) path(s Sum) string {
	name := s.String()
	return filepath.Join(f.dir, name[:2], name)
}

// Store keeps what r gives up to its end, durably, and returns its name and size. If r fails, nothing is kept
// and the error is r's, as a [*ReadError].
func (f *Folder) Store(r io.Reader) (sum Sum, size int64, err error) {
	sum, size, _, err = f.store(r)
	return sum, size, err
}

// store is Store, and tells whether the content wasn't there before.
func (f *Folder) store(r io.Reader) (sum Sum, size int64, fresh bool, err error) {
	tmp, err := os.CreateTemp(filepath.Join(f.dir, unfinished), "*") // 0600
	if err != nil {
		return Sum{}, 0, false, fmt.Errorf("store a file: %w", err)
	}
	defer func() {
		tmp.Close()
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	h := sha256.New()
	from := &source{r: r}
	size, err = io.Copy(io.MultiWriter(tmp, h), from)
	if from.err != nil {
		err = &ReadError{from.err}
		return Sum{}, 0, false, err
	}
	if err != nil {
		return Sum{}, 0, false, fmt.Errorf("store a file: %w", err)
	}
	sum = Sum(h.Sum(nil))
	if fresh, err = f.finish(tmp, sum, size); err != nil {
		return Sum{}, 0, false, fmt.Errorf("store a file: %w", err)
	}
	return sum, size, fresh, nil
}

// finish gives a written file its name, unless it stands there already.
func (f *Folder) finish(tmp *os.File, sum Sum, size int64) (fresh bool, err error) {
	path := f.path(sum)
	if f.keep(sum, size) {
		return false, os.Remove(tmp.Name()) // it stands there already, and durably
	}
	return true, f.name(tmp, path)
}

func (f *Folder) name(tmp *os.File, path string) error {
	if err := tmp.Sync(); err != nil {
		return err
	}
	part := filepath.Dir(path)
	switch err := os.Mkdir(part, 0o700); {
	case err == nil:
		if err := durable.SyncFolder(f.dir); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return durable.SyncFolder(part)
}

// A ReadError says that a content could not be read from where it came from; the folder is as it was.
type ReadError struct{ Err error }

// Error returns the cause's text.
func (e *ReadError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// A source keeps apart the errors of reading from those of writing.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped EOF is no end
		s.err = err
	}
	return n, err
}

// Open opens a content for reading, [parlance.NotFound] if the folder doesn't have it. The caller closes it.
func (f *Folder) Open(s Sum) (*os.File, error) {
	file, err := os.Open(f.path(s))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, parlance.Errorf(parlance.NotFound, "the folder of files has no %s", s)
	}
	if err != nil {
		return nil, fmt.Errorf("open a file: %w", err)
	}
	return file, nil
}

// Size returns how many bytes a content has, [parlance.NotFound] if the folder doesn't have it.
func (f *Folder) Size(s Sum) (int64, error) {
	i, err := os.Stat(f.path(s))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, parlance.Errorf(parlance.NotFound, "the folder of files has no %s", s)
	}
	if err != nil {
		return 0, fmt.Errorf("look for a file: %w", err)
	}
	return i.Size(), nil
}

// Check reads a content and compares it with its name: [parlance.Corrupt] if it is another one, [parlance.NotFound]
// if the folder doesn't have it.
func (f *Folder) Check(ctx context.Context, s Sum) error {
	file, err := f.Open(s)
	if err != nil {
		return err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &stoppable{ctx, file}); err != nil {
		return fmt.Errorf("read file %s: %w", s, err)
	}
	if got := Sum(h.Sum(nil)); got != s {
		return parlance.Errorf(parlance.Corrupt, "file %s holds something else, of SHA-256 %s", s, got)
	}
	return nil
}

// Drop removes a content, for who has found that it is damaged. It is no error if there is none.
func (f *Folder) Drop(s Sum) error {
	if err := os.Remove(f.path(s)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a file: %w", err)
	}
	return nil
}

// A stoppable reader ends when its context does.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(b)
}

// All names the contents, bytewise.
func (f *Folder) All() iter.Seq2[Sum, error] {
	return func(yield func(Sum, error) bool) {
		parts, err := os.ReadDir(f.dir)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(Sum{}, fmt.Errorf("list the folder of files: %w", err))
			return
		}
		for _, part := range parts {
			if len(part.Name()) != 2 || !part.IsDir() {
				continue
			}
			names, err := os.ReadDir(filepath.Join(f.dir, part.Name()))
			if err != nil {
				yield(Sum{}, fmt.Errorf("list the folder of files: %w", err))
				return
			}
			for _, e := range names {
				s, err := ParseSum(e.Name())
				if err != nil {
					continue // not ours
				}
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}
