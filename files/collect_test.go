package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/files"
)

// contentPath is where a folder keeps a content.
func contentPath(f *files.Folder, s files.Sum) string {
	return filepath.Join(f.Dir(), s.String()[:2], s.String())
}

// orphan stores a content that nothing mentions, two hours ago.
func orphan(t *testing.T, f *files.Folder, content string) files.Sum {
	t.Helper()
	s, _, err := f.Store(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	age(t, f, s)
	return s
}

func age(t *testing.T, f *files.Folder, s files.Sum) {
	t.Helper()
	then := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(contentPath(f, s), then, then); err != nil {
		t.Fatal(err)
	}
}

// What no record names goes when it is told to; what a record of any workspace names, and what is young, stays.
func TestCollectTakesWhatNothingMentions(t *testing.T) {
	w := newWorld(t)
	all := []parlance.WorkspaceID{"w", "v"}
	w.host.says("/a.png", body("image/png", png))
	other := w.src
	other.Workspace = "v"
	if r, err := w.Fetch(t.Context(), other, []files.Mention{w.mention("/a.png")}, start); err != nil || r.Fetched != 1 {
		t.Fatalf("Fetch = %+v, %v", r, err)
	}
	kept, err := w.Find(t.Context(), "v", w.host.URL+"/a.png")
	if err != nil {
		t.Fatal(err)
	}
	age(t, w.Folder(), kept.Sum)
	gone := orphan(t, w.Folder(), "mentioned by nothing")
	young, _, err := w.Folder().Store(strings.NewReader("its record comes soon"))
	if err != nil {
		t.Fatal(err)
	}
	want := files.Collected{Contents: 1, Bytes: 20}
	if c, err := w.Collect(t.Context(), all, false); err != nil || c != want {
		t.Errorf("the plan is %+v, %v; want %+v", c, err, want)
	}
	if _, err := w.Folder().Size(gone); err != nil {
		t.Errorf("the plan removed it: %v", err)
	}
	want.Removed, want.RemovedBytes = 1, 20
	if c, err := w.Collect(t.Context(), all, true); err != nil || c != want {
		t.Errorf("Collect = %+v, %v; want %+v", c, err, want)
	}
	if _, err := w.Folder().Size(gone); parlance.KindOf(err) != parlance.NotFound {
		t.Errorf("it is still there: %v", err)
	}
	for _, s := range []files.Sum{kept.Sum, young} {
		if err := w.Folder().Check(t.Context(), s); err != nil {
			t.Error(err)
		}
	}
	if c, err := w.Collect(t.Context(), all, true); err != nil || c != (files.Collected{}) {
		t.Errorf("again: %+v, %v", c, err)
	}
}

// A content that a message mentions while it is collected is there afterwards.
func TestCollectBesideFetching(t *testing.T) {
	w := newWorld(t)
	done := make(chan error)
	for i := range 40 {
		content, path := fmt.Sprintf("content %d", i), fmt.Sprintf("/%d.txt", i)
		w.host.says(path, body("text/plain", content))
		orphan(t, w.Folder(), content)
		go func() {
			_, err := w.Fetch(t.Context(), w.src, []files.Mention{w.mention(path)}, start)
			done <- err
		}()
		if _, err := w.Collect(t.Context(), []parlance.WorkspaceID{"w"}, true); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n, damaged, err := w.Check(t.Context(), "w", false, start); n != 40 || len(damaged) > 0 || err != nil {
		t.Errorf("%d checked, lost %+v, %v", n, damaged, err)
	}
}

// A content that was taken aside when the program died is put back.
func TestCollectDiesHalfWay(t *testing.T) {
	dir := t.TempDir()
	f, err := files.OpenFolder(dir, start)
	if err != nil {
		t.Fatal(err)
	}
	s := orphan(t, f, "taken aside")
	if err := os.Rename(contentPath(f, s), filepath.Join(dir, "unfinished", "collected "+s.String())); err != nil {
		t.Fatal(err)
	}
	if f, err = files.OpenFolder(dir, parlance.TimeOf(time.Now())); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(t.Context(), s); err != nil {
		t.Error(err)
	}
}
