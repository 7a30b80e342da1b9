package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parlance"
)

// killed returns the disk as it is when the process of an open store of n entries is killed, half of them in tables, and the note's lines.
func killed(t *testing.T, n int) (disk *vfs.MemFS, lines []string) {
	t.Helper()
	whole := vfs.NewCrashableMem()
	e := open(t, "store", quiet(whole))
	for i := 1; i <= n; i++ {
		if err := appendEntry(e, i, 10); err != nil {
			t.Fatal(err)
		}
		if i%(n/4) == 0 && i <= n/2 {
			if err := e.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	disk = whole.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 2))})
	closeEngine(t, e)
	return disk, strings.Split(strings.TrimSpace(string(content(t, disk, noteName)[:noteSum])), "\n")
}

func content(t *testing.T, disk vfs.FS, name string) []byte {
	t.Helper()
	f, err := disk.Open(path.Join("store", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rewrite(t *testing.T, disk vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := disk.Create(path.Join("store", name), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(slices.Clone(b)); err != nil { // a file in memory may spoil what it is given
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A log or a manifest that was cut anywhere below what was synced, changed there, or is missing, is found in a store that was never
// closed. One that is as it was synced is good.
func TestCutAfterACrash(t *testing.T) {
	for _, kind := range []string{".log", "MANIFEST-"} {
		t.Run(kind, func(t *testing.T) {
			disk, lines := killed(t, 40)
			i := slices.IndexFunc(lines[1:], func(l string) bool { return strings.Contains(l, kind) })
			if i < 0 {
				t.Fatalf("the note has no such file: %q", lines)
			}
			var name string
			var synced, sum int
			if _, err := fmt.Sscanf(lines[1+i], "%s %d %x", &name, &synced, &sum); err != nil {
				t.Fatal(err)
			}
			whole := content(t, disk, name)
			if synced == 0 || synced > len(whole) {
				t.Fatalf("%s has %d bytes, %d of them synced", name, len(whole), synced)
			}
			found := func(what string) {
				t.Helper()
				_, err := Open("store", quiet(disk))
				if !errors.Is(err, parlance.Corrupt) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s %s: got %v", name, what, err)
				}
			}
			for cut := synced - 1; cut >= 0; cut-- {
				rewrite(t, disk, name, whole[:cut])
				found(fmt.Sprintf("cut to %d of %d bytes", cut, synced))
			}
			for at := 0; at < synced; at += 7 {
				changed := slices.Clone(whole)
				changed[at] ^= 1
				rewrite(t, disk, name, changed)
				found(fmt.Sprintf("changed at byte %d", at))
			}
			if err := disk.Remove("store/" + name); err != nil {
				t.Fatal(err)
			}
			found("missing")
			rewrite(t, disk, name, whole[:synced])
			e := open(t, "store", quiet(disk))
			wantLength(t, e, 10, 40, 40)
			closeEngine(t, e)
		})
	}
}

// A note that a power failure left torn, in whatever way, or behind the log, never keeps a good store from being opened. That it is torn is said.
func TestTornNote(t *testing.T) {
	disk, lines := killed(t, 40)
	whole := content(t, disk, noteName)
	torn := map[string][]byte{"empty": {}, "zeros": make([]byte, noteSize), "doubled": append(slices.Clone(whole), whole...)}
	for cut := 1; cut < noteSize; cut += 3 {
		torn[fmt.Sprintf("cut to %d", cut)] = whole[:cut]
	}
	for at := 0; at < noteSize; at += 5 {
		b := slices.Clone(whole)
		b[at] ^= 0x10
		torn[fmt.Sprintf("changed at %d", at)] = b
	}
	older := note{manifest: lines[0], synced: map[string]extent{}}
	for _, line := range lines[1:] {
		name, _, _ := strings.Cut(line, " ")
		b := content(t, disk, name)[:100]
		older.synced[name] = extent{100, crc32.Checksum(b, castagnoli)}
	}
	torn["of an earlier time"] = older.text()
	for name, b := range torn {
		rewrite(t, disk, noteName, b)
		var said bytes.Buffer
		if _, err := readNote("store", disk, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if quiet := name == "empty" || name == "doubled" || name == "of an earlier time"; quiet == strings.Contains(said.String(), noteName) {
			t.Errorf("%s: it said %q", name, said.String())
		}
	}
	e := open(t, "store", quiet(disk))
	wantLength(t, e, 10, 40, 40)
	closeEngine(t, e)
}

// However many files there are, a note has its size, and names the newest of them.
func TestNoteHasItsSize(t *testing.T) {
	n := note{manifest: "MANIFEST-000001", synced: map[string]extent{}}
	for i := range 60 {
		n.synced[fmt.Sprintf("%06d.log", 999_970+i)] = extent{1 << 40, 0xffffffff}
		text := string(n.text())
		if len(text) != noteSize {
			t.Fatalf("a note of %d files has %d bytes", i+1, len(text))
		}
		if newest := fmt.Sprintf("\n%06d.log ", 999_970+i); !strings.Contains(text, newest) {
			t.Fatalf("the newest file isn't named: %q", text)
		}
	}
}

// BenchmarkNote is what a sync of the log costs more for its note.
func BenchmarkNote(b *testing.B) {
	n, err := readNote(b.TempDir(), vfs.Default, slog.Default())
	if err != nil {
		b.Fatal(err)
	}
	n.name = path.Join(b.TempDir(), noteName)
	n.manifest = "MANIFEST-000001"
	n.synced["MANIFEST-000001"] = extent{1000, 1}
	g := growth{name: "000002.log", note: n}
	batch := make([]byte, 1000)
	for b.Loop() {
		g.wrote(batch)
		if err := g.sync(func() error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	if err := n.close(); err != nil {
		b.Fatal(err)
	}
}
