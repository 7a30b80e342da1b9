package mirror_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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

// keepFiles opens the mirror anew with an archive of files.
func (w *world) keepFiles(folder *files.Folder, l files.Limits, wait time.Duration, through http.RoundTripper) {
	w.mirror = mirror.New(w.store, mirror.Options{
		Secret: w.secret, Transport: w, FileTransport: through, Files: files.OpenWithin(w.store, folder, l), FilesWait: wait, Now: w.now, Wait: w.wait,
	})
}

// Files that can't be had now, for their host is slow or there is no room for them, hold up no message. The run tells that they are
// missing, and why, and a later one has them.
func TestFilesHoldNothingUp(t *testing.T) {
	silent := transport(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	for _, c := range []struct {
		name   string
		slow   bool
		limits files.Limits
		says   string
	}{
		{"slow host", true, files.Limits{Reserve: -1}, "couldn't be fetched yet"},
		{"no quota", false, files.Limits{Workspace: 1, Reserve: -1}, "of workspace w take"},
		{"full disk", false, files.Limits{Free: func(string) (int64, error) { return 7, nil }}, "7 bytes free"},
	} {
		t.Run(c.name, func(t *testing.T) {
			everywhere(t, fake.Options{Seed: 6, Messages: 200, Page: 20}, func(t *testing.T, w *world) {
				folder, err := files.OpenFolder(t.TempDir(), w.now())
				if err != nil {
					t.Fatal(err)
				}
				through, wait := w.up.Transport(), time.Hour
				if c.slow {
					through, wait = silent, time.Millisecond
				}
				w.keepFiles(folder, c.limits, wait, through)
				report := w.ran(mirror.RunOptions{})
				if report.State != mirror.Partial || len(report.Gaps) == 0 || !strings.Contains(report.Gaps[0].Reason, c.says) {
					t.Errorf("%s, gaps %v", report.State, report.Gaps)
				}
				s, err := w.mirror.Status(t.Context(), source)
				if err != nil || s.State != mirror.Partial || s.FilesWaiting == 0 || s.FilesLost > 0 {
					t.Errorf("status %s, %d wait, %d lost, %v", s.State, s.FilesWaiting, s.FilesLost, err)
				}
				w.keepFiles(folder, files.Limits{Reserve: -1}, time.Hour, w.up.Transport())
				w.whole("later", w.ran(mirror.RunOptions{}))
			})
		})
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
