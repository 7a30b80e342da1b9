package main

import (
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// What a command prints holds ids, names, addresses and texts of other people. None of it may do anything to a terminal but be
// read: no escape sequences, no line that looks like one of ours, no text that runs backwards. Control signs
// are shown the way JSON writes them, so that what is JSON stays the same JSON.

// controls reports whether c does something to a terminal: C0, DEL and C1, and what turns or breaks lines in Unicode.
func controls(c rune) bool {
	switch {
	case c < 0x20, c >= 0x7f && c <= 0x9f:
		return true
	case c < 0x61c:
		return false
	}
	return c == 0x61c || c == 0x200e || c == 0x200f || c >= 0x2028 && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c >= 0xfff9 && c <= 0xfffb
}

// appendShown appends s to b with its control signs escaped, but for those that keep has. Bytes that aren't UTF-8
// are escaped too: some terminals take them for C1.
func appendShown(b []byte, s, keep string) []byte {
	for len(s) > 0 {
		c, n := utf8.DecodeRuneInString(s)
		switch {
		case c == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, s[0])
		case !controls(c) || strings.ContainsRune(keep, c):
			b = append(b, s[:n]...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\t':
			b = append(b, `\t`...)
		default:
			b = fmt.Appendf(b, `\u%04x`, c)
		}
		s = s[n:]
	}
	return b
}

// shown returns s as one line that does nothing to a terminal.
func shown(s string) string { return string(appendShown(nil, s, "")) }

// printf is fmt.Fprintf with [shown] done to every argument that is text. The format is ours.
func printf(w io.Writer, format string, args ...any) error {
	safe := make([]any, len(args))
	for i, a := range args {
		safe[i] = shownArgument(a)
	}
	_, err := fmt.Fprintf(w, format, safe...)
	return err
}

func shownArgument(a any) any {
	switch a := a.(type) {
	case nil:
		return a
	case error:
		return shown(a.Error())
	case fmt.Stringer:
		return shown(a.String())
	}
	switch v := reflect.ValueOf(a); v.Kind() {
	case reflect.String:
		return shown(v.String())
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct, reflect.Pointer:
		return shown(fmt.Sprint(a))
	}
	return a
}

// A safeWriter passes on lines of text without any other control signs than the ends of lines and tabs. It stands between all commands and
// the outside, in case one prints what it didn't clean.
type safeWriter struct {
	mu   sync.Mutex
	out  io.Writer
	part []byte // the beginning of a character whose end is to come
}

// Unwrap returns what is written to.
func (w *safeWriter) Unwrap() io.Writer { return w.out }

// Write passes b on.
func (w *safeWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := string(append(w.part, b...))
	w.part = nil
	whole := len(text)
	for i := max(0, whole-utf8.UTFMax+1); i < whole; i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRuneInString(text[i:]) {
			w.part = []byte(text[i:])
			whole = i
			break
		}
	}
	if _, err := w.out.Write(appendShown(nil, text[:whole], "\n\t")); err != nil {
		return 0, err
	}
	return len(b), nil
}

// flush writes what is left of a character that had no end. Where somebody is still writing nobody reads: then there is no end to wait for.
func (w *safeWriter) flush() error {
	if !w.mu.TryLock() {
		return nil
	}
	defer w.mu.Unlock()
	if len(w.part) == 0 {
		return nil
	}
	_, err := w.out.Write(appendShown(nil, string(w.part), ""))
	w.part = nil
	return err
}

// plainWord matches what a shell takes as it stands.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$`)

// shell returns s as one word of a shell's command line, to be pasted there.
func shell(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	if strings.IndexFunc(s, controls) < 0 && utf8.ValidString(s) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	b := []byte("$'")
	for len(s) > 0 {
		c, n := utf8.DecodeRuneInString(s)
		if c == '\'' || c == '\\' {
			b = append(b, '\\', byte(c))
		} else if controls(c) || c == utf8.RuneError && n == 1 {
			for i := range n {
				b = fmt.Appendf(b, `\%03o`, s[i])
			}
		} else {
			b = append(b, s[:n]...)
		}
		s = s[n:]
	}
	return string(append(b, '\''))
}

// pasted is [commandLine] for a command on the store that this one was about.
func (p *program) pasted(a *archive, ours string, names ...string) string {
	n := a.name
	if p.archive != nil && n.dir != "" { // the process that holds it may have been started in another folder
		if abs, err := filepath.Abs(n.dir); err == nil {
			n.dir = abs
		}
	}
	return commandLine(ours, n.flags(), names...)
}

// commandLine returns a command to be pasted into a shell: the program's name, words that are ours, and names of others. Those that
// begin with a dash come last, after the sign that no more flags follow.
func commandLine(ours string, flags string, names ...string) string {
	parts := []string{"parlance", ours}
	dash := false
	var quoted []string
	for _, n := range names {
		dash = dash || strings.HasPrefix(n, "-")
		quoted = append(quoted, shell(n))
	}
	if !dash {
		parts = append(parts, quoted...)
	}
	if flags != "" {
		parts = append(parts, flags)
	}
	if dash {
		parts = append(append(parts, "--"), quoted...)
	}
	return strings.Join(parts, " ")
}
