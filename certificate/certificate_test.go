package certificate_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"parlance"
	"parlance/certificate"
	"parlance/mirror"
)

func openKey(t testing.TB) *certificate.Key {
	t.Helper()
	k, err := certificate.OpenKey(filepath.Join(t.TempDir(), "certificate.key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// a statement of one conversation with every kind of thing in it.
func statement() *certificate.Statement {
	const at = certificate.Instant(1748736000123)
	return &certificate.Statement{
		Workspace: "w", Issued: at,
		Sources: []certificate.Source{{Name: "up", Platform: parlance.IMKit, URL: "https://im.example/?a=1&b=<2>", State: mirror.Partial, Listed: at}},
		Conversations: []certificate.Conversation{{
			ID: "room \u2028 & <1>", Source: "up", State: mirror.Partial, Log: certificate.Log{Number: 7, Hash: strings.Repeat("ab", 32), Messages: 6},
			Coverage: certificate.Coverage{
				Order: "updated", Spans: []certificate.Span{{High: at, Low: at - 1000, Began: at, Ended: at, Pages: 2}}, Mirrored: 6,
				Total: &certificate.Total{Count: 9, Query: "GET /x", At: at}, Gaps: []certificate.Gap{{ID: "1", To: at, Reason: "not read yet"}},
				Files: &certificate.Files{Kept: 1, Waiting: 2, Lost: 3}, Checked: at,
			},
		}},
		Limits: []string{"none"},
	}
}

func sign(t testing.TB, k *certificate.Key) ([]byte, *certificate.Statement) {
	t.Helper()
	s := statement()
	b, err := certificate.Sign(s, k)
	if err != nil {
		t.Fatal(err)
	}
	return b, s
}

// What is signed is read as it was stated, by who asks for the key that signed it and for any.
func TestRoundTrip(t *testing.T) {
	k := openKey(t)
	b, want := sign(t, k)
	if n := bytes.Count(b, []byte("\n")); n != 2 || b[len(b)-1] != '\n' {
		t.Errorf("%d lines: %s", n, b)
	}
	public := k.Public()
	for _, by := range []*certificate.PublicKey{nil, &public} {
		got, err := certificate.Parse(b, by)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

// A change of any byte, one left out or one put in, anywhere in the file, is found.
func TestChanged(t *testing.T) {
	b, _ := sign(t, openKey(t))
	refused := func(what string, changed []byte) {
		t.Helper()
		if _, err := certificate.Parse(changed, nil); parlance.KindOf(err) != parlance.Corrupt {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for i := range b {
		for bit := range 8 {
			changed := bytes.Clone(b)
			changed[i] ^= 1 << bit
			refused(fmt.Sprintf("bit %d of byte %d", bit, i), changed)
		}
		refused(fmt.Sprintf("the first %d bytes", i), b[:i])
	}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(b)).Draw(t, "from")
		to := rapid.IntRange(from, len(b)).Draw(t, "to")
		changed := bytes.Join([][]byte{b[:from], rapid.SliceOf(rapid.Byte()).Draw(t, "in its place"), b[to:]}, nil)
		if bytes.Equal(changed, b) {
			return
		}
		if _, err := certificate.Parse(changed, nil); parlance.KindOf(err) != parlance.Corrupt {
			t.Fatalf("%v", err)
		}
	})
}

// Another key's signature is refused, also where the second line is another one's own, whole and good.
func TestOtherKey(t *testing.T) {
	a, b := openKey(t), openKey(t)
	byA, _ := sign(t, a)
	byB, _ := sign(t, b)
	public := b.Public()
	if _, err := certificate.Parse(byA, &public); parlance.KindOf(err) != parlance.Corrupt || !strings.Contains(err.Error(), a.Public().String()) {
		t.Errorf("signed by another key: %v", err)
	}
	first, _, _ := bytes.Cut(byA, []byte("\n"))
	_, second, _ := bytes.Cut(byB, []byte("\n"))
	if _, err := certificate.Parse(bytes.Join([][]byte{first, second}, []byte("\n")), nil); parlance.KindOf(err) != parlance.Corrupt {
		t.Errorf("the second line of another: %v", err)
	}
}

// Of all there is, only what was signed passes.
func FuzzParse(f *testing.F) {
	good, _ := sign(f, fixedKey(f))
	f.Add(good)
	f.Add([]byte("{}\n{}\n"))
	f.Add([]byte("\n{\"ed25519\":\"\",\"signature\":\"\"}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := certificate.Parse(b, nil); (err == nil) != bytes.Equal(b, good) || (err == nil) != (s != nil) {
			t.Errorf("Parse: %v, %v", s, err)
		}
	})
}

// fixedKey returns the same key always.
func fixedKey(t testing.TB) *certificate.Key {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := certificate.OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A key is made once, by whoever comes first, for its owner alone.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "certificate.key")
	keys := make([]certificate.PublicKey, 8)
	var g sync.WaitGroup
	for i := range keys {
		g.Go(func() {
			k, err := certificate.OpenKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = k.Public()
		})
	}
	g.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Errorf("two keys: %s and %s", k, keys[0])
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("the folder: %v, %v", names, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := certificate.OpenKey(path); !errors.Is(err, parlance.Forbidden) {
		t.Errorf("a key that others can read: %v", err)
	}
	for name, content := range map[string]string{"text": "secret", "pem": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"} {
		bad := filepath.Join(dir, name)
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := certificate.OpenKey(bad); !errors.Is(err, parlance.Corrupt) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("a file with %s: %v", name, err)
		}
	}
}

// Nothing that prints things by mistake prints a key.
func TestKeyIsNotPrinted(t *testing.T) {
	k := openKey(t)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k)
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %s", k, k, k), log.String()} {
		if !strings.Contains(text, "(signing key)") || strings.Contains(text, "0x") || len(text) > 200 {
			t.Errorf("printed: %s", text)
		}
	}
}
