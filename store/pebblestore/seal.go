package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parlance"
)

// A seal is written into the folder when the store is closed. It names the
// manifest and holds the sizes and sums of all files whose damage Pebble could take for the
// torn end that a crash leaves: it would open the store without the rows behind it. The tables'
// blocks have sums of their own.
//
// Each opening of the store begins a new manifest before it changes any other
// file, so a seal that names another manifest than the current one is out of date and says nothing.
const (
	sealName = "SEAL"
	sealTemp = "SEAL.new"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal writes the seal of the closed store in dir.
func seal(dir string, fsys vfs.FS) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s\n", currentManifest(names))
	for _, name := range names {
		if !sealed(name) {
			continue
		}
		line, err := sealLine(dir, name, fsys)
		if err != nil {
			return err
		}
		text.WriteString(line)
	}
	f, err := fsys.Create(fsys.PathJoin(dir, sealTemp), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(fsys.PathJoin(dir, sealTemp), fsys.PathJoin(dir, sealName)); err != nil {
		return err
	}
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// checkSeal reports a file that isn't as the seal in dir has it, as a
// [parlance.Corrupt] error. A store that wasn't closed has no valid seal.
func checkSeal(dir string, fsys vfs.FS) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	f, err := fsys.Open(fsys.PathJoin(dir, sealName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	manifest, lines, _ := strings.Cut(string(text), "\n")
	if manifest != currentManifest(names) {
		return nil
	}
	for want := range strings.Lines(lines) {
		name, _, _ := strings.Cut(want, " ")
		if !sealed(name) || strings.ContainsAny(name, `/\`) { // no file of this folder's
			return damaged(dir, sealName, nil)
		}
		if line, err := sealLine(dir, name, fsys); err != nil || line != want {
			return damaged(dir, name, err)
		}
	}
	return nil
}

func damaged(dir, name string, cause error) error {
	return parlance.Wrap(parlance.Corrupt, cause,
		"the store in %s is damaged: the file %s isn't as it was written; nothing was changed: restore the folder from a backup", dir, name)
}

func sealed(name string) bool {
	return strings.HasPrefix(name, "MANIFEST-") || strings.HasSuffix(name, ".log")
}

// sealLine returns "name size sum\n" of a file.
func sealLine(dir, name string, fsys vfs.FS) (string, error) {
	e, err := beginning(dir, name, math.MaxInt64, fsys)
	return fmt.Sprintf("%s %d %08x\n", name, e.size, e.sum), err
}

// currentManifest returns the manifest that the newest of the files
// marker.manifest.NUMBER.NAME names; "" if there is none.
func currentManifest(names []string) string {
	markers := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, markerPrefix) })
	if len(markers) == 0 {
		return ""
	}
	_, manifest, _ := strings.Cut(strings.TrimPrefix(slices.Max(markers), markerPrefix), ".")
	return manifest
}

const markerPrefix = "marker.manifest."
