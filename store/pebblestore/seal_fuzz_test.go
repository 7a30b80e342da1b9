package pebblestore

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parlance"
)

// Whatever a seal says, it is out of date, or right about each file that it names, or the store is damaged. It leads to no
// file outside of the folder.
func FuzzSeal(f *testing.F) {
	const log = "000004.log 5 9a71bb4c\n"
	for _, s := range []string{
		"", "MANIFEST-000002\n", "MANIFEST-000001\n" + log, "MANIFEST-000002\n" + log, "MANIFEST-000002\n000004.log 5\n", "MANIFEST-000002\n../x.log 1 0\n",
		"MANIFEST-000002\n/etc/x.log 0 00000000\n", "MANIFEST-000002\nMANIFEST-000002 1 x", strings.Repeat("MANIFEST-", 1000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fsys := &watched{FS: vfs.NewMem()}
		if err := fsys.MkdirAll("store", 0o700); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{
			"store/marker.manifest.000001.MANIFEST-000002": "", "store/MANIFEST-000002": "manifest", "store/000004.log": "a log", "store/SEAL": string(text), "x.log": "outside",
		} {
			file, err := fsys.Create(name, vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.Write([]byte(content)); err != nil {
				t.Fatal(err)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
		}
		fsys.opened = nil
		err := checkSeal("store", fsys)
		for _, name := range fsys.opened {
			if !strings.HasPrefix(name, "store/") || strings.Contains(strings.TrimPrefix(name, "store/"), "/") {
				t.Errorf("%q was opened", name)
			}
		}
		manifest, lines, _ := strings.Cut(string(text), "\n")
		switch {
		case err != nil && parlance.KindOf(err) != parlance.Corrupt:
			t.Errorf("the error is %v", err)
		case err != nil || manifest != "MANIFEST-000002":
		default:
			for line := range strings.Lines(lines) {
				name, _, _ := strings.Cut(line, " ")
				if want, e := sealLine("store", name, fsys); e != nil || line != want {
					t.Errorf("%q was taken, want %q, %v", line, want, e)
				}
			}
		}
	})
}

// A watched file system notes what is opened for reading.
type watched struct {
	vfs.FS
	opened []string
}

func (w *watched) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	w.opened = append(w.opened, name)
	return w.FS.Open(name, o...)
}
