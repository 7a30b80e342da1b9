package files_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/files"
	"parlance/internal/dialecttest"
	"parlance/store"
)

// A world is an archive and a host with files.
type world struct {
	*files.Archive
	store *store.Store
	clock *dialecttest.Clock
	host  *host
	src   files.Source
}

// A host answers every path with what it has been told.
type host struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	asked   atomic.Int64
}

func (h *host) says(path string, answer http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[path] = answer
}

func newHost(t testing.TB) *host {
	h := &host{answers: map[string]http.HandlerFunc{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		h.mu.Lock()
		answer := h.answers[r.URL.Path]
		h.mu.Unlock()
		if answer == nil {
			http.NotFound(w, r)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

const start = parlance.Time(1_750_000_000_000)

// png is a file that says what it is.
const png = "\x89PNG\x0d\x0a\x1a\x0a and pixels"

func body(media, content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		io.WriteString(w, content)
	}
}

func fails(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	s, _, clock := dialecttest.Open(t, start)
	folder, err := files.OpenFolder(t.TempDir(), start)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Archive: files.Open(s, folder), store: s, clock: clock, host: newHost(t)}
	origin, err := url.Parse(w.host.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.src = files.Source{Workspace: "w", Name: "shop", Fetcher: files.NewFetcher(files.FetcherOptions{Origin: origin})}
	t.Cleanup(w.src.Fetcher.Close)
	return w
}

func (w *world) mention(path string) files.Mention {
	return files.Mention{Conversation: "c", Message: parlance.MessageID("m" + path), Address: w.host.URL + path}
}

// content returns what the folder has for an address.
func (w *world) content(t *testing.T, ws parlance.WorkspaceID, address string) string {
	t.Helper()
	r, err := w.Find(t.Context(), ws, address)
	if err != nil {
		t.Fatalf("find %s: %v", address, err)
	}
	f, err := w.Folder().Open(r.Sum)
	if err != nil {
		t.Fatalf("open %s (%+v): %v", address, r, err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != r.Size {
		t.Fatalf("read %s: %d bytes, %v; the record says %d", address, len(b), err, r.Size)
	}
	return string(b)
}

func (w *world) counts(t *testing.T) files.Counts {
	t.Helper()
	c, err := w.Counts(t.Context(), "w")
	if err != nil {
		t.Fatal(err)
	}
	if c.Of("", "") != c.Of("shop", "c") {
		t.Errorf("counts of all %+v, of the only source and conversation %+v", c.Of("", ""), c.Of("shop", "c"))
	}
	return c.Of("shop", "")
}

func TestFetchOnce(t *testing.T) {
	w := newWorld(t)
	w.host.says("/a.png", body("image/png", png))
	w.host.says("/b.png", body("image/png", png))
	ms := []files.Mention{w.mention("/a.png"), w.mention("/b.png"), w.mention("/a.png"), w.mention("/none")}
	got, err := w.Fetch(t.Context(), w.src, ms, start)
	if want := (files.Report{Fetched: 2, Gone: 1, Bytes: int64(2 * len(png))}); err != nil || got != want {
		t.Fatalf("Fetch = %+v, %v; want %+v", got, err, want)
	}
	asked := w.host.asked.Load()
	again, err := w.Fetch(t.Context(), w.src, ms, start+1)
	if err != nil || again != (files.Report{}) || w.host.asked.Load() != asked {
		t.Errorf("a second Fetch = %+v, %v, and asked %d times", again, err, w.host.asked.Load()-asked)
	}
	if got := w.content(t, "w", w.host.URL+"/a.png"); got != png {
		t.Errorf("kept %q", got)
	}
	if got, want := w.counts(t), (files.Counts{Fetched: 2, Gone: 1, Bytes: int64(2 * len(png))}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	contents := 0
	for _, err := range w.Folder().All() {
		if err != nil {
			t.Fatal(err)
		}
		contents++
	}
	if contents != 1 {
		t.Errorf("the same content is stored %d times", contents)
	}
	if _, err := w.Find(t.Context(), "other", w.host.URL+"/a.png"); !errors.Is(err, parlance.NotFound) {
		t.Errorf("another workspace finds it: %v", err)
	}
}

func TestRetry(t *testing.T) {
	w := newWorld(t)
	w.host.says("/a", fails(503))
	w.host.says("/b", fails(429, "Retry-After", "600"))
	w.host.says("/c", fails(401))
	ms := []files.Mention{w.mention("/a"), w.mention("/b"), w.mention("/c"), w.mention("/d")}
	got, err := w.Fetch(t.Context(), w.src, ms, start)
	if want := (files.Report{Failed: 3, Gone: 1}); err != nil || got != want {
		t.Fatalf("Fetch = %+v, %v; want %+v", got, err, want)
	}
	retry := func(after time.Duration, want files.Report) {
		t.Helper()
		got, err := w.Retry(t.Context(), w.src, start+parlance.Time(after.Milliseconds()))
		if err != nil || got != want {
			t.Errorf("Retry after %s = %+v, %v; want %+v", after, got, err, want)
		}
	}
	asked := w.host.asked.Load()
	retry(59*time.Second, files.Report{})
	if w.host.asked.Load() != asked {
		t.Error("asked before the time")
	}
	retry(time.Minute, files.Report{Failed: 2})
	w.host.says("/a", body("text/plain", "here"))
	w.host.says("/b", body("text/plain", "also"))
	retry(4*time.Minute, files.Report{})
	retry(5*time.Minute, files.Report{Fetched: 1, Failed: 1, Bytes: 4})
	retry(9*time.Minute, files.Report{})
	retry(10*time.Minute, files.Report{Fetched: 1, Bytes: 4})
	// Another source's failures aren't ours.
	other := w.src
	other.Name = "other"
	if got, err := w.Retry(t.Context(), other, start+parlance.Time(time.Hour.Milliseconds()*100)); err != nil || got != (files.Report{}) {
		t.Errorf("another source retried %+v, %v", got, err)
	}
	r, err := w.Find(t.Context(), "w", w.host.URL+"/c")
	if err != nil || r.State != files.Failed || r.Tries != 3 || r.Error != "status 401" || r.Next != start+parlance.Time((5+16)*time.Minute/time.Millisecond) {
		t.Errorf("the failure is %+v, %v", r, err)
	}
	w.host.says("/d", body("text/plain", "back"))
	w.host.says("/c", body("text/plain", "in"))
	all, err := w.RetryAll(t.Context(), w.src, start+parlance.Time((11*time.Minute).Milliseconds()))
	if want := (files.Report{Fetched: 2, Bytes: 6}); err != nil || all != want {
		t.Errorf("RetryAll = %+v, %v; want %+v", all, err, want)
	}
	if got, want := w.counts(t), (files.Counts{Fetched: 4, Bytes: 14}); got != want || !got.Complete() {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

// TestWanted is a crash between the record of a page's mentions and the fetch.
func TestWanted(t *testing.T) {
	w := newWorld(t)
	w.host.says("/a", body("text/plain", "a"))
	w.host.says("/b", body("text/plain", "b"))
	ms := []files.Mention{w.mention("/a"), w.mention("/b")}
	for range 2 {
		if err := w.Want(t.Context(), w.src, ms, start); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := w.counts(t), (files.Counts{Wanted: 2}); got != want || got.Complete() {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if w.host.asked.Load() != 0 {
		t.Error("Want fetched")
	}
	if got, err := w.Retry(t.Context(), w.src, start); err != nil || got.Fetched != 2 {
		t.Errorf("Retry = %+v, %v", got, err)
	}
	if got, want := w.counts(t), (files.Counts{Fetched: 2, Bytes: 2}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

// TestInterrupted stops a fetch when the content is on its way, and fetches anew.
func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.host.says("/a", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Length", "1000000")
		io.WriteString(rw, strings.Repeat("x", 600))
		http.NewResponseController(rw).Flush()
		cancel()
		<-r.Context().Done()
	})
	if _, err := w.Fetch(ctx, w.src, []files.Mention{w.mention("/a")}, start); !errors.Is(err, context.Canceled) {
		t.Fatalf("Fetch = %v, want it cancelled", err)
	}
	if got, want := w.counts(t), (files.Counts{Wanted: 1}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if left, err := filepath.Glob(filepath.Join(w.Folder().Dir(), "unfinished", "*")); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	// A crash after the content was stored and before it was recorded.
	if _, _, err := w.Folder().Store(strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	w.host.says("/a", body("text/plain", "whole"))
	if got, err := w.Retry(t.Context(), w.src, start); err != nil || got.Fetched != 1 {
		t.Errorf("Retry = %+v, %v", got, err)
	}
	if got := w.content(t, "w", w.host.URL+"/a"); got != "whole" {
		t.Errorf("kept %q", got)
	}
}

func TestTwoAtOnce(t *testing.T) {
	w := newWorld(t)
	var ms []files.Mention
	for _, p := range []string{"/a", "/b", "/c", "/d", "/e", "/f"} {
		w.host.says(p, body("text/plain", "of "+p))
		ms = append(ms, w.mention(p))
	}
	w.host.says("/f", fails(500))
	second := files.Open(w.store, w.Folder())
	var g errgroup.Group
	for i := range 8 {
		a := []*files.Archive{w.Archive, second}[i%2]
		g.Go(func() error {
			_, err := a.Fetch(t.Context(), w.src, ms[i%3:], start)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := w.counts(t); got.Fetched != 5 || got.Failed != 1 || got.Wanted != 0 {
		t.Errorf("counts %+v", got)
	}
	w.host.says("/f", body("text/plain", "f"))
	late := start + parlance.Time((48 * time.Hour).Milliseconds())
	if _, err := w.Retry(t.Context(), w.src, late); err != nil {
		t.Fatal(err)
	}
	if got := w.counts(t); !got.Complete() {
		t.Errorf("counts %+v", got)
	}
}

func TestByPath(t *testing.T) {
	w := newWorld(t)
	evil := newHost(t)
	evil.says("/files/chat/1", body("text/plain", "evil"))
	w.host.says("/files/chat/1", body("text/plain", "good"))
	open := w.src
	open.Fetcher = files.NewFetcher(files.FetcherOptions{Origin: mustParse(t, w.host.URL), AllowPrivate: true})
	t.Cleanup(open.Fetcher.Close)
	ms := []files.Mention{{Conversation: "c", Message: "m", Address: evil.URL + "/files/chat/1"}, w.mention("/files/chat/1?signed=1")}
	if got, err := w.Fetch(t.Context(), open, ms, start); err != nil || got.Fetched != 2 {
		t.Fatalf("Fetch = %+v, %v", got, err)
	}
	r, err := w.ByPath(t.Context(), "w", "/files/chat/1")
	if err != nil || r.Address != ms[1].Address {
		t.Errorf("found %+v, %v", r, err)
	}
	for _, c := range []struct{ ws, path string }{{"w", "/files/chat/2"}, {"other", "/files/chat/1"}, {"w", ""}} {
		if _, err := w.ByPath(t.Context(), parlance.WorkspaceID(c.ws), c.path); !errors.Is(err, parlance.NotFound) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// TestOnlyAPath fetches what a message names without a host.
func TestOnlyAPath(t *testing.T) {
	w := newWorld(t)
	w.host.says("/files/chat/1", body("text/plain", "x"))
	m := files.Mention{Conversation: "c", Message: "m", Address: "/files/chat/1"}
	if got, err := w.Fetch(t.Context(), w.src, []files.Mention{m}, start); err != nil || got.Fetched != 1 {
		t.Fatalf("Fetch = %+v, %v", got, err)
	}
	if r, err := w.ByPath(t.Context(), "w", "/files/chat/1"); err != nil || r.Address != m.Address {
		t.Errorf("found %+v, %v", r, err)
	}
}

func mustParse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestMentions(t *testing.T) {
	m := parlance.Message{ID: "m", Sticker: "smile", Attachments: []parlance.Attachment{
		{Type: parlance.TypeImage, Name: "a.png", URL: "https://h/a", Thumb: "https://h/t"},
		{Type: parlance.TypeFile, URL: "data:text/plain,x"},
		{Type: parlance.TypeFile, URL: "/files/b/1", Thumb: "/files/b/1"},
		{Type: parlance.TypeFile, URL: "//h/a"},
	}}
	want := []files.Mention{
		{"c", "m", "https://h/a", "a.png", parlance.TypeImage},
		{"c", "m", "https://h/t", "", parlance.TypeImage},
		{"c", "m", "/files/b/1", "", parlance.TypeFile},
	}
	got := files.Mentions("c", &m)
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

func TestFull(t *testing.T) {
	w := newWorld(t)
	w.host.says("/a", body("text/plain", "a"))
	if err := os.RemoveAll(filepath.Join(w.Folder().Dir(), "unfinished")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Fetch(t.Context(), w.src, []files.Mention{w.mention("/a")}, start); err == nil {
		t.Error("a folder that can't be written to is no error")
	}
	if got, want := w.counts(t), (files.Counts{Wanted: 1}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}
