package mirror_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"parlance/fake"
	"parlance/files"
	"parlance/mirror"
)

// Files are kept with the messages that name them. One that may still be had keeps its conversation from being complete until a later
// run has it; one that is gone for good is told, and is no hole.
func TestFiles(t *testing.T) {
	for _, platform := range fake.Platforms() {
		for _, c := range []struct {
			name        string
			faults      fake.Faults
			lost, waits bool
		}{
			{name: "all there"},
			{name: "every second gone", faults: fake.Faults{fake.Attachment404}, lost: true},
			{name: "links die", faults: fake.Faults{fake.AttachmentDead}, waits: true},
		} {
			t.Run(string(platform)+"/"+c.name, func(t *testing.T) {
				w := newWorld(t, fake.Options{Platform: platform, Seed: 6, Messages: 200, Page: 20, Faults: c.faults})
				defer w.close()
				folder, err := files.OpenFolder(t.TempDir(), w.now())
				if err != nil {
					t.Fatal(err)
				}
				archive := files.Open(w.store, folder)
				w.mirror = mirror.New(w.store, mirror.Options{
					Secret: w.secret, Transport: w, FileTransport: w.up.Transport(), Files: archive, Now: w.now, Wait: w.wait,
				})
				report, err := w.run(mirror.RunOptions{}, 0)
				if err != nil {
					t.Fatal(err)
				}
				s, err := w.mirror.Status(t.Context(), source)
				if err != nil {
					t.Fatal(err)
				}
				kept := w.checkKept(archive, folder)
				switch complete := report.State == mirror.Complete; {
				case complete != !c.waits, s.State != report.State, (s.FilesWaiting > 0) != c.waits, (s.FilesLost > 0) != c.lost:
					t.Errorf("%s, %d files kept, %d waiting, %d lost, gaps %v", report.State, kept, s.FilesWaiting, s.FilesLost, report.Gaps)
				case kept == 0 && !c.waits:
					t.Error("no file was kept")
				case c.waits && len(report.Gaps) == 0:
					t.Error("no gap tells of the files that wait")
				}
			})
		}
	}
}

// checkKept checks that what the archive has of the upstream's files is what they hold, and returns how many it has.
func (w *world) checkKept(archive *files.Archive, folder *files.Folder) (kept int) {
	w.Helper()
	for _, c := range w.up.Truth().Conversations {
		for _, m := range c.Messages {
			if m.File == nil {
				continue
			}
			r, err := archive.Find(context.Background(), workspace, m.File.URL)
			if err != nil {
				w.Errorf("of %s nothing is known: %v", m.File.URL, err)
				continue
			}
			if r.State != files.Kept {
				continue
			}
			f, err := folder.Open(r.Sum)
			if err != nil {
				w.Fatal(err)
			}
			b, err := io.ReadAll(f)
			f.Close()
			if err != nil || !bytes.Equal(b, m.File.Body) || m.File.Missing {
				w.Errorf("%s is kept as %d bytes, %v, want %d", m.File.URL, len(b), err, len(m.File.Body))
			}
			kept++
		}
	}
	return kept
}
