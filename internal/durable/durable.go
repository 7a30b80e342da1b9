// Package durable writes files that a crash leaves whole or not there at all. It hides temporary names and what has to be synced, and
// in which order.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// WriteFile writes a file that others see whole or not at all: under another name, synced, and
// then renamed. What was there under its name stays until then. Only its owner can read it.
//
// Nothing is replaced but an ordinary file of one name that may be written. All else is refused before write is called: a link, a folder, a
// pipe, a device, and a file that has a second name or is read-only.
func WriteFile(name string, write func(io.Writer) error) error {
	if err := mayWrite(name); err != nil {
		return err
	}
	return replace(name, write)
}

// mayWrite reports why a name must stay what it is.
func mayWrite(name string) error {
	info, err := os.Lstat(name)
	switch {
	case name == "":
		return errors.New("the output file's name is empty")
	case errors.Is(err, fs.ErrNotExist):
		if strings.HasSuffix(name, string(filepath.Separator)) {
			return fmt.Errorf("%s is the name of a folder, not of a file", name)
		}
		return nil
	case err != nil:
		return fmt.Errorf("find the output file: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a link: name the file itself, or write to standard output", name)
	case info.IsDir():
		return fmt.Errorf("%s is a folder", name)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no ordinary file: write to standard output and redirect that", name)
	case info.Mode().Perm()&0o222 == 0:
		return fmt.Errorf("%s is read-only", name)
	case hasNames(info):
		return fmt.Errorf("%s has another name as well, under which the old content would stay: remove it first", name)
	}
	return nil
}

// replace writes a file under another name and then gives it its own.
func replace(name string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(name)
	f, err := part(name)
	if err != nil {
		return fmt.Errorf("make the output file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("write the output file: %w", err), f.Close())
	}
	// It is closed after it has its name: until then its lock says that it isn't left over.
	if err := os.Rename(f.Name(), name); err != nil {
		return errors.Join(fmt.Errorf("give the output file its name: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write the output file: %w", err)
	}
	return SyncFolder(dir)
}

// part makes the file that becomes name, and removes those that killed processes left. It is locked as long as it is open, which tells it from them.
func part(name string) (*os.File, error) {
	dir, base := filepath.Dir(name), filepath.Base(name)
	for {
		removeLeft(dir, base)
		f, err := os.CreateTemp(dir, "."+base+".*.part")
		if err != nil {
			return nil, err
		}
		// Not every file system locks. Where this one doesn't, nobody can take the file for left over.
		_ = lock(f, true)
		// Between the two somebody may have taken it for that.
		if _, err := os.Lstat(f.Name()); errors.Is(err, fs.ErrNotExist) {
			f.Close()
			continue
		}
		return f, nil
	}
}

// removeLeft removes what is left of writing a file. What it can't remove stays.
func removeLeft(dir, base string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "."+base+".")
		digits, part := strings.CutSuffix(digits, ".part")
		if _, err := strconv.ParseUint(digits, 10, 64); !ok || !part || err != nil || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		f, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
		if err != nil {
			continue
		}
		if lock(f, false) {
			_ = os.Remove(path)
		}
		f.Close()
	}
}

// SyncFolder makes the names in a folder last.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	return nil
}
