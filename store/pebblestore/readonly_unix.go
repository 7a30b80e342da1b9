//go:build linux || darwin || freebsd || netbsd || openbsd

package pebblestore

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

const writeAccess = 2 // W_OK

// mayOnlyRead reports whether the folder is there and this process can't write in it. Finding that out by writing would change it
// where some of its files can be written and others can't.
func mayOnlyRead(dir string) bool {
	err := syscall.Access(dir, writeAccess)
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES)
}

// lockToRead keeps out processes that write, where there is a lock that they would take.
func lockToRead(name string) (io.Closer, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(nil), nil
	}
	if err != nil {
		return nil, err
	}
	shared := syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart}
	switch err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &shared); {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES):
		return nil, errors.Join(syscall.EAGAIN, f.Close())
	case err != nil:
		f.Close() // a medium without locks has no writers either
		return io.NopCloser(nil), nil
	}
	return f, nil
}
