package main

import (
	"context"
	"fmt"
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
	token := decoded[struct{ Data struct{ AccessToken string } }](t, s.URL+"/seller/auth/login",
		fmt.Sprintf(`{"email":%q,"password":%q}`, w.IMetaStore.Email, w.IMetaStore.Password)).Data.AccessToken
	signed := map[string]string{}
	for dialect, page := range map[string]string{
		"IMKit":      call(t, s.URL+"/rooms/"+room+"/messages/v3", "", "IM-API-KEY", w.IMKit.APIKey),
		"SHOPLINE":   call(t, s.URL+"/v1/conversations/"+room+"/messages?platform=shop_messages", "", "Authorization", "Bearer "+w.Shopline.Token),
		"iMetaStore": call(t, s.URL+"/merchant-api/seller/im/msg", `{"minTime":0,"maxTime":9999999999}`, "Authorization", "Bearer "+token),
	} {
		_, rest, ok := strings.Cut(page, `http://chat.example.org/attachments/`)
		path, _, _ := strings.Cut(rest, `"`)
		if !ok || strings.Contains(page, host.URL) {
			t.Errorf("%s: the page is %s", dialect, page)
			continue
		}
		signed[dialect] = s.URL + "/attachments/" + strings.TrimRight(path, `\`)
		if got := call(t, signed[dialect], ""); got != "the file" {
			t.Errorf("%s: got %q", dialect, got)
		}
	}

	// With its key all addresses end that it signed.
	credential := []string{"workspace", "credential", "--data", to, "--workspace", "acme"}
	var all struct{ Credentials []shownCredential }
	run(&all, append(credential, "list")...)
	var key, rotated shownCredential
	for _, c := range all.Credentials {
		if c.Kind == linkKind {
			key = c
		}
	}
	run(&rotated, append(credential, "rotate", key.ID)...)
	if rotated.Kind != linkKind || rotated.ID == key.ID || rotated.Secret != "" {
		t.Errorf("%+v was rotated to %+v", key, rotated)
	}
	for dialect, address := range signed {
		if got := status(t, "GET", address, ""); got != http.StatusNotFound {
			t.Errorf("%s: %d, though the key that signed it ended", dialect, got)
		}
	}
	page := call(t, s.URL+"/rooms/"+room+"/messages/v3", "", "IM-API-KEY", w.IMKit.APIKey)
	if !strings.Contains(page, "http://chat.example.org/attachments/") || strings.Contains(page, strings.TrimPrefix(signed["IMKit"], s.URL)) {
		t.Errorf("after the rotation the page is %s", page)
	}
}

// roomWith makes a conversation with the shop in which a message has the file.
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
	if _, err := a.store.Create(ctx, "acme", parlance.Conversation{ID: "c", Kind: parlance.Shop, Customer: "6365a1f0c1a0b20013c40a01"}); err != nil {
		t.Fatal(err)
	}
	m := parlance.Message{Sender: "6365a1f0c1a0b20013c40a01", Role: parlance.Customer, Type: parlance.TypeImage, Attachments: []parlance.Attachment{{Type: parlance.TypeImage, URL: address}}}
	if _, err := a.store.Put(ctx, parlance.Ref{Workspace: "acme", Conversation: "c"}, store.Send, m); err != nil {
		t.Fatal(err)
	}
	return "c"
}
