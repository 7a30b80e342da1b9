package files_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/files"
)

func folder(t testing.TB) *files.Folder {
	t.Helper()
	f, err := files.OpenFolder(filepath.Join(t.TempDir(), "files"), start)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func fetcher(t testing.TB, o files.FetcherOptions) *files.Fetcher {
	f := files.NewFetcher(o)
	t.Cleanup(f.Close)
	return f
}

// empty checks that nothing is in the folder, whole or not.
func empty(t *testing.T, f *files.Folder) {
	t.Helper()
	err := filepath.WalkDir(f.Dir(), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("left %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOutcomes(t *testing.T) {
	h := newHost(t)
	const limit = 1000
	long := strings.Repeat("x", limit+1)
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		mention files.Mention
		want    parlance.ErrorKind
		after   time.Duration
	}{
		"gone":            {fails(410), files.Mention{}, parlance.NotFound, 0},
		"not found":       {fails(404), files.Mention{}, parlance.NotFound, 0},
		"no credential":   {fails(403), files.Mention{}, parlance.Unauthenticated, 0},
		"slow down":       {fails(429, "Retry-After", "7"), files.Mention{}, parlance.Limited, 7 * time.Second},
		"slow down, long": {fails(429, "Retry-After", "99999"), files.Mention{}, parlance.Limited, time.Hour},
		"broken":          {fails(502, "Retry-After", "3"), files.Mention{}, parlance.Unavailable, 3 * time.Second},
		"a part":          {fails(206), files.Mention{}, parlance.Broken, 0},
		"not modified":    {fails(304), files.Mention{}, parlance.Broken, 0},
		"redirect, lost":  {fails(302), files.Mention{}, parlance.Broken, 0},
		"large, told":     {body("text/plain", long), files.Mention{}, parlance.Forbidden, 0},
		"large, not told": {func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				io.WriteString(w, long[:600])
				http.NewResponseController(w).Flush()
			}
		}, files.Mention{}, parlance.Forbidden, 0},
		"packed, though nobody asked for it": {func(w http.ResponseWriter, _ *http.Request) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			io.WriteString(z, long)
			z.Close()
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(b.Bytes())
		}, files.Mention{}, parlance.Broken, 0},
		"encoded": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, "x")
		}, files.Mention{}, parlance.Broken, 0},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "900")
			io.WriteString(w, long[:600])
		}, files.Mention{}, parlance.Unavailable, 0},
		"cut off at once": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "900")
			io.WriteString(w, "x")
		}, files.Mention{}, parlance.Unavailable, 0},
		"cut off, in chunks": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, long[:600])
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, files.Mention{}, parlance.Unavailable, 0},
		"no answer":              {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, files.Mention{}, parlance.Unavailable, 0},
		"a program":              {body("image/png", "\x7fELF\x02\x01\x01\x00\x00"), files.Mention{}, parlance.Forbidden, 0},
		"a program, by name":     {body("application/x-msdownload", "MZ\x90\x00\x03"), files.Mention{}, parlance.Forbidden, 0},
		"a login for a picture":  {body("text/html", "<!DOCTYPE html><p>please log in"), files.Mention{Type: parlance.TypeImage}, parlance.Broken, 0},
		"a login for a document": {body("text/html", "<html>please log in"), files.Mention{Type: parlance.TypeFile, Name: "offer.PDF"}, parlance.Broken, 0},
		"an error for a picture": {body("application/json", `{"RC":401}`), files.Mention{Type: parlance.TypeImage}, parlance.Broken, 0},
		"nothing for a picture":  {body("image/png", ""), files.Mention{Type: parlance.TypeImage}, parlance.Broken, 0},
	} {
		t.Run(name, func(t *testing.T) {
			to := folder(t)
			path := "/" + url.PathEscape(name)
			h.says("/"+name, c.answer)
			c.mention.Address = h.URL + path
			got, err := fetcher(t, files.FetcherOptions{AllowPrivate: true, MaxBytes: limit}).Fetch(t.Context(), to, c.mention, start)
			if !errors.Is(err, c.want) || parlance.RetryAfter(err) != c.after {
				t.Errorf("got %+v, %v (%v), again after %s; want %v, %s", got, err, parlance.KindOf(err), parlance.RetryAfter(err), c.want, c.after)
			}
			if err != nil && strings.Contains(err.Error(), h.URL) {
				t.Errorf("the error tells the address: %v", err)
			}
			empty(t, to)
		})
	}
}

func TestTypes(t *testing.T) {
	h := newHost(t)
	for _, c := range []struct{ header, content, want string }{
		{"image/png", png, "image/png"},
		{"", png, "image/png"},
		{"text/html", png, "image/png"},
		{"image/png", "<html><script>", "text/html"},
		{"image/svg+xml", `<svg xmlns="x"><script/></svg>`, "image/svg+xml"},
		{"image/png", `<?xml version="1.0"?><svg xmlns="x"/>`, "image/svg+xml"},
		{"image/png", "just words", "text/plain"},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "PK\x03\x04rest", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"application/octet-stream", "PK\x03\x04rest", "application/zip"},
		{"application/octet-stream", "\x00\x01\x02", "application/octet-stream"},
		{"audio/amr", "#!AMR\nxx\x00", "audio/amr"},
		{"text/csv; charset=utf-8", "a,b", "text/csv"},
		{"nonsense", "a,b", "text/plain"},
		{"application/pdf", "%PDF-1.7", "application/pdf"},
		{"text/plain", "MZ is how this sentence begins", "text/plain"},
	} {
		h.says("/f", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{c.header}
			io.WriteString(w, c.content)
		})
		got, err := fetcher(t, files.FetcherOptions{AllowPrivate: true}).Fetch(t.Context(), folder(t), files.Mention{Address: h.URL + "/f"}, start)
		if err != nil || got.Type != c.want || got.Size != int64(len(c.content)) {
			t.Errorf("%q with %q: %+v, %v; want %s", c.header, c.content, got, err, c.want)
		}
	}
}

func TestSlowDrip(t *testing.T) {
	h := newHost(t)
	h.says("/f", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, "drip"); err != nil {
				return
			}
			http.NewResponseController(w).Flush()
		}
	})
	to := folder(t)
	f := fetcher(t, files.FetcherOptions{AllowPrivate: true, Timeout: 50 * time.Millisecond, MaxBytes: 1 << 40})
	if _, err := f.Fetch(t.Context(), to, files.Mention{Address: h.URL + "/f"}, start); !errors.Is(err, parlance.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
	empty(t, to)
}

func TestAddresses(t *testing.T) {
	h := newHost(t)
	h.says("/f", body("text/plain", "x"))
	port := mustParse(t, h.URL).Port()
	f := fetcher(t, files.FetcherOptions{})
	for _, address := range []string{
		"ftp://example.org/f", "file:///etc/passwd", "javascript:alert(1)", "gopher://127.0.0.1/", "http:///f", "http://user:pw@example.org/f", "", "f", "/f", "http://a b/", "//example.org/f",
		"http://127.0.0.1:" + port + "/f", "http://localhost:" + port + "/f", "http://[::1]:" + port + "/f", "http://[::ffff:127.0.0.1]:" + port + "/f", "http://[::ffff:7f00:1]:" + port + "/f",
		"http://10.0.0.1/f", "http://172.16.0.1/f", "http://192.168.1.1/f", "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/f", "http://0.0.0.0:" + port + "/f", "http://[::]:" + port + "/f",
		"http://224.0.0.1/f", "http://255.255.255.255/f", "http://[fe80::1]/f", "http://[fe80::1%25eth0]/f", "http://[fc00::1]/f", "http://[ff02::1]/f", "http://[64:ff9b::7f00:1]/f", "http://[64:ff9b::a00:1]/f",
		"http://[2002:7f00:1::]/f", "http://[2002:a00:1::1]/f", "http://[64:ff9b:1::1]/f", "http://[2001:0:7f00:1::]/f", "http://[::127.0.0.1]/f", "http://192.0.2.1/f", "http://198.18.0.1/f", "http://[2001:db8::1]/f",
	} {
		to := folder(t)
		_, err := f.Fetch(t.Context(), to, files.Mention{Address: address}, start)
		if !errors.Is(err, parlance.Forbidden) {
			t.Errorf("%s: %v (%v), want Forbidden", address, err, parlance.KindOf(err))
		} else if strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: the error tells the password: %v", address, err)
		}
		empty(t, to)
	}
	// Other ways to write an address lead to the resolver, which either refuses them or gives the number that is checked.
	for _, address := range []string{"http://2130706433:" + port + "/f", "http://0x7f.1:" + port + "/f", "http://0177.0.0.1:" + port + "/f", "http://127.1:" + port + "/f"} {
		if _, err := f.Fetch(t.Context(), folder(t), files.Mention{Address: address}, start); err == nil {
			t.Errorf("%s was fetched", address)
		}
	}
	if n := h.asked.Load(); n != 0 {
		t.Errorf("the host was asked %d times", n)
	}
	for _, allow := range []files.FetcherOptions{
		{AllowPrivate: true}, {AllowHosts: []string{"127.0.0.1"}}, {AllowHosts: []string{"127.0.0.1:" + port}}, {Origin: mustParse(t, h.URL)},
	} {
		if _, err := fetcher(t, allow).Fetch(t.Context(), folder(t), files.Mention{Address: h.URL + "/f"}, start); err != nil {
			t.Errorf("%+v: %v", allow, err)
		}
	}
	if _, err := fetcher(t, files.FetcherOptions{AllowHosts: []string{"127.0.0.1:1"}}).Fetch(t.Context(), folder(t), files.Mention{Address: h.URL + "/f"}, start); !errors.Is(err, parlance.Forbidden) {
		t.Errorf("another port was asked: %v", err)
	}
}

func TestRedirects(t *testing.T) {
	ours, theirs := newHost(t), newHost(t)
	redirect := func(to string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
			http.Redirect(w, r, to, status)
		}
	}
	seen := func(name, credential string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Im-Api-Key"); got != credential {
				t.Errorf("%s got the credential %q, want %q", name, got, credential)
			}
			for _, h := range []string{"Cookie", "Referer", "Authorization"} {
				if v := r.Header.Get(h); v != "" {
					t.Errorf("%s got %s %q", name, h, v)
				}
			}
			io.WriteString(w, "file")
		}
	}
	ours.says("/away", redirect(theirs.URL+"/f", 302))
	ours.says("/back", redirect(theirs.URL+"/back", 307))
	theirs.says("/back", redirect(ours.URL+"/f", 308))
	theirs.says("/f", seen("another host", ""))
	ours.says("/f", seen("the platform", "secret"))
	ours.says("/relative", redirect("f", 301))
	theirs.says("/relative", redirect("f", 301))
	theirs.says("/loop", redirect("/loop", 302))
	theirs.says("/mapped", redirect("http://[::ffff:127.0.0.1]:"+mustParse(t, ours.URL).Port()+"/f", 302))
	ours.says("/meta", redirect("http://169.254.169.254/latest/meta-data/", 302))
	ours.says("/file", redirect("file:///etc/passwd", 302))
	ours.says("/user", redirect("http://u:p@example.org/", 302))
	o := files.FetcherOptions{Origin: mustParse(t, ours.URL), Authorize: func(r *http.Request) { r.Header.Set("IM-API-Key", "secret") }}
	strict := fetcher(t, o)
	o.AllowPrivate = true
	open := fetcher(t, o)
	for address, want := range map[string]error{
		ours.URL + "/away": nil, ours.URL + "/f": nil, theirs.URL + "/relative": nil, theirs.URL + "/loop": parlance.Broken,
		// The platform itself is never what anybody redirects to.
		ours.URL + "/back": parlance.Forbidden, ours.URL + "/relative": parlance.Forbidden, theirs.URL + "/back": parlance.Forbidden,
		theirs.URL + "/mapped": parlance.Forbidden,
	} {
		if _, err := open.Fetch(t.Context(), folder(t), files.Mention{Address: address}, start); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
	for _, path := range []string{"/away", "/meta", "/file", "/user"} { // only the platform itself may be private
		if _, err := strict.Fetch(t.Context(), folder(t), files.Mention{Address: ours.URL + path}, start); !errors.Is(err, parlance.Forbidden) {
			t.Errorf("%s: %v, want Forbidden", path, err)
		}
	}
	if n := theirs.asked.Load(); n > 30 {
		t.Errorf("the loop was followed for %d requests", n)
	}
}

func TestFolder(t *testing.T) {
	f := folder(t)
	sum, size, err := f.Store(strings.NewReader("content"))
	if err != nil || size != 7 || sum.String() != "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73" {
		t.Fatalf("Store = %s, %d, %v", sum, size, err)
	}
	path := filepath.Join(f.Dir(), "ed", sum.String())
	if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", i, err)
	}
	if i, err := os.Stat(filepath.Dir(path)); err != nil || i.Mode().Perm() != 0o700 {
		t.Errorf("its folder is %v, %v", i, err)
	}
	if err := f.Check(t.Context(), sum); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("cantent"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(t.Context(), sum); !errors.Is(err, parlance.Corrupt) {
		t.Errorf("a changed file: %v", err)
	}
	if err := os.WriteFile(path, []byte("con"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Store(strings.NewReader("content")); err != nil || f.Check(t.Context(), sum) != nil {
		t.Errorf("a torn file isn't replaced: %v, %v", err, f.Check(t.Context(), sum))
	}
	if err := f.Check(t.Context(), files.Sum{}); !errors.Is(err, parlance.NotFound) {
		t.Errorf("a missing file: %v", err)
	}
	for _, bad := range []string{"", "ed70", strings.ToUpper(sum.String()), sum.String() + "00", "../" + sum.String()} {
		if _, err := files.ParseSum(bad); !errors.Is(err, parlance.Invalid) {
			t.Errorf("ParseSum(%q) = %v", bad, err)
		}
	}
}

// TestTorn opens a folder in which crashes have left files.
func TestTorn(t *testing.T) {
	f := folder(t)
	for name, age := range map[string]time.Duration{"old": 2 * time.Hour, "young": time.Minute} {
		path := filepath.Join(f.Dir(), "unfinished", name)
		at := start.Std().Add(-age)
		if err := errors.Join(os.WriteFile(path, []byte("torn"), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := files.OpenFolder(f.Dir(), start); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(f.Dir(), "unfinished", "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "young" {
		t.Errorf("left %v, %v", left, err)
	}
}
