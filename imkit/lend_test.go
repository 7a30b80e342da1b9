package imkit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"parlance"
	"parlance/files"
	"parlance/history"
	"parlance/imkit"
)

// A mirror doesn't lend its key: a user sends messages whose files are calls of the platform's API, the mirror reads them with the
// administrator's credential, and nothing but the file call is asked with it, and no answer is kept.
func TestMirrorLendsNoKey(t *testing.T) {
	w := open(t)
	w.room(t, parlance.Conversation{ID: "r"}, parlance.Member{Account: "mallory"})
	var mu sync.Mutex
	var lent []string
	base := ""
	platform := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.UserAgent() == "parlance-files" && (r.Header.Get("IM-API-Key") != "" || r.Header.Get("IM-Authorization") != "") {
			mu.Lock()
			lent = append(lent, r.RequestURI)
			mu.Unlock()
		}
		switch {
		case r.URL.Path == "/files/chat/redirect":
			http.Redirect(rw, r, base+"/rooms", http.StatusFound)
		case r.RequestURI == "/files/chat/1":
			fmt.Fprint(rw, "%PDF-1.7 a file")
		default:
			w.server.ServeHTTP(rw, r)
		}
	}))
	defer platform.Close()
	base = platform.URL
	elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, base+strings.TrimPrefix(r.URL.Path, "/to"), http.StatusTemporaryRedirect)
	}))
	defer elsewhere.Close()

	h := w.user(t, "mallory")
	good := base + "/files/chat/1"
	for _, address := range []string{
		good, "/rooms", base + "/rooms", base + "/me", base + "/admin/clients/mallory", base + "/files/../rooms", base + "/files/%2e%2e/rooms", base + "/files/chat/..%2f..%2frooms",
		base + "//rooms", base + "/rooms/r/messages/v3?limit=100", base + "/files/chat/redirect", elsewhere.URL + "/to/rooms", elsewhere.URL + "/to/files/chat/2",
		strings.Replace(base, "http://", "http://u:p@", 1) + "/rooms", strings.Replace(base, "127.0.0.1", "localhost", 1) + "/rooms",
	} {
		w.ok(t, "POST", "/rooms/r/message", h, map[string]any{
			"messageType": "file", "originalUrl": address, "message": "x", "extra": map[string]any{"fileName": "x", "fileExtension": "json"},
		})
	}

	c := must2(imkit.NewClient(base, imkit.Credentials{APIKey: w.secrets.APIKey, ClientID: "mallory"}.Provide, imkit.ClientOptions{}))(t)
	source := imkit.NewSource(c)
	var mentions []files.Mention
	for page, err := range source.Walk(context.Background(), "r", history.Window{Order: source.Traits().Order}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Items {
			mentions = append(mentions, files.Mentions("r", &page.Items[i].Message)...)
		}
	}
	if len(mentions) < 15 {
		t.Fatalf("only %d files are mentioned", len(mentions))
	}
	folder := must2(files.OpenFolder(t.TempDir(), start))(t)
	archive := files.Open(w.store, folder)
	f := files.NewFetcher(files.FetcherOptions{
		Origin: must2(url.Parse(base))(t), AllowPrivate: true, UserAgent: "parlance-files", Authorize: source.Authorize,
	})
	defer f.Close()
	if _, err := archive.Fetch(t.Context(), files.Source{Workspace: workspace, Name: "s", Fetcher: f}, mentions, start); err != nil {
		t.Fatal(err)
	}
	for _, asked := range lent {
		if asked != "/files/chat/1" && asked != "/files/chat/redirect" {
			t.Errorf("the key was lent for %s", asked)
		}
	}
	if len(lent) == 0 {
		t.Error("the platform's file call wasn't asked with the key")
	}
	for r, err := range archive.Records(t.Context(), workspace) {
		if err != nil {
			t.Fatal(err)
		}
		if (r.State == files.Kept) != (r.Address == good) {
			t.Errorf("%s is %s, %s", r.Address, r.State, r.Error)
		}
	}
}
