package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// maxSocketPath is the longest path that all systems take for a socket, in bytes.
const maxSocketPath = 100

// A shortPath is another name of a socket's, short enough for the system. It holds until it is closed.
type shortPath struct {
	name  string
	close func() error
}

// shorten returns a name for the socket at path that the system takes, whatever path's length. The folder that it is in is
// reached through its descriptor where there is /proc, else through a symbolic link in a folder of our own.
func shorten(path string) (shortPath, error) {
	if len(path) <= maxSocketPath {
		return shortPath{path, func() error { return nil }}, nil
	}
	dir, base := filepath.Split(path)
	d, err := os.Open(dir)
	if err != nil {
		return shortPath{}, err
	}
	through := filepath.Join("/proc/self/fd", strconv.Itoa(int(d.Fd())))
	if same(through, d) {
		return shortPath{filepath.Join(through, base), d.Close}, nil
	}
	return linked(dir, base, d.Close())
}

// same reports whether name is the open folder d.
func same(name string, d *os.File) bool {
	one, err := os.Stat(name)
	other, err2 := d.Stat()
	return err == nil && err2 == nil && os.SameFile(one, other)
}

// linked is shorten by way of a symbolic link.
func linked(dir, base string, err error) (shortPath, error) {
	if err != nil {
		return shortPath{}, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return shortPath{}, err
	}
	parent := os.TempDir()
	if len(parent) > maxSocketPath/2 {
		parent = "/tmp"
	}
	own, err := os.MkdirTemp(parent, "parlance")
	if err != nil {
		return shortPath{}, err
	}
	remove := func() error { return os.RemoveAll(own) }
	link := filepath.Join(own, "d")
	if err := os.Symlink(dir, link); err != nil {
		return shortPath{}, errors.Join(err, remove())
	}
	return shortPath{filepath.Join(link, base), remove}, nil
}

// dial connects to the socket at path.
func dial(ctx context.Context, path string) (net.Conn, error) {
	short, err := shorten(path)
	if err != nil {
		return nil, err
	}
	c, err := new(net.Dialer).DialContext(ctx, "unix", short.name)
	if e := short.close(); err == nil && e != nil {
		return nil, errors.Join(e, c.Close())
	}
	return c, err
}

// A listener removes its socket by its own name when it is closed.
type listener struct {
	*net.UnixListener
	path string
}

// Close stops listening and removes the socket.
func (l *listener) Close() error {
	err := l.UnixListener.Close()
	if e := os.Remove(l.path); err == nil && e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = e
	}
	return err
}

// Listen listens on a socket at path that only the owner can use, however long the path is. A socket that stands there is
// replaced: whoever listens holds the store, so nobody else does. Closing the listener removes it.
func Listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the old control socket: %w", err)
	}
	short, err := shorten(path)
	if err != nil {
		return nil, fmt.Errorf("listen on the control socket: %w", err)
	}
	u, err := net.ListenUnix("unix", &net.UnixAddr{Name: short.name, Net: "unix"})
	if err = errors.Join(err, short.close()); err != nil {
		return nil, fmt.Errorf("listen on the control socket: %w", err)
	}
	u.SetUnlinkOnClose(false) // it knows the short name only
	l := &listener{u, path}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect the control socket: %w", err), l.Close())
	}
	return l, nil
}
