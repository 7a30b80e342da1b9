package files_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/files"
)

// linked returns a world with a kept file, its links and a server of them.
func linked(t *testing.T, media, content, name string) (*world, *files.Links, *httptest.Server, string) {
	t.Helper()
	w := newWorld(t)
	w.src.Fetcher = fetcher(t, files.FetcherOptions{AllowPrivate: true}) // the host is no platform: its pages are files
	w.host.says("/f", body(media, content))
	m := w.mention("/f")
	m.Name = name
	if got, err := w.Fetch(t.Context(), w.src, []files.Mention{m}, start); err != nil || got.Fetched != 1 {
		t.Fatalf("Fetch = %+v, %v", got, err)
	}
	links := files.NewLinks(w.Archive, "https://chat.example.org/", nil)
	srv := httptest.NewServer(links)
	t.Cleanup(srv.Close)
	return w, links, srv, m.Address
}

func get(t *testing.T, address string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestLink(t *testing.T) {
	w, links, srv, address := linked(t, "image/png", png, `..\a "b"/c?d.png`)
	signed, ok := links.Address(t.Context(), "w", address)
	path, local := strings.CutPrefix(signed, "https://chat.example.org")
	if !ok || !local {
		t.Fatalf("Address = %q, %v", signed, ok)
	}
	if again, _ := links.Address(t.Context(), "w", address); again != signed {
		t.Errorf("another address at the second time: %s, %s", signed, again)
	}
	resp, content := get(t, srv.URL+path)
	if resp.StatusCode != 200 || content != png {
		t.Fatalf("%s, %q", resp.Status, content)
	}
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Disposition": "inline; filename=c_d.png",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox;") {
		t.Errorf("policy %q", csp)
	}
	if part, got := get(t, srv.URL+path, "Range", "bytes=1-3"); part.StatusCode != 206 || got != "PNG" {
		t.Errorf("a range: %s, %q", part.Status, got)
	}
	if same, _ := get(t, srv.URL+path, "If-None-Match", resp.Header.Get("ETag")); same.StatusCode != 304 {
		t.Errorf("the same again: %s", same.Status)
	}
	// Another process with the same store takes the address too.
	other := httptest.NewServer(files.NewLinks(files.Open(w.store, w.Folder()), "", nil))
	t.Cleanup(other.Close)
	if resp, _ := get(t, other.URL+path); resp.StatusCode != 200 {
		t.Errorf("another process: %s", resp.Status)
	}
	for name, bad := range map[string]string{
		"no signature":      path[:strings.Index(path, "?")],
		"another signature": path[:len(path)-2] + "AA",
		"another workspace": strings.Replace(path, "/w/", "/v/", 1),
		"another file":      strings.Replace(path, string(files.KeyOf(address)), string(files.KeyOf("x")), 1),
		"with a time":       path + "&Expires=9999999999",
		"no file":           "/attachments/w/x",
		"nothing":           "/attachments/",
	} {
		if resp, _ := get(t, srv.URL+bad); resp.StatusCode != 404 {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	for _, c := range []struct{ ws, address string }{{"v", address}, {"w", address + "x"}} {
		if got, ok := links.Address(t.Context(), parlance.WorkspaceID(c.ws), c.address); ok {
			t.Errorf("%v has the address %s", c, got)
		}
	}
}

func TestLinkExpires(t *testing.T) {
	w, links, srv, address := linked(t, "text/plain", "x", "")
	r, err := w.Find(t.Context(), "w", address)
	if err != nil {
		t.Fatal(err)
	}
	path, err := links.Path(t.Context(), "w", &r, start+10_000)
	if err != nil {
		t.Fatal(err)
	}
	if resp, _ := get(t, srv.URL+path); resp.StatusCode != 200 {
		t.Errorf("in time: %s", resp.Status)
	}
	if resp, _ := get(t, srv.URL+strings.Replace(path, "Expires=1", "Expires=2", 1)); resp.StatusCode != 404 {
		t.Errorf("with another time: %s", resp.Status)
	}
	w.clock.Advance(11 * time.Second)
	if resp, _ := get(t, srv.URL+path); resp.StatusCode != 410 {
		t.Errorf("too late: %s", resp.Status)
	}
}

func TestPagesAreSaved(t *testing.T) {
	for media, content := range map[string]string{"text/html": "<html><script>", "image/svg+xml": "<svg><script/></svg>", "application/xml": "<?xml version='1.0'?><x/>"} {
		_, links, srv, address := linked(t, media, content, "page")
		signed, _ := links.Address(t.Context(), "w", address)
		resp, _ := get(t, srv.URL+strings.TrimPrefix(signed, links.Base()))
		if how := resp.Header.Get("Content-Disposition"); resp.StatusCode != 200 || how != "attachment; filename=page" {
			t.Errorf("%s: %s, %q", media, resp.Status, how)
		}
	}
}

func TestCheck(t *testing.T) {
	w, links, srv, address := linked(t, "text/plain", "whole", "")
	r, err := w.Find(t.Context(), "w", address)
	if err != nil {
		t.Fatal(err)
	}
	signed, _ := links.Address(t.Context(), "w", address)
	path := filepath.Join(w.Folder().Dir(), r.Sum.String()[:2], r.Sum.String())
	for _, damage := range []func() error{
		func() error { return os.WriteFile(path, []byte("wrong"), 0o600) },
		func() error { return os.Remove(path) },
	} {
		if n, bad, err := w.Check(t.Context(), "w", true, start); n != 1 || len(bad) != 0 || err != nil {
			t.Fatalf("Check = %d, %v, %v", n, bad, err)
		}
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if n, bad, err := w.Check(t.Context(), "w", true, start); n != 1 || len(bad) != 1 || err != nil {
			t.Fatalf("Check = %d, %v, %v", n, bad, err)
		}
		if c := w.counts(t); c.Complete() || c.Failed != 1 {
			t.Errorf("counts %+v", c)
		}
		if resp, _ := get(t, srv.URL+strings.TrimPrefix(signed, links.Base())); resp.StatusCode != 404 {
			t.Errorf("a lost file: %s", resp.Status)
		}
		if got, err := w.Retry(t.Context(), w.src, start); err != nil || got.Fetched != 1 {
			t.Errorf("Retry = %+v, %v", got, err)
		}
		if got := w.content(t, "w", address); got != "whole" {
			t.Errorf("kept %q", got)
		}
	}
}

func TestGuest(t *testing.T) {
	w := newWorld(t)
	w.host.says("/f", fails(503))
	if _, err := w.Fetch(t.Context(), w.src, []files.Mention{w.mention("/f"), w.mention("/g")}, start); err != nil {
		t.Fatal(err)
	}
	w.host.says("/f", body("text/plain", "x"))
	guest := w.src
	guest.Guest, guest.Fetcher = true, fetcher(t, files.FetcherOptions{}) // may not ask private addresses
	before := w.counts(t)
	for range 2 {
		if got, err := w.RetryAll(t.Context(), guest, start); err != nil || got != (files.Report{}) {
			t.Errorf("RetryAll = %+v, %v", got, err)
		}
		if after := w.counts(t); after != before {
			t.Errorf("a guest's failure changed %+v to %+v", before, after)
		}
	}
	if got, err := w.Retry(t.Context(), w.src, start+60_000); err != nil || got.Fetched != 1 {
		t.Errorf("Retry = %+v, %v", got, err)
	}
}
