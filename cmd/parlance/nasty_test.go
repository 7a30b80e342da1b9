package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// nastiest is what a name can do to a terminal and to a shell, all at once.
const nastiest = "-x \x1b[31m\x1b]0;t\a\u009b31m\u202e\u2066\n'\"\\ `touch pwned` $(touch pwned)"

// hint finds commands that are printed to be pasted. A line of the log, which begins with its time, quotes them once more, as it does all.
var hint = regexp.MustCompile(`(?:: |with: |see )(parlance [a-z].*)$`)

// pasted returns the words that a shell makes of a command that was printed.
func pasted(t *testing.T, dir, command string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `parlance() { printf '%s\0' "$@"; }; `+command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("a shell doesn't take %q: %v, %s", command, err, out)
	}
	return strings.Split(string(out), "\x00")
}

// However things are called, in the store, on the command line or on the disk: nothing raw reaches the terminal, and what is printed to be
// pasted means what it says. Each command is given the folder, and then one nasty name at a time in the place of each of its own.
func TestEveryCommandWithNastyNames(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash to paste commands into")
	}
	s := newSample(t)
	name := strings.ReplaceAll(nastiest, "/", "")
	data := filepath.Join(s.base, name)
	if err := os.Rename(s.data, data); err != nil {
		t.Fatal(err)
	}
	lines := strings.NewReplacer("Anna", `\u001b[31m`+"\u009b\u202e`touch pwned`", "Haben", `\u001b]0;t\u0007`).Replace(example)
	if err := os.WriteFile(filepath.Join(s.base, "new.jsonl"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	hints := 0
	look := func(args []string, got ran) {
		t.Helper()
		raw := args[0] == "export" || args[0] == "certificate" // whose output is a file's
		if !isSafe(got.stderr) || !raw && !isSafe(got.stdout) {
			t.Errorf("%q prints raw: %q and %q", args, got.stdout, got.stderr)
		}
		if strings.Contains(got.stderr, "goroutine ") {
			t.Errorf("%q: a stack trace: %s", args, got.stderr)
		}
		if raw && got.code == exitDone {
			return
		}
		for line := range strings.Lines(got.stdout + "\n" + got.stderr) {
			m := hint.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
			if m == nil || strings.HasSuffix(m[1], "--help") || strings.HasPrefix(line, "time=") {
				continue
			}
			hints++
			if words := pasted(t, s.base, m[1]); !slices.Contains(words, data) && !slices.Contains(words, "other") && !strings.Contains(m[1], "NAME") {
				t.Errorf("%q: %q doesn't name the store: %q", args, m[1], words)
			}
		}
	}
	for _, c := range append(slices.Clone(commandsOnStores), commandOn{"mirror add more --workspace acme --platform imetastore --url http://127.0.0.1:1 --secret-file secret --conversation x --data", true},
		commandOn{"workspace credential add --workspace acme --kind seller-login --email a@example.com --label x --data", true},
		commandOn{"mirror run up --conversation x --data", true}, commandOn{"mirror gaps up --show x --data", false}, commandOn{"workspace list --data", false}) {
		args := strings.Fields(strings.NewReplacer("ID", s.credential, "OTHER", "other").Replace(c.args))
		flags := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "-") })
		for i := range args {
			value := i > flags && !strings.HasPrefix(args[i], "-") || i < flags && i >= 2 && args[0] != "files" || args[0] == "import" && i == 1
			if !value || args[0] == "workspace" && i < 2 || args[1] == "credential" && i < 3 {
				continue
			}
			one := append(slices.Clone(args), data)
			one[i] = nastiest
			if i < flags {
				one = append(slices.Delete(one, i, i+1), "--", nastiest)
			}
			look(one, runIn(t, s.base, "", one...))
			if args[i-1] == "--workspace" { // a name that can be, of nothing that is
				one[i] = "-none"
				look(one, runIn(t, s.base, "", one...))
			}
		}
		args = append(args, data)
		look(args, runIn(t, s.base, "", args...))
	}
	for _, args := range [][]string{
		{nastiest},
		{"workspace", nastiest},
		{"--" + nastiest},
		{"config", "check", "--config", nastiest},
		{"certificate", "check", nastiest},
		{"serve", "--data", data, "--listen", nastiest},
		{"serve", "--data", data, "--memory", nastiest},
		{"fake", "--platform", nastiest},
		{"demo", "--listen", nastiest},
		{"help", nastiest},
		{"completion", nastiest},
	} {
		look(args, runIn(t, s.base, "", args...))
	}
	if hints < 5 {
		t.Errorf("only %d commands to be pasted were found", hints)
	}
	if got, err := filepath.Glob(filepath.Join(s.base, "pwned")); err != nil || len(got) > 0 {
		t.Errorf("something was carried out: %q, %v", got, err)
	}
	if got := runIn(t, s.base, "", "export", "--workspace", "acme", "--quiet", "--output", "out.jsonl", "--data", data); got.code != exitDone {
		t.Errorf("export: %+v", got)
	}
	if out, err := os.ReadFile(filepath.Join(s.base, "out.jsonl")); err != nil || !bytes.Contains(out, []byte("touch pwned")) {
		t.Errorf("what was exported isn't what was imported: %v", err)
	}
}
