package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parlance"
)

// env is an environment.
type env map[string]string

func (e env) lookup(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "parlance.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPrecedence(t *testing.T) {
	file := write(t, "# a comment\ndata: /file\nlisten: 127.0.0.1:1\nshopline_rate: 1\nbehind_proxy: true\ntls_cert:\n")
	c, err := Load(Sources{
		File:  file,
		Env:   env{"PARLANCE_DATA_DIR": "/env", "PARLANCE_SHOPLINE_RATE": "2", "PARLANCE_LOG_LEVEL": "", "PARLANCE_SERVICE_HOST": "not ours"}.lookup,
		Flags: map[string]string{"shopline_rate": "3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "/env" || c.Listen != "127.0.0.1:1" || c.ShoplineRate != 3 || !c.BehindProxy || c.LogLevel != slog.LevelInfo {
		t.Errorf("Load = %+v", c)
	}
	want := map[string]Setting{
		"data":          {"data", "/env", "PARLANCE_DATA_DIR"},
		"listen":        {"listen", "127.0.0.1:1", file + ":3"},
		"shopline_rate": {"shopline_rate", 3, "--shopline-rate"},
		"log_level":     {"log_level", "info", "default"},
		"tls_cert":      {"tls_cert", "", "default"},
	}
	for _, s := range c.Settings() {
		if w, ok := want[s.Key]; ok && s != w {
			t.Errorf("setting %+v, want %+v", s, w)
		}
	}
	if n := len(c.Settings()); n != len(Keys()) {
		t.Errorf("%d settings, %d keys", n, len(Keys()))
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"data: x\nlissten: y\n":         `parlance.yaml:2: unknown key "lissten"; the keys are data, engine,`,
		"data: x\ndata: y\n":            "parlance.yaml:2: data is given already in line 1",
		"data: [x]\n":                   "parlance.yaml:1: data: want a single value",
		"- data\n":                      "parlance.yaml:1: want a list",
		"\nshopline_rate: many\n":       `parlance.yaml:2: shopline_rate: "many": want a number`,
		"shopline_rate: -1\n":           "want a number",
		"log_level: INFO+2\n":           "want debug, info, warn or error",
		"behind_proxy: perhaps\n":       "want true or false",
		"data: x\n---\ndata: y\n":       "want one YAML document",
		"data: \"x\nlisten: 127.0.0.1:": "parlance.yaml: yaml: ",
	} {
		_, err := Load(Sources{File: write(t, text), Env: env{}.lookup})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
	for _, empty := range []string{"", "# nothing\n", "---\n", "null\n"} {
		if _, err := Load(Sources{File: write(t, empty), Env: env{}.lookup}); err != nil {
			t.Errorf("%q: %v", empty, err)
		}
	}
	if _, err := Load(Sources{Env: env{"PARLANCE_BEHIND_PROXY": "x"}.lookup}); err == nil || !strings.HasPrefix(err.Error(), "PARLANCE_BEHIND_PROXY: ") {
		t.Errorf("a bad variable: %v", err)
	}
	if _, err := Load(Sources{Env: env{}.lookup, File: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a missing file is no error")
	}
}

// Sizes are numbers of bytes, with a unit or without; what they can't be is refused, and what overflows isn't taken for less.
func TestSizes(t *testing.T) {
	for v, want := range map[string]int64{"1": 1, "512Mi": 512 << 20, "3Gi": 3 << 30, "2Ti": 2 << 40, "9223372036854775807": 1<<63 - 1, "7Ki": 7 << 10} {
		c, err := Load(Sources{Env: env{"PARLANCE_FILES_QUOTA": v, "PARLANCE_FILES_WORKSPACE_QUOTA": v, "PARLANCE_FILES_RESERVE": v}.lookup})
		if err != nil || c.FilesQuota != want || c.FilesWorkspaceQuota != want || c.FilesReserve != want {
			t.Errorf("%q: %d, %d, %d, %v", v, c.FilesQuota, c.FilesWorkspaceQuota, c.FilesReserve, err)
		}
	}
	for _, key := range []string{"files_quota", "files_workspace_quota", "files_reserve"} {
		for _, v := range []string{"-1", "1GB", "1.5Gi", "Gi", " 1", "9223372036854775808", "8388608Ti", "-1Ki"} {
			if _, err := Load(Sources{Env: env{Variable(key): v}.lookup}); err == nil || !strings.HasPrefix(err.Error(), Variable(key)+": ") {
				t.Errorf("%s %q: %v", key, v, err)
			}
		}
	}
	c, err := Load(Sources{Env: env{"PARLANCE_FILES_RESERVE": "0"}.lookup})
	if err != nil || c.FilesReserve != 0 || c.FilesQuota != parlance.MaxFilesAll || c.FilesWorkspaceQuota != parlance.MaxFilesWorkspace {
		t.Errorf("no reserve: %+v, %v", c, err)
	}
	if c.Memory != parlance.DefaultMemory {
		t.Errorf("memory: %d", c.Memory)
	}
	if _, err := Load(Sources{Env: env{"PARLANCE_MEMORY": "511Mi"}.lookup}); err == nil {
		t.Error("too little memory is taken")
	}
	if _, err := Load(Sources{Env: env{"PARLANCE_FILES_QUOTA": "0"}.lookup}); err == nil {
		t.Error("a quota of nothing is taken")
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string // in the error; empty = none
	}{
		{Config{Listen: "127.0.0.1:0"}, ""},
		{Config{Listen: "0.0.0.0:80"}, "--behind-proxy"},
		{Config{Listen: ":80"}, "--tls-cert"},
		{Config{Listen: ":80", BehindProxy: true}, ""},
		{Config{Listen: ":80", TLSCert: "c", TLSKey: "k"}, ""},
		{Config{Listen: "127.0.0.1:0", TLSCert: "c"}, "both or none"},
		{Config{Listen: "127.0.0.1"}, "host:port"},
	} {
		switch err := c.config.Check(); {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v: %v, want %q", c.config, err, c.want)
		}
	}
}

// Proxies are named one by one, or by networks of a size that somebody can own.
func TestTrustedProxies(t *testing.T) {
	var c Config
	if err := setTrustedProxies(&c, "10.1.2.3/8, 192.0.2.1,2001:db8::1,fc00::/7"); err != nil {
		t.Fatal(err)
	}
	if got := networks(c.TrustedProxies); got != "10.0.0.0/8,192.0.2.1/32,2001:db8::1/128,fc00::/7" {
		t.Errorf("got %s", got)
	}
	for _, v := range []string{
		"", ",", "10.0.0.0/8,", "0.0.0.0/0", "::/0", "10.0.0.1,0.0.0.0/0", "0.0.0.0/1,128.0.0.0/1", "2000::/3", "::ffff:0.0.0.0/96", "::ffff:10.0.0.1",
		"fe80::1%eth0", "proxy.example", "10.0.0.0/33", "*",
	} {
		if err := setTrustedProxies(&c, v); err == nil {
			t.Errorf("%q: no error", v)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, loopback := range map[string]bool{
		"127.0.0.1:8080": true, "127.9.9.9:0": true, "[::1]:80": true, "localhost:80": true, "[::ffff:127.0.0.1]:1": true,
		"0.0.0.0:80": false, ":80": false, "[::]:80": false, "10.0.0.1:80": false, "example.com:80": false,
	} {
		if err := CheckAddress(address); err != nil {
			t.Errorf("CheckAddress(%q) = %v", address, err)
		}
		if got := Loopback(address); got != loopback {
			t.Errorf("Loopback(%q) = %v", address, got)
		}
	}
	for _, address := range []string{"", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:-1"} {
		if err := CheckAddress(address); err == nil {
			t.Errorf("CheckAddress(%q) = nil", address)
		}
	}
}

// FuzzParse checks that no file makes the program fall over.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"data: x\n", "a: &a [*a]\n", "? x\n: y\n", "<<: *x\n", "\x00", "data: !!binary x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := Defaults()
		c.origins = map[string]string{}
		if err := c.parse("f", b); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}
