//go:build unix

package main

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// With an address of their own, metrics and health are there and nowhere else.
func TestMetricsApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--json")
	var s serving
	p.read(&s)
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if got := status(t, "GET", s.Metrics+path, ""); got != http.StatusOK {
			t.Errorf("%s there: %d", path, got)
		}
		if got := status(t, "GET", s.URL+path, ""); got != http.StatusNotFound {
			t.Errorf("%s at the main address: %d", path, got)
		}
	}
	if got := status(t, "GET", s.Metrics+"/rooms", ""); got != http.StatusNotFound {
		t.Errorf("an API there: %d", got)
	}
	if code, _ := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
	if got := runIn(t, dir, "", "serve", "--data", dir, "--metrics-listen", "0.0.0.0:0"); got.code != exitUsage {
		t.Errorf("an address for other machines: %+v", got)
	}
}

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
