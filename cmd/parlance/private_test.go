//go:build unix

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever the folder was before, and whatever it holds: others can enter it no more, and can read nothing that is made in it.
func TestOthersAreShutOut(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the umask has no say in this
		t.Fatal(err)
	}
	got := runIn(t, ".", "", "workspace", "create", "acme", "--data", dir)
	if got.code != 0 || strings.Count(got.stderr, "others could enter the store's folder") != 1 {
		t.Errorf("create: %+v", got)
	}
	if got := runIn(t, ".", "", "certificate", "key", "--data", dir); got.code > 1 {
		t.Errorf("certificate key: %+v", got)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
