package files_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"parlance"
	"parlance/files"
)

// What the platform's own host answers is an answer of its API, in whatever clothes it comes; from anybody else's it is a file.
func TestAnswersAreNoFiles(t *testing.T) {
	const secret = `{"RC":0,"RM":"OK","result":{"token":"secret"}}`
	h := newHost(t)
	f := fetcher(t, files.FetcherOptions{Origin: mustParse(t, h.URL)})
	guest := fetcher(t, files.FetcherOptions{AllowPrivate: true})
	for _, c := range []struct{ header, content string }{
		{"application/json", secret},
		{"application/json; charset=utf-8", secret},
		{"APPLICATION/JSON", secret},
		{"application/json;", secret},
		{"application/problem+json", secret},
		{"text/plain", secret},
		{"", secret},
		{"application/octet-stream", secret},
		{"image/png", secret},
		{"application/pdf", secret},
		{"text/plain", "\xef\xbb\xbf \r\n\t" + secret},
		{"text/plain", secret + "\n" + secret},
		{"text/plain", `[{"token":"secret"}]`},
		{"text/plain", `{"a":"` + strings.Repeat("x", 2000) + `"}`},
		{"text/plain", `[` + strings.Repeat(`{"a":1},`, 300) + `{}]`},
		{"application/x-ndjson", "1\n2"},
		{"text/javascript", "callback(" + secret + ")"},
		{"application/javascript", "callback(" + secret + ")"},
		{"text/event-stream", "data: secret"},
		{"text/html", "<!DOCTYPE html><p>secret"},
		{"text/plain", "<!DOCTYPE html><p>secret"},
		{"application/xhtml+xml", "<html xmlns='x'>secret"},
		{"text/plain", "<rooms><room>secret</room></rooms>"},
		{"application/xml", "<?xml version='1.0'?><rooms/>"},
	} {
		h.says("/rooms", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{c.header}
			w.Write([]byte(c.content))
		})
		for _, m := range []files.Mention{
			{Address: h.URL + "/rooms", Type: parlance.TypeFile},
			{Address: "/rooms"},
			{Address: h.URL + "/rooms", Name: "a.json"},
			{Address: h.URL + "/rooms", Name: "a.html"},
			{Address: h.URL + "/rooms", Type: parlance.TypeImage},
			{Address: h.URL + "/rooms", Name: "a.pdf"},
		} {
			to := folder(t)
			if got, err := f.Fetch(t.Context(), to, m, start); !errors.Is(err, parlance.Forbidden) && !errors.Is(err, parlance.Broken) {
				t.Errorf("%q, %.40q as %+v: %+v, %v", c.header, c.content, m, got, err)
			}
			empty(t, to)
		}
		if c.header == "text/javascript" || c.header == "text/event-stream" || c.header == "text/html" || c.header == "application/json" {
			if _, err := guest.Fetch(t.Context(), folder(t), files.Mention{Address: h.URL + "/rooms", Type: parlance.TypeFile}, start); err != nil {
				t.Errorf("%q of another host: %v", c.header, err)
			}
		}
	}
	for _, c := range []struct{ header, content string }{
		{"text/html", png},
		{"application/json", "%PDF-1.7"},
		{"text/plain", "[1] Notes of the meeting"},
		{"text/plain", "[section]\na=1"},
		{"text/plain", "{curly} words"},
		{"image/svg+xml", `<svg xmlns="x"/>`},
		{"text/csv", "a,b"},
		{"", "PK\x03\x04"},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "PK\x03\x04rest"},
	} {
		h.says("/f", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{c.header}
			w.Write([]byte(c.content))
		})
		if _, err := f.Fetch(t.Context(), folder(t), files.Mention{Address: h.URL + "/f"}, start); err != nil {
			t.Errorf("%q, %q: %v", c.header, c.content, err)
		}
	}
}

// Of the addresses on the platform's host only those of its file call are found by a path, so that nobody takes one that is another file's.
func TestPathsCantBeTaken(t *testing.T) {
	w := newWorld(t)
	w.host.says("/files/chat/1", body("image/png", png))
	for _, path := range []string{"/public/files/chat/1", "/files/chat/1/", "/files//chat/1", "/x/../files/chat/1", "//files/chat/1", "/files/chat/1/files/chat/1"} {
		w.host.says(path, body("text/plain", "theirs"))
	}
	var ms []files.Mention
	for _, path := range []string{
		"/public/files/chat/1", "/files/chat/1/", "/files//chat/1", "/x/../files/chat/1", "//files/chat/1", "/files/chat/1/files/chat/1",
		"/files/chat%2f1", "/files/chat/%31", "/files/chat/1?signedUrlOnly=true&gone=1", "/files/chat/2/../1", "/files/chat/1;a=b", "/files/./chat/1",
	} {
		ms = append(ms, w.mention(path))
	}
	if _, err := w.Fetch(t.Context(), w.src, ms[:8], start); err != nil {
		t.Fatal(err)
	}
	if r, err := w.ByPath(t.Context(), "w", "/files/chat/1"); !errors.Is(err, parlance.NotFound) {
		t.Fatalf("the path leads to %+v, %v", r, err)
	}
	// An address that couldn't be had doesn't keep the path from one that can.
	w.host.says("/files/chat/1", body("application/json", `{"url":"https://elsewhere.example"}`))
	if _, err := w.Fetch(t.Context(), w.src, ms[8:], start); err != nil {
		t.Fatal(err)
	}
	w.host.says("/files/chat/1", body("image/png", png))
	if _, err := w.Fetch(t.Context(), w.src, []files.Mention{w.mention("/files/chat/1")}, start); err != nil {
		t.Fatal(err)
	}
	if r, err := w.ByPath(t.Context(), "w", "/files/chat/1"); err != nil || r.Address != w.host.URL+"/files/chat/1" {
		t.Errorf("the path leads to %+v, %v", r, err)
	}
}
