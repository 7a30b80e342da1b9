package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"
)

// nasty are the names that other people may give to things.
var nasty = []string{
	"\x1b[31mred\x1b[0m", "\x1b]0;title\a", "a\rb", "a\nb\nparlance: forged", "a\tb", "\u009b31m", "\x9b31m", "\u202eevil", "\u2066x\u2069", "a\u2028b",
	"\u061cx", "\u200fx", "\x7f", "\xff\xfe", "plain", "Größe 大", "👩‍👩‍👧", "it's", `a"b\c`, "$HOME `id` $(id)", "a b", "", "-rf", "~", "*", "a=b",
}

// isSafe reports whether text does nothing to a terminal.
func isSafe(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(c rune) bool { return controls(c) && c != '\n' && c != '\t' }) < 0
}

// Nothing that a command prints does anything to a terminal, in whatever pieces it is written; and an argument stays on its line.
func TestControlSignsAreShown(t *testing.T) {
	for _, s := range nasty {
		var b bytes.Buffer
		w := &safeWriter{out: &b}
		for i := range len(s) {
			if _, err := w.Write([]byte{s[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		var whole bytes.Buffer
		if _, err := (&safeWriter{out: &whole}).Write([]byte(s + " ")); err != nil || b.String()+" " != whole.String() || !isSafe(b.String()) {
			t.Errorf("%q is written as %q, byte by byte as %q", s, whole.String(), b.String())
		}
		type name string
		for _, a := range []any{s, name(s), errors.New(s), []string{s}} {
			b.Reset()
			if err := printf(&b, "%s|%v\n", a, a); err != nil || !isSafe(b.String()) || strings.Count(b.String(), "\n") != 1 || strings.Contains(b.String(), "\t") {
				t.Errorf("%T %q is printed as %q", a, s, b.String())
			}
		}
	}
	if got := shown("Größe 大\n"); got != `Größe 大\n` {
		t.Errorf("got %q", got)
	}
}

// JSON is the same JSON after it was made safe.
func TestSafeJSON(t *testing.T) {
	var b bytes.Buffer
	w := &safeWriter{out: &b}
	if err := writeLine(w, nasty); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || !isSafe(b.String()) {
		t.Fatalf("%v: %q", err, b.String())
	}
	for i, want := range nasty {
		if got[i] != strings.ToValidUTF8(want, "\ufffd") && utf8.ValidString(want) {
			t.Errorf("%q became %q", want, got[i])
		}
	}
}

// What is printed to be pasted means the same to a shell.
func TestShell(t *testing.T) {
	for _, s := range append(nasty, "/a/b c/it's", "/path/to/x:y@z") {
		word := shell(s)
		if !isSafe(word) {
			t.Errorf("%q is quoted as %q", s, word)
		}
		out, err := exec.CommandContext(t.Context(), "bash", "-c", "printf %s. "+word).Output()
		if err != nil || string(out) != s+"." {
			t.Errorf("%q is quoted as %s, which is %q, %v", s, word, out, err)
		}
	}
	if got, want := commandLine("workspace create", "--data "+shell("a b"), "-x"), "parlance workspace create --data 'a b' -- -x"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := commandLine("mirror run", "--data d", "shop"), "parlance mirror run shop --data d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSentence(t *testing.T) {
	if got := sentence(errors.Join(errors.New("one"), errors.New("two\n"))); got != "one; two" {
		t.Errorf("got %q", got)
	}
}
