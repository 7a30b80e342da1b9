package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"parlance"
	"parlance/mirror"
)

// A secret file is read as it looks, or refused.
func TestSecretFile(t *testing.T) {
	for text, want := range map[string]string{
		"token: abc\n":                       "abc",
		"  token: abc\n":                     "abc",
		"token: abc":                         "abc",
		"token:\tabc \t\n":                   "abc",
		"\uFEFFtoken: abc\r\n":               "abc",
		"# mine\n---\ntoken: abc\n":          "abc",
		"token: abc\n# mine\n":               "abc",
		"token: abc#1\n":                     "abc#1",
		"token: a b:c\n":                     "a b:c",
		"token: 0123\n":                      "0123",
		"token: 1_000\n":                     "1_000",
		"token: 0x1F\n":                      "0x1F",
		"token: 1e3\n":                       "1e3",
		"token: yes\n":                       "yes",
		"token: true\n":                      "true",
		"token: 2026-01-01\n":                "2026-01-01",
		"token: 'abc #1'\n":                  "abc #1",
		"token: 'it''s'\n":                   "it's",
		`token: "a\"b\\c" # mine` + "\n":     `a"b\c`,
		`{"token": "abc #1"}`:                "abc #1",
		`{"token": "abc", "email": "a@b.c"}`: "abc",
		`{token: abc, email: a@b.c}`:         "abc",
		"token: 'null'\n":                    "null",
		"\"token\": abc\n":                   "abc",
		"token: é漢😀\nemail: é\n":             "é漢😀",
		"":                                   "",
		"token:\n":                           "",
	} {
		s, err := parseSecret([]byte(text))
		if err != nil || s.Token != want {
			t.Errorf("%q is read as %q, %v; want %q", text, s.Token, err, want)
		}
	}
	for _, text := range []string{
		"token: s3cret #1\n", "token: s3cret\t#1\n", "token: s3cret\n  more\n", "token: |\n  s3cret\n", "token: >\n  s3cret\n",
		"token: \"s3cret\n  more\"\n", "token: 's3cret\n  more'\n", "token: &s3cret abc\n", "token: !s3cret abc\n", "token: !!binary s3cret\n", "token: ~\n", "token: null\n", "token: NULL\n",
		"token: [s3cret]\n", "token: {s3cret: 1}\n", "token: s3cret: 1\n", "token: *s3cret\n", "token: %s3cret\n", "token: @s3cret\n",
		"token: a\ntoken: s3cret\n", "token: a\n---\ntoken: s3cret\n", "tokn: s3cret\n", "Token: s3cret\n", "s3cret\n", "- s3cret\n", "token s3cret\n",
		"token: s3cret\x00\n", "token: s3cret\x7f\n", "token: \"s3cret\\n\"\n", "token: s3cret\u2028x\n", "token: s3cret\u0085x\n", "token: \xff\n",
		"\xff\xfet\x00o\x00", "<<: {token: s3cret}\n", "token: abc\n\tx: s3cret\n", "token: \"s3cret\n", strings.Repeat("#", parlance.MaxSecretFile) + "\ntoken: s3cret\n",
	} {
		s, err := parseSecret([]byte(text))
		if err == nil {
			t.Errorf("%.60q is read as %q, want it refused", text, s.Token)
		} else if strings.Contains(err.Error(), "s3cret") || s != (mirror.Secret{}) {
			t.Errorf("%.60q: the error tells it, or a part is returned: %v", text, err)
		}
	}
}

// FuzzSecretFile holds what is read without quotes to what stands in the line, and that what is written is read again.
func FuzzSecretFile(f *testing.F) {
	for _, s := range []string{"token: abc #1\n", "token: 'a''b'\n", "{token: a, email: b}", "token: a\n b\n", "token: \"a\\x41\"", "a: &a [*a]", "token: é\r\nemail: ~", strings.Repeat("[", 500)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSecret([]byte(text))
		if err != nil {
			if s != (mirror.Secret{}) {
				t.Error("a part of a refused file is returned")
			}
		}
		for name, v := range secretFields(&s) {
			if *v == "" {
				continue
			}
			if !utf8.ValidString(*v) || strings.ContainsAny(*v, "\n\r\x00") {
				t.Errorf("%s is %q", name, *v)
			}
			if !strings.ContainsAny(text, `"'`) && !strings.Contains(text, *v) {
				t.Errorf("%q is read as %q", text, *v)
			}
			// Without quotes and brackets a line has one value, and that whole.
			if !strings.ContainsAny(text, `"'{}`) {
				whole := false
				for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
					whole = whole || strings.HasSuffix(strings.TrimRight(line, " \t"), *v)
				}
				if !whole {
					t.Errorf("%q is read as %q, and no line ends so", text, *v)
				}
			}
		}
		if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) && text != "" && len(text) < 1000 {
			s, err := parseSecret([]byte("  " + secretLine("token", text) + "\n  email: x\n"))
			if err != nil || s.Token != text {
				t.Errorf("%q is written as %q and read as %q, %v", text, secretLine("token", text), s.Token, err)
			}
		}
		if len(text) < 2000 {
			if n := testing.AllocsPerRun(1, func() { _, _ = parseSecret([]byte(text)) }); n > 1000+100*float64(len(text)) {
				t.Errorf("%v allocations for %d bytes", n, len(text))
			}
		}
	})
}

// A credential goes to the upstream that it is meant for, and not in the clear.
func TestSecretGoesWhereItIsMeant(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.secret")
	if err := os.WriteFile(file, []byte("token: from-the-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	config := func(url, file string) mirror.Config {
		return mirror.Config{Name: "my-shop", Platform: parlance.Shopline, Settings: mirror.Settings{URL: url, SecretFile: file}}
	}
	is := func(what string, c mirror.Config, want string) {
		t.Helper()
		if s, err := secretOf(c, lookup); err != nil || s.Token != want {
			t.Errorf("%s: %q, %v; want %q", what, s.Token, err, want)
		}
	}
	env["PARLANCE_MIRROR_TOKEN"] = "general"
	is("a file and a general variable", config("https://a.example", file), "from-the-file")
	is("a general variable alone", config("https://a.example", ""), "general")
	env["PARLANCE_MIRROR_MY_SHOP_TOKEN"] = "own"
	is("its own variable", config("https://a.example", file), "own")
	is("its own variable alone", config("https://a.example", ""), "own")

	for url, good := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://[::1]:8080": true, "http://localhost": true, "http://127.8.9.10": true, "https://a.example": true,
		"http://a.example": false, "http://10.0.0.1": false, "http://192.168.1.4:80/x": false, "HTTP://a.example": false, "http://localhost.example": false,
		"http://127.0.0.1.example": false, "http://[fe80::1]": false, "http://0.0.0.0": false,
	} {
		if s, err := secretOf(config(url, file), lookup); (err == nil) != good || !good && s != (mirror.Secret{}) {
			t.Errorf("%s: %v", url, err)
		}
		c := config(url, file)
		c.InsecureHTTP = true
		is("allowed, "+url, c, "own")
	}
}
