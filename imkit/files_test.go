package imkit_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"parlance"
	"parlance/files"
	"parlance/imkit"
	"parlance/store"
)

// TestFiles has a file on the platform's host fetched, and reads it as IMKit's clients do: IMKit Files.
func TestFiles(t *testing.T) {
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("%PDF-1.7 offer")) }))
	defer host.Close()
	w := newWorld(t, imkit.Options{})
	folder, err := files.OpenFolder(t.TempDir(), start)
	if err != nil {
		t.Fatal(err)
	}
	archive := files.Open(w.store, folder)
	links := files.NewLinks(archive, "", nil)
	public := files.NewLinks(archive, "https://chat.example.org", nil)
	w.server = imkit.New(w.store, w.keeper, imkit.Options{Files: archive, Links: links, Rewrite: public.Address})
	origin, err := url.Parse(host.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := files.NewFetcher(files.FetcherOptions{Origin: origin})
	defer f.Close()

	w.room(t, parlance.Conversation{ID: "r1"}, parlance.Member{Account: "a"})
	address := host.URL + "/files/chat/f1"
	m := parlance.Message{
		ID: "5f890cf37d980e06f6aaf349", Sender: "a", Type: parlance.TypeFile, Sent: start, Created: start, Updated: start,
		Attachments: []parlance.Attachment{{Type: parlance.TypeFile, Name: "offer.pdf", URL: address}},
	}
	w.put(t, "r1", store.Mirror, m)
	h := w.user(t, "a")
	if before := w.raw("GET", "/rooms/r1/messages/v3", h); !strings.Contains(before, address) {
		t.Errorf("before it is kept: %s", before)
	}
	w.refused(t, 404, "FILE_NOT_FOUND", "GET", "/files/chat/f1", h, nil)
	if got, err := archive.Fetch(t.Context(), files.Source{Workspace: workspace, Name: "s", Fetcher: f}, files.Mentions("r1", &m), start); err != nil || got.Fetched != 1 {
		t.Fatalf("Fetch = %+v, %v", got, err)
	}
	// The page was kept ready before the file was; it shows the new address all the same.
	if after := w.raw("GET", "/rooms/r1/messages/v3", h); strings.Contains(after, host.URL) || !strings.Contains(after, "https://chat.example.org/attachments/") {
		t.Errorf("once it is kept: %s", after)
	}
	if got := w.raw("GET", "/files/chat/f1", h); got != "%PDF-1.7 offer" {
		t.Errorf("got %q", got)
	}
	w.refused(t, 404, "FILE_NOT_FOUND", "GET", "/files/chat/f2", h, nil)
	w.refused(t, 401, "INVALID_TOKEN", "GET", "/files/chat/f1", headers{}, nil)
	var signed struct{ URL string }
	if err := json.Unmarshal(w.ok(t, "GET", "/files/chat/f1?signedUrlOnly=true", h, nil), &signed); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(signed.URL)
	if err != nil || u.Query().Get("Expires") == "" {
		t.Fatalf("signed address %q, %v", signed.URL, err)
	}
	rec := httptest.NewRecorder()
	links.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, u.RequestURI(), nil))
	if rec.Code != 200 || rec.Body.String() != "%PDF-1.7 offer" {
		t.Errorf("the signed address: %d %s", rec.Code, rec.Body)
	}
}
