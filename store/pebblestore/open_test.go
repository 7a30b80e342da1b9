package pebblestore

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"parlance"
	"parlance/store/driver"
)

const holder = "PARLANCE_TEST_HOLD_STORE"

// TestMain lets the test binary be the other process that holds a store.
func TestMain(m *testing.M) {
	dir := os.Getenv(holder)
	if dir == "" {
		os.Exit(m.Run())
	}
	e, err := Open(dir, quiet(nil))
	if err != nil {
		fmt.Println("not open:", err)
		os.Exit(1)
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin) // until the test lets go
	if err := e.Close(); err != nil {
		os.Exit(1)
	}
}

func TestOtherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), holder+"="+dir)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "open\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	_, err = Open(dir, quiet(nil))
	wantKind(t, err, parlance.Unavailable)
	if !errors.Is(err, ErrInUse) {
		t.Errorf("%v isn't ErrInUse", err)
	}
	if want := "the store in " + dir + " is in use by another process"; !strings.Contains(err.Error(), want) {
		t.Errorf("got error %q, want %q", err, want)
	}
	stdin.Close()
	if err := other.Wait(); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, open(t, dir, quiet(nil)))
}

func TestOpenTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	e := open(t, dir, quiet(nil))
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, link, dir + "/../store"} {
		_, err := Open(name, quiet(nil))
		wantKind(t, err, parlance.Unavailable)
		if !strings.Contains(err.Error(), "in use by this process") || !errors.Is(err, ErrInUse) {
			t.Errorf("open %s: %v", name, err)
		}
	}
	closeEngine(t, e)
	closeEngine(t, open(t, link, quiet(nil)))
}

// contents returns a sum of each of the folder's files; LOCK, which holds nothing, aside.
func contents(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	sums := map[string][32]byte{}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "LOCK" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sums[f.Name()] = sha256.Sum256(b)
	}
	return sums
}

func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(file, []byte("chapter 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	_, err := Open(dir, quiet(nil))
	wantKind(t, err, parlance.Invalid)
	if !strings.Contains(err.Error(), "thesis.txt") {
		t.Errorf("the error doesn't say which file: %v", err)
	}
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Errorf("the folder was changed: %v", after)
	}
	if _, err := os.Stat(filepath.Join(dir, "LOCK")); err == nil {
		t.Error("a lock was left in the folder")
	}
	_, err = Open(file, quiet(nil))
	wantKind(t, err, parlance.Invalid)
	_, err = Open(filepath.Join(file, "below"), quiet(nil))
	wantKind(t, err, parlance.Invalid)
}

// storeOnDisk leaves a store of n entries in tables and as many in the log.
func storeOnDisk(t *testing.T, n, size int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	e := open(t, dir, quiet(nil))
	for i := 1; i <= 2*n; i++ {
		if err := appendEntry(e, i, size); err != nil {
			t.Fatal(err)
		}
		if i == n {
			if err := e.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeEngine(t, e)
	return dir
}

func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no file %s, %v", pattern, err)
	}
	return names[len(names)-1]
}

func edit(t *testing.T, file string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func flip(at float64) func([]byte) []byte {
	return func(b []byte) []byte {
		i := int(at * float64(len(b)))
		for j := i; j < min(i+8, len(b)); j++ {
			b[j] ^= 0x55
		}
		return b
	}
}

func half(b []byte) []byte { return b[:len(b)/2] }

func TestNewerFormat(t *testing.T) {
	dir := storeOnDisk(t, 5, 10)
	marker := one(t, dir, "marker.format-version.*")
	newer := marker[:strings.LastIndexByte(marker, '.')] + ".999"
	if err := os.Rename(marker, newer); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	_, err := Open(dir, quiet(nil))
	wantKind(t, err, parlance.Invalid)
	if !strings.Contains(err.Error(), "newer program") {
		t.Errorf("the error doesn't say what to do: %v", err)
	}
	if !maps.Equal(before, contents(t, dir)) {
		t.Error("the folder was changed")
	}
	if err := os.Rename(newer, marker); err != nil {
		t.Fatal(err)
	}
	e := open(t, dir, quiet(nil))
	wantLength(t, e, 10, 10, 10)
	closeEngine(t, e)
}

func TestDamageFoundAtOpen(t *testing.T) {
	remove := func(pattern string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(one(t, dir, pattern)); err != nil {
				t.Fatal(err)
			}
		}
	}
	change := func(pattern string, how func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { edit(t, one(t, dir, pattern), how) }
	}
	tests := map[string]struct {
		damage func(*testing.T, string)
		names  string // part of the damaged file's name
	}{
		"no manifest":         {remove("MANIFEST-*"), "MANIFEST"},
		"no manifest marker":  {remove("marker.manifest.*"), "marker.manifest"},
		"no format marker":    {remove("marker.format-version.*"), ""},
		"empty manifest":      {change("MANIFEST-*", func([]byte) []byte { return nil }), "MANIFEST"},
		"half a manifest":     {change("MANIFEST-*", half), "MANIFEST"},
		"flipped in manifest": {change("MANIFEST-*", flip(0.3)), "MANIFEST"},
		"no table":            {remove("*.sst"), "sstable"},
		"half a table":        {change("*.sst", half), ".sst"},
		"flipped in the log":  {change("*.log", flip(0.3)), ".log"},
		"flipped at its end":  {change("*.log", flip(0.99)), ".log"},
		"half a log":          {change("*.log", half), ".log"},
		"no log":              {remove("*.log"), ".log"},
		"flipped in the seal": {change("SEAL", flip(0.5)), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := storeOnDisk(t, 50, 500)
			tt.damage(t, dir)
			before := contents(t, dir)
			e, err := Open(dir, quiet(nil))
			if err == nil {
				n, err := length(e, 500)
				closeEngine(t, e)
				t.Fatalf("opened, with %d entries, %v", n, err)
			}
			t.Log(err)
			wantKind(t, err, parlance.Corrupt)
			if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("the error doesn't say what is damaged: %v", err)
			}
			if after := contents(t, dir); !maps.Equal(before, after) {
				t.Errorf("the folder was changed:\nbefore %v\nafter  %v", keysOf(before), keysOf(after))
			}
		})
	}
}

func keysOf(m map[string][32]byte) (names []string) {
	for k, v := range m {
		names = append(names, fmt.Sprintf("%s:%x", k, v[:2]))
	}
	return names
}

// Damage inside a table is found by whoever reads there; the rest can still be read.
func TestDamageFoundByReads(t *testing.T) {
	const n, size = 150, 500
	dir := storeOnDisk(t, n, size)
	edit(t, one(t, dir, "*.sst"), flip(0.4))
	e := open(t, dir, quiet(nil))
	_, err := length(e, size)
	wantKind(t, err, parlance.Corrupt)
	failed, good := 0, 0
	for i := 1; i <= 2*n; i += 9 {
		v, err := e.Get(context.Background(), entries, [][]byte{key(i)})
		switch {
		case err == nil && string(v[0]) == string(value(i, size)):
			good++
		case err == nil:
			t.Fatalf("entry %d is wrong: %.20q", i, v)
		default:
			wantKind(t, err, parlance.Corrupt)
			failed++
		}
	}
	if failed == 0 || good < n/9 {
		t.Errorf("%d entries can't be read, %d can", failed, good)
	}
	_, err = e.Get(context.Background(), entries, [][]byte{key(1), key(n / 2), key(n)})
	if err != nil {
		wantKind(t, err, parlance.Corrupt)
	}
	// Nothing is claimed on ground that can't be read.
	for i := 1; i <= n; i += 9 {
		if err := e.Claim(context.Background(), entries, []driver.Claim{{Key: key(i), Value: []byte("new")}}, nil, 1); err == nil {
			t.Fatalf("entry %d was claimed again", i)
		}
	}
	closeEngine(t, e)
}

// crashed makes the store in dir look as if it had not been closed, by a program that made no notes.
func crashed(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{sealName, noteName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// A log cut off in mid-record is what a crash leaves; it is no damage. In a
// store that was closed, or before what was synced later, it is.
func TestTornLog(t *testing.T) {
	dir := storeOnDisk(t, 50, 500)
	edit(t, one(t, dir, "*.log"), func(b []byte) []byte { return b[:len(b)-100] })
	_, err := Open(dir, quiet(nil))
	wantKind(t, err, parlance.Corrupt)
	crashed(t, dir)
	e := open(t, dir, quiet(nil))
	wantLength(t, e, 500, 98, 99)
	closeEngine(t, e)

	dir = storeOnDisk(t, 200, 500)
	crashed(t, dir)
	edit(t, one(t, dir, "*.log"), flip(0.3))
	before := contents(t, dir)
	_, err = Open(dir, quiet(nil))
	wantKind(t, err, parlance.Corrupt)
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Errorf("the folder was changed:\nbefore %v\nafter  %v", keysOf(before), keysOf(after))
	}
}

// A seal says nothing of what was done after it: the store is opened again and crashes.
func TestSealOutOfDate(t *testing.T) {
	dir := storeOnDisk(t, 5, 10)
	for n := 11; n <= 20; n++ {
		e := open(t, dir, quiet(nil))
		old, err := os.ReadFile(filepath.Join(dir, sealName))
		if err != nil {
			t.Fatal(err)
		}
		if err := appendEntry(e, n, 10); err != nil {
			t.Fatal(err)
		}
		closeEngine(t, e)
		edit(t, filepath.Join(dir, sealName), func([]byte) []byte { return old })
	}
	e := open(t, dir, quiet(nil))
	wantLength(t, e, 10, 20, 20)
	closeEngine(t, e)
}
