package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A damage is done to the files of a store's folder that match a pattern.
type damage struct {
	name, files string
	do          func(b []byte) []byte // nil: they are removed
	everywhere  bool                  // whoever opens the store finds it; else those that read there
}

func flipEvery(step int) func([]byte) []byte {
	return func(b []byte) []byte {
		for i := step / 2; i < len(b); i += step {
			b[i] ^= 0x55
		}
		return b
	}
}

var damages = []damage{
	{"no manifest marker", "marker.manifest.*", nil, true},
	{"no format marker", "marker.format-version.*", nil, true},
	{"no manifest", "MANIFEST-*", nil, true},
	{"manifest cut", "MANIFEST-*", func(b []byte) []byte { return b[:len(b)/2] }, true},
	{"manifest flipped", "MANIFEST-*", flipEvery(40), true},
	{"no log", "*.log", nil, true},
	{"log cut", "*.log", func(b []byte) []byte { return b[:len(b)/2] }, true},
	{"log flipped", "*.log", flipEvery(400), true},
	{"no table", "*.sst", nil, true},
	{"table cut", "*.sst", func(b []byte) []byte { return b[:len(b)/2] }, true},
	{"table flipped all over", "*.sst", flipEvery(40), false},
	{"table flipped in one place", "*.sst", func(b []byte) []byte { b[len(b)/3] ^= 1; return b }, false},
	{"oldest table flipped", "*.sst", flipEvery(40), false},
	{"newest table flipped", "*.sst", flipEvery(40), false},
	{"newest table flipped in one place", "*.sst", func(b []byte) []byte { b[len(b)/3] ^= 1; return b }, false},
}

func (d damage) to(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, d.files))
	if err != nil || len(names) == 0 {
		t.Fatalf("there is no %s: %v", d.files, err)
	}
	switch { // their names are in the order of making
	case strings.HasPrefix(d.name, "oldest"):
		names = names[:1]
	case strings.HasPrefix(d.name, "newest"):
		names = names[len(names)-1:]
	}
	for _, name := range names {
		if d.do == nil {
			err = os.Remove(name)
		} else {
			var b []byte
			if b, err = os.ReadFile(name); err == nil {
				err = os.WriteFile(name, d.do(b), 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever is damaged, every command says so in one sentence, ends with 5 and changes nothing; and where the damage lies elsewhere than it
// reads, it does what it does.
func TestEveryCommandOnADamagedStore(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	s.leave()
	if err := os.Remove(filepath.Join(s.data, "control.sock")); err != nil {
		t.Fatal(err)
	}
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			base := ""
			for _, c := range append(slices.Clone(commandsOnStores), commandOn{"serve --listen 127.0.0.1:0 --data", false}) {
				if !d.everywhere && strings.HasPrefix(c.args, "serve") {
					continue // TestDamageWhileServed
				}
				if base == "" || !d.everywhere { // a command that finds the damage leaves the folder to the next one as it is
					base = s.copied(t, d)
				}
				data := filepath.Join(base, "store")
				before := withoutLock(everything(t, data))
				try := func(base string) (args []string, code int, out, talk bytes.Buffer) {
					args = strings.Fields(strings.NewReplacer("ID", s.credential, "OTHER", filepath.Join(base, "other"), "new.jsonl", filepath.Join(base, "new.jsonl"),
						"out.jsonl", filepath.Join(base, "out.jsonl"), "secret-file secret", "secret-file "+filepath.Join(base, "secret")).Replace(c.args))
					args = append(args, filepath.Join(base, "store"))
					code = run(t.Context(), args, strings.NewReader(""), &out, &talk, func(string) (string, bool) { return "", false })
					return args, code, out, talk
				}
				args, code, out, talk := try(base)
				what := strings.Join(args, " ")
				if strings.Contains(talk.String(), "goroutine ") || strings.Contains(talk.String(), "panic") {
					t.Errorf("%s: a stack trace: %s", what, &talk)
				}
				if !d.everywhere && code != exitDiffers {
					if code != exitDone && code != exitPartial {
						// As without any damage: there is no such gap, say.
						if _, usual, _, _ := try(s.copied(t, damage{files: "*.sst", do: slices.Clone[[]byte]})); code != usual {
							t.Errorf("%s: exit code %d, and %d without damage, %s", what, code, usual, &talk)
						}
					}
					continue
				}
				last := strings.TrimSuffix(talk.String(), "\n")
				last = last[strings.LastIndex(last, "\n")+1:]
				if code != exitDiffers || !strings.HasPrefix(last, "parlance: ") {
					t.Errorf("%s: exit code %d, stderr %q, stdout %q", what, code, &talk, &out)
				}
				if !d.everywhere {
					if strings.Contains(last, "nothing was changed") { // which nobody knows by then
						t.Errorf("%s: %s", what, last)
					}
					continue
				}
				if strings.Count(talk.String(), "\n") != 1 || !strings.Contains(last, data) {
					t.Errorf("%s: not one sentence that names the store: %q", what, &talk)
				}
				if after := withoutLock(everything(t, data)); !slices.Equal(before, after) {
					t.Errorf("%s: the folder was\n%s\nand is\n%s", what, strings.Join(before, "\n"), strings.Join(after, "\n"))
				}
			}
		})
	}
}

// copied returns a copy of the sample in which the store is damaged.
func (s *sample) copied(t *testing.T, d damage) string {
	t.Helper()
	base := filepath.Join(t.TempDir(), "b")
	if err := os.CopyFS(base, os.DirFS(s.base)); err != nil {
		t.Fatal(err)
	}
	for _, store := range []string{"store", "other"} {
		if err := os.Chmod(filepath.Join(base, store), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(base, "store", "certificate.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.to(t, filepath.Join(base, "store"))
	return base
}

// withoutLock leaves out the file that is locked, and the folder, whose time it makes new.
func withoutLock(all []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return strings.HasPrefix(s, "/LOCK ") || strings.HasPrefix(s, " ") })
}

// Tables that go bad while they are served: who asks gets the API's own error and nothing of the inside, the log names the file, and the
// server neither ends nor fills the log.
func TestDamageWhileServed(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	keys := map[string]string{}
	for _, kind := range []string{"client-key", "api-key", "shopline-token"} {
		got := s.want(exitDone, "workspace credential add --workspace acme --data store --kind "+kind)
		fields := strings.Fields(got.stdout)
		keys[kind] = fields[len(fields)-1]
	}
	got := s.want(exitDone, "workspace credential add --workspace acme --data store --kind seller-login --email anna@example.com")
	fields := strings.Fields(got.stdout)
	p := start(t, "serve", "--data", s.data, "--listen", "127.0.0.1:0", "--json")
	var v serving
	p.read(&v)
	_, token, _ := strings.Cut(call(t, v.URL+"/merchant-api/seller/auth/login", `{"email":"anna@example.com","password":"`+fields[len(fields)-1]+`"}`), `"accessToken":"`)
	token, _, _ = strings.Cut(token, `"`)
	damage{files: "*.sst", do: flipEvery(40)}.to(t, s.data)
	ask := func(path, body string, headers ...string) string {
		t.Helper()
		method := http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, method, v.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s: %v\n%s", path, err, p.stderr)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode < 500 {
			t.Errorf("%s: status %d, %s", path, resp.StatusCode, b)
		}
		for _, inside := range []string{"sst", "pebble", s.data, "checksum", "record", "damaged"} {
			if strings.Contains(string(b), inside) {
				t.Errorf("%s tells of %q: %s", path, inside, b)
			}
		}
		return string(b)
	}
	forms := map[string]string{
		ask("/rooms", "", "IM-CLIENT-KEY", keys["client-key"], "IM-API-KEY", keys["api-key"]):                                                                         `"RC":`,
		ask("/v1/conversations?platform=shop_messages", "", "Authorization", "Bearer "+keys["shopline-token"]):                                                        `"`,
		ask("/merchant-api/seller/im/msg", `{"buyerId":null,"minTime":0,"maxTime":4102444800}`, "Content-Type", "application/json", "Authorization", "Bearer "+token): `"code":`,
	}
	for body, form := range forms {
		if !strings.Contains(body, form) {
			t.Errorf("not in the API's own form: %s", body)
		}
	}
	log := p.stderr.String()
	if !strings.Contains(log, ".sst") || strings.Count(log, "\n") > 100 || strings.Contains(log, "stack trace") {
		t.Errorf("the log:\n%s", log)
	}
	code, _ := p.end(syscall.SIGTERM)
	if strings.Contains(p.stderr.String(), "goroutine ") || code < 0 {
		t.Errorf("serve: exit code %d\n%s", code, p.stderr)
	}
}
