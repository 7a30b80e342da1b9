package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"parlance"
	"parlance/files"
	"parlance/internal/config"
	"parlance/store"
)

// keep opens the store in dir, and keeps a file of the address and a failure in the workspace acme.
func keep(t *testing.T, dir, host string) {
	t.Helper()
	ctx := t.Context()
	a, err := openArchive(ctx, engineName{dir: dir}, config.Defaults(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.close(nil); err != nil {
			t.Error(err)
		}
	}()
	f := files.NewFetcher(files.FetcherOptions{AllowPrivate: true})
	defer f.Close()
	ms := []files.Mention{{Conversation: "c", Message: "m", Address: host + "/kept"}, {Conversation: "c", Message: "m", Address: host + "/gone"}}
	r, err := a.files.Fetch(ctx, files.Source{Workspace: "acme", Name: "s", Fetcher: f}, ms, a.store.Now())
	if err != nil || r.Fetched != 1 || r.Gone != 1 {
		t.Fatalf("Fetch = %+v, %v", r, err)
	}
}

// TestFilesMove has a file kept, told of, copied with its store, and served by the copy under an address of ours.
func TestFilesMove(t *testing.T) {
	t.Parallel()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/kept" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, "the file")
	}))
	defer host.Close()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	ctx := t.Context()
	run := func(v any, args ...string) {
		t.Helper()
		p := start(t, append(args, "--json")...)
		p.read(v)
		if err := p.cmd.Wait(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, p.stderr)
		}
	}
	var w credentialSet
	run(&w, "workspace", "create", "acme", "--data", from)
	keep(t, from, host.URL)

	var told struct{ Workspaces []filesSummary }
	run(&told, "files", "--data", from, "--check")
	if s := told.Workspaces[0]; s.Fetched != 1 || s.Gone != 1 || s.Complete || s.Checked != 1 || len(s.Damaged) != 0 || len(s.Failures) != 1 || s.Failures[0].Error != "status 404" {
		t.Errorf("files = %+v", s)
	}
	var sum copySummary
	run(&sum, "copy", "--from", from, "--to", to, "--switch-over")
	if sum.Files != 1 || !sum.Switched {
		t.Errorf("copy = %+v", sum)
	}
	run(&told, "files", "--data", to, "--check")
	if s := told.Workspaces[0]; s.Fetched != 1 || s.Gone != 1 || s.Checked != 1 || len(s.Damaged) != 0 {
		t.Errorf("files of the copy = %+v", s)
	}

	room := roomWith(ctx, t, to, host.URL+"/kept")
	p := start(t, "serve", "--data", to, "--listen", "127.0.0.1:0", "--public-url", "http://chat.example.org", "--json")
	var s serving
	p.read(&s)
	page := call(t, s.URL+"/rooms/"+room+"/messages/v3", "", "IM-API-KEY", w.IMKit.APIKey)
	_, rest, ok := strings.Cut(page, `"http://chat.example.org/attachments/`)
	path, _, _ := strings.Cut(rest, `"`)
	if !ok || strings.Contains(page, host.URL) {
		t.Fatalf("the page is %s", page)
	}
	if got := call(t, s.URL+"/attachments/"+path, ""); got != "the file" {
		t.Errorf("got %q", got)
	}
}

// roomWith makes a room in which a message has the file.
func roomWith(ctx context.Context, t *testing.T, dir, address string) string {
	t.Helper()
	a, err := openArchive(ctx, engineName{dir: dir}, config.Defaults(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.close(nil); err != nil {
			t.Error(err)
		}
	}()
	if _, err := a.store.Create(ctx, "acme", parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	m := parlance.Message{Sender: "a", Type: parlance.TypeFile, Attachments: []parlance.Attachment{{Type: parlance.TypeFile, Name: "f", URL: address}}}
	if _, err := a.store.Put(ctx, parlance.Ref{Workspace: "acme", Conversation: "c"}, store.Send, m); err != nil {
		t.Fatal(err)
	}
	return "c"
}
