package pebblestore

import (
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parlance"
	"parlance/store/driver"
)

// readOnlyMedia returns a file system that refuses every change.
func readOnlyMedia(disk vfs.FS) vfs.FS { return refusing(disk, syscall.EROFS) }

func refusing(disk vfs.FS, with error) vfs.FS {
	return lockless{with, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return with
		}
		return nil
	}))}
}

// A lockless file system has no locks to give, as no file can be made.
type lockless struct {
	with error
	vfs.FS
}

func (l lockless) Lock(string) (io.Closer, error) { return nil, l.with }

// A store on media that can only be read is read, whether it was closed or not; every write is refused in one sentence.
func TestReadOnlyMedia(t *testing.T) {
	const n, size = 40, 10
	unclosed, _ := killed(t, n)
	closed, _ := killed(t, n)
	closeEngine(t, open(t, "store", quiet(closed)))
	for name, tt := range map[string]struct {
		disk *vfs.MemFS
		with error
	}{"closed": {closed, syscall.EROFS}, "not closed": {unclosed, syscall.EROFS}, "not permitted": {unclosed, fs.ErrPermission}} {
		t.Run(name, func(t *testing.T) {
			disk := tt.disk
			before := disk.String()
			e := open(t, "store", quiet(refusing(disk, tt.with)))
			if !e.Bounds().ReadOnly {
				t.Error("the engine doesn't say that it can only be read")
			}
			wantLength(t, e, size, n, n)
			wantReadOnly(t, appendEntry(e, n+1, size))
			wantReadOnly(t, appendEntry(e, n, size))
			wantReadOnly(t, e.Write(t.Context(), []driver.Op{{Partition: derived, Key: head, Value: key(1)}}, 1))
			if err := e.Write(t.Context(), nil, 0); err != nil {
				t.Errorf("making sure of what is read: %v", err)
			}
			wantLength(t, e, size, n, n)
			closeEngine(t, e)
			if after := disk.String(); before != after {
				t.Errorf("the folder was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

func wantReadOnly(t *testing.T, err error) {
	t.Helper()
	wantKind(t, err, parlance.Unavailable)
	if want := "the store in store is on media that can only be read"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// There is nothing to read where no store is, and none can be made; damage is found as elsewhere.
func TestReadOnlyMediaWithoutAStore(t *testing.T) {
	disk := vfs.NewMem()
	for _, dir := range []string{"none", "empty"} {
		if dir == "empty" {
			if err := disk.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Open(dir, quiet(readOnlyMedia(disk)))
		wantKind(t, err, parlance.Invalid)
	}
	damaged, _ := killed(t, 40)
	names, err := damaged.List("store")
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, damaged, currentManifest(names), []byte("nothing"))
	_, err = Open("store", quiet(readOnlyMedia(damaged)))
	wantKind(t, err, parlance.Corrupt)
}

// A folder that is mounted to be read only: several may read it at once, and nobody while it is written elsewhere.
func TestReadOnlyMount(t *testing.T) {
	dir := storeOnDisk(t, 50, 500)
	if err := os.Remove(filepath.Join(dir, "LOCK")); err != nil {
		t.Fatal(err)
	}
	mount := filepath.Join(t.TempDir(), "mount")
	if err := os.Mkdir(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "--bind", "-o", "ro", dir, mount).CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted here: %v, %s", err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", mount).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	before := contents(t, mount)
	one := open(t, mount, quiet(nil))
	other := open(t, mount, quiet(nil))
	for _, e := range []*Engine{one, other} {
		wantLength(t, e, 500, 100, 100)
		wantKind(t, appendEntry(e, 101, 500), parlance.Unavailable)
		closeEngine(t, e)
	}
	if after := contents(t, mount); !maps.Equal(before, after) {
		t.Errorf("the folder was %v and is %v", keysOf(before), keysOf(after))
	}
}
