package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/fake"
	"parlance/mirror"
)

// A mirroring is a practice upstream in a process of its own, an empty archive, and all that commands on it said.
type mirroring struct {
	t        *testing.T
	dir      string // the archive's
	secret   string // the path of the file with the credential
	upstream *process
	fake     fakeDescription
	said     strings.Builder // by all commands, on stdout and stderr
}

// practise starts a practice upstream and makes a workspace acme.
func practise(t *testing.T, platform parlance.Dialect, flags ...string) *mirroring {
	t.Helper()
	m := &mirroring{t: t, dir: t.TempDir(), secret: filepath.Join(t.TempDir(), "secret")}
	m.upstream = start(t, append([]string{"fake", "--json", "--platform", string(platform), "--every", "1000000"}, flags...)...)
	m.upstream.read(&m.fake)
	m.writeSecret(m.fake.Credentials)
	if r := runToEnd(t, nil, "workspace", "create", "acme", "--data", m.dir); r.code != exitDone {
		t.Fatalf("create the workspace: %+v", r)
	}
	return m
}

func (m *mirroring) writeSecret(c fake.Credentials) {
	m.t.Helper()
	if err := os.WriteFile(m.secret, []byte(secretFile(c)), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// secrets are those texts of the upstream's credentials that may be printed nowhere. Who reads is no secret: that is, an e-mail address.
func (m *mirroring) secrets() []string {
	c := m.fake.Credentials
	return slices.DeleteFunc([]string{c.ClientKey, c.Token, c.APIKey, c.Password}, func(s string) bool { return s == "" })
}

// An ended command is what one did.
type ended struct {
	code           int
	stdout, stderr string
}

// runToEnd runs the program with further variables.
func runToEnd(t *testing.T, env []string, args ...string) ended {
	t.Helper()
	return started(t, env, args...).wait()
}

// wait waits for the program's end.
func (p *process) wait() ended {
	p.t.Helper()
	out, err := io.ReadAll(p.stdout)
	if err != nil {
		p.t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return ended{p.cmd.ProcessState.ExitCode(), string(out), p.stderr.String()}
}

// command runs "parlance mirror VERB ..." and fails unless it ends with that code.
func (m *mirroring) command(code int, verb string, args ...string) ended {
	m.t.Helper()
	return m.commandWith(nil, code, verb, args...)
}

func (m *mirroring) commandWith(env []string, code int, verb string, args ...string) ended {
	m.t.Helper()
	r := runToEnd(m.t, env, append([]string{"mirror", verb, "--data", m.dir}, args...)...)
	m.said.WriteString(r.stdout + r.stderr)
	if r.code != code {
		m.t.Fatalf("mirror %s %v: exit code %d, want %d\n%s%s", verb, args, r.code, code, r.stdout, r.stderr)
	}
	return r
}

// add names the upstream up.
func (m *mirroring) add(flags ...string) {
	m.t.Helper()
	m.command(exitDone, "add", append([]string{
		"up", "--workspace", "acme", "--platform", string(m.fake.Platform), "--url", m.fake.URL, "--secret-file", m.secret,
		"--every", "0", "--allow-private-files",
	}, flags...)...)
}

// summary runs the mirror and returns its one line.
func (m *mirroring) summary(code int, flags ...string) runSummary {
	m.t.Helper()
	return oneLine[runSummary](m.t, m.command(code, "run", append([]string{"up", "--json", "--progress", "none"}, flags...)...).stdout)
}

func (m *mirroring) status(code int) upstreamStatus {
	m.t.Helper()
	return oneLine[upstreamStatus](m.t, m.command(code, "status", "up", "--json").stdout)
}

// keepsSecrets fails if anything that was said has a secret in it, or a file of the archive has.
func (m *mirroring) keepsSecrets() {
	m.t.Helper()
	for _, secret := range m.secrets() {
		if strings.Contains(m.said.String(), secret) {
			m.t.Errorf("the output has a secret in it:\n%s", m.said.String())
		}
		err := filepath.WalkDir(m.dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if strings.Contains(string(b), secret) {
				m.t.Errorf("%s has a secret in it", path)
			}
			return err
		})
		if err != nil {
			m.t.Error(err)
		}
	}
}

// oneLine decodes output that is one line of JSON and nothing else.
func oneLine[T any](t *testing.T, out string) T {
	t.Helper()
	var v T
	if strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "\n") {
		t.Fatalf("output of %d lines, want one:\n%s", strings.Count(out, "\n"), out)
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("decode %s: %v", out, err)
	}
	return v
}

// keysOf returns the keys of a JSON object in their order.
func keysOf(t *testing.T, object string) (keys []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	depth := 0
	for key := true; ; {
		token, err := d.Token()
		if err == io.EOF {
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			continue
		case json.Delim('}'), json.Delim(']'):
			if depth--; depth == 1 {
				key = true
			}
			continue
		}
		if depth == 1 {
			if key {
				keys = append(keys, token.(string))
			}
			key = !key
		}
	}
}

// TestMirrorCommands takes an upstream of each platform through all commands.
func TestMirrorCommands(t *testing.T) {
	for _, platform := range fake.Platforms() {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			m := practise(t, platform, "--messages", "120", "--seed", "3")
			m.command(exitFailed, "run")
			m.add("--rate", "10000")
			if s := m.status(exitPartial); s.State != mirror.Unknown || s.LastRun != "" {
				t.Errorf("before the first run: %+v", s)
			}

			dry := m.summary(exitPartial, "--dry-run")
			if !dry.DryRun || dry.New != m.fake.Messages || dry.Messages != 0 || dry.State == mirror.Complete {
				t.Errorf("the dry run: %+v", dry)
			}
			if s := m.status(exitPartial); s.Messages != 0 || s.Conversations != 0 || s.LastRun != "" {
				t.Errorf("the dry run wrote: %+v", s)
			}

			out := m.command(exitDone, "run", "up", "--json", "--progress", "json")
			want := []string{"source", "state", "conversations", "messages", "read", "new", "changed", "missing", "calls", "dry_run", "gaps"}
			if keys := keysOf(t, out.stdout); !slices.Equal(keys, want) {
				t.Errorf("the summary has the keys %v, want %v", keys, want)
			}
			if s := oneLine[runSummary](t, out.stdout); s.State != mirror.Complete || s.Messages != m.fake.Messages || s.New != s.Messages || s.Gaps == nil || len(s.Gaps) > 0 {
				t.Errorf("the first run: %s", out.stdout)
			}
			read := 0
			for line := range strings.Lines(out.stderr) {
				if p := oneLine[mirror.Progress](t, line); p.Source != "up" || p.Read < read {
					t.Errorf("progress: %s", line)
				} else {
					read = p.Read
				}
			}
			if read != m.fake.Messages {
				t.Errorf("the last line of progress says %d of %d messages", read, m.fake.Messages)
			}

			if s := m.summary(exitDone); s.New+s.Changed+s.Missing > 0 || s.State != mirror.Complete {
				t.Errorf("the second run: %+v", s)
			}
			if s := m.status(exitDone); s.State != mirror.Complete || s.Messages != m.fake.Messages || s.Gaps != 0 {
				t.Errorf("the status: %+v", s)
			}
			if g := oneLine[upstreamGaps](t, m.command(exitDone, "gaps", "--json").stdout); g.State != mirror.Complete || g.Gaps == nil || len(g.Gaps) > 0 {
				t.Errorf("the gaps: %+v", g)
			}

			m.command(exitDone, "remove", "up")
			if s := m.status(exitDone); s.Messages != m.fake.Messages {
				t.Errorf("a removal without --execute did something: %+v", s)
			}
			m.command(exitDone, "remove", "up", "--execute")
			m.command(exitFailed, "status", "up")
			m.add("--rate", "10000")
			if s := m.summary(exitDone); s.New != 0 || s.Messages != m.fake.Messages {
				t.Errorf("after the removal the messages are gone: %+v", s)
			}
			m.keepsSecrets()
		})
	}
}

// TestMirrorUsage checks that what can't be is refused with the code for it, before anything is asked.
func TestMirrorUsage(t *testing.T) {
	t.Parallel()
	m := practise(t, parlance.Shopline)
	add := []string{"up", "--workspace", "acme", "--platform", "shopline", "--url", m.fake.URL}
	m.command(exitUsage, "add", add...) // no credential
	m.command(exitUsage, "add", append(add, "--secret-file", filepath.Join(m.dir, "nowhere"))...)
	m.command(exitUsage, "add", "UP!", "--workspace", "acme", "--platform", "shopline", "--url", m.fake.URL, "--secret-file", m.secret)
	m.command(exitUsage, "add", "up", "--workspace", "acme", "--platform", "irc", "--url", m.fake.URL, "--secret-file", m.secret)
	m.command(exitUsage, "add", "up", "--workspace", "acme", "--platform", "shopline", "--url", "nonsense", "--secret-file", m.secret)
	m.command(exitUsage, "run", "--progress", "loud")
	m.command(exitUsage, "run", "--token", "t")
	m.command(exitUsage, "gaps", "--acknowledge", "x")
	m.command(exitFailed, "run", "up") // there is none
	m.keepsSecrets()
}

// TestMirrorSet changes what it is given, and nothing else.
func TestMirrorSet(t *testing.T) {
	t.Parallel()
	m := practise(t, parlance.Shopline, "--messages", "20")
	m.add()
	set := func(flags ...string) changedUpstream {
		return oneLine[changedUpstream](t, m.command(exitDone, "set", append([]string{"up", "--json"}, flags...)...).stdout)
	}
	want := changedUpstream{Source: "up", URL: m.fake.URL, SecretFile: m.secret, FullEverySeconds: 7 * 24 * 3600, AllowPrivateFiles: true, Rate: 7}
	if got := set("--rate", "7"); got != want {
		t.Errorf("with another rate it is %+v, want %+v", got, want)
	}
	want.EverySeconds, want.FullEverySeconds, want.RetentionSeconds, want.Rate, want.AllowPrivateFiles = 3600, 0, 30*24*3600, 0, false
	if got := set("--every", "1h", "--full-every", "0", "--retention", "30d", "--rate", "0", "--allow-private-files=false"); got != want {
		t.Errorf("with all of that it is %+v, want %+v", got, want)
	}
	m.summary(exitDone)
	if s := m.status(exitDone); s.RetentionSeconds != 30*24*3600 || s.NextRun == "" {
		t.Errorf("the status is %+v", s)
	}
	m.command(exitUsage, "set", "up")
	m.command(exitUsage, "set", "up", "--rate", "-1")
	m.command(exitUsage, "set", "up", "--url", "nowhere")
	m.command(exitUsage, "set", "up", "--secret-file", m.secret+"x")
	unfit := filepath.Join(t.TempDir(), "unfit")
	if err := os.WriteFile(unfit, []byte("email: somebody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.command(exitUsage, "set", "up", "--secret-file", unfit)
	m.command(exitFailed, "set", "other", "--rate", "1")
	if got := set("--every", "1h"); got != want {
		t.Errorf("after errors it is %+v, want %+v", got, want)
	}
	m.keepsSecrets()
}

// TestMirrorSecretsInEnvironment has the credential in the environment, for all upstreams and for one, which counts above the other.
func TestMirrorSecretsInEnvironment(t *testing.T) {
	t.Parallel()
	m := practise(t, parlance.Shopline, "--messages", "20")
	token := m.fake.Credentials.Token
	add := []string{"my-shop", "--workspace", "acme", "--platform", "shopline", "--url", m.fake.URL, "--every", "0", "--allow-private-files"}
	m.commandWith([]string{"PARLANCE_MIRROR_TOKEN=" + token}, exitDone, "add", add...)
	m.command(exitLogin, "run", "my-shop")
	m.commandWith([]string{"PARLANCE_MIRROR_TOKEN=wrong"}, exitLogin, "run", "my-shop")
	m.commandWith([]string{"PARLANCE_MIRROR_TOKEN=wrong", "PARLANCE_MIRROR_MY_SHOP_TOKEN=" + token}, exitDone, "run", "my-shop")
	m.keepsSecrets()
}

// TestMirrorExitCodes provokes each code with which a run ends, but that of an interrupt.
func TestMirrorExitCodes(t *testing.T) {
	t.Parallel()
	t.Run("login", func(t *testing.T) {
		t.Parallel()
		for _, platform := range fake.Platforms() {
			m := practise(t, platform, "--messages", "20")
			m.add()
			m.writeSecret(fake.Credentials{ClientKey: "key-of-nobody", Token: "token-of-nobody", Email: "nobody@example.com", Password: "password-of-nobody"})
			s := m.summary(exitLogin)
			if s.State != mirror.Unknown || s.Error == "" || s.Messages != 0 {
				t.Errorf("%s: %+v", platform, s)
			}
			m.command(exitLogin, "status", "up")
			for _, secret := range []string{"key-of-nobody", "token-of-nobody", "password-of-nobody"} {
				if strings.Contains(m.said.String(), secret) {
					t.Errorf("%s: a refused %s is printed", platform, secret)
				}
			}
			m.writeSecret(m.fake.Credentials)
			m.summary(exitDone)
			m.keepsSecrets()
		}
	})
	t.Run("partial", func(t *testing.T) {
		t.Parallel()
		m := practise(t, parlance.Shopline, "--messages", "90", "--seed", "5", "--faults", "bad-item")
		m.add("--rate", "10000")
		s := m.summary(exitPartial)
		if s.State != mirror.Partial || len(s.Gaps) == 0 || s.Error != "" {
			t.Fatalf("%+v", s)
		}
		gap, err := json.Marshal(s.Gaps[0])
		if err != nil {
			t.Fatal(err)
		}
		if keys := keysOf(t, string(gap)); !slices.Equal(keys, []string{"id", "conversation", "from", "to", "reason"}) {
			t.Errorf("a gap has the keys %v", keys)
		}
		g := oneLine[upstreamGaps](t, m.command(exitDone, "gaps", "up", "--json").stdout)
		if !slices.Equal(g.Gaps, s.Gaps) {
			t.Errorf("the run tells of %v, and gaps of %v", s.Gaps, g.Gaps)
		}
		for _, gap := range g.Gaps {
			_, rest, _ := strings.Cut(gap.Reason, "set aside as ")
			item, _, _ := strings.Cut(rest, ":")
			if shown := m.command(exitDone, "gaps", "up", "--show", item); len(shown.stdout) < 2 {
				t.Errorf("item %s isn't shown: %+v", item, shown)
			}
			m.command(exitDone, "gaps", "up", "--acknowledge", gap.ID)
		}
		if s := m.summary(exitDone); s.State != mirror.Complete {
			t.Errorf("all was acknowledged: %+v", s)
		}
		m.keepsSecrets()
	})
	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		m := practise(t, parlance.Shopline, "--messages", "90", "--seed", "1")
		m.add("--rate", "10000")
		m.summary(exitDone)
		// Another account answers at the same address.
		m.upstream.end(os.Interrupt)
		address := strings.TrimPrefix(m.fake.URL, "http://")
		m.upstream = start(t, "fake", "--json", "--platform", "shopline", "--messages", "90", "--seed", "2", "--listen", address)
		m.upstream.read(new(fakeDescription))
		s := m.summary(exitFailed)
		if s.State == mirror.Complete || s.New > 0 || s.Messages != 90 || !strings.Contains(s.Error, "account") {
			t.Errorf("%+v", s)
		}
		m.keepsSecrets()
	})
}

// TestMirrorInterrupted interrupts a run in its middle, by itself and where a server carries it out. What was read is kept, and the
// next run reads the rest alone.
func TestMirrorInterrupted(t *testing.T) {
	for _, served := range []bool{false, true} {
		t.Run("served="+strconv.FormatBool(served), func(t *testing.T) {
			t.Parallel()
			const messages, page = 1500, 10
			m := practise(t, parlance.Shopline, "--messages", strconv.Itoa(messages), "--conversations", "1", "--page", strconv.Itoa(page))
			if served {
				m.serve()
			}
			m.add("--rate", "50")
			run := started(t, nil, "mirror", "run", "up", "--data", m.dir, "--json", "--progress", "json")
			waitFor(t, run.stderr, func(line string) bool {
				return json.Valid([]byte(line)) && oneLine[mirror.Progress](t, line+"\n").Read >= 5*page
			})
			if err := run.cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			r := run.wait()
			m.said.WriteString(r.stdout + r.stderr)
			if r.code != exitInterrupted {
				t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			first := oneLine[runSummary](t, r.stdout)
			if first.State == mirror.Complete || first.Messages == 0 || first.Messages >= messages || first.New != first.Messages || first.Error == "" {
				t.Errorf("the interrupted run: %+v", first)
			}
			if s := m.status(exitPartial); s.Messages != first.Messages || s.State == mirror.Complete {
				t.Errorf("after it: %+v", s)
			}
			second := m.summary(exitDone)
			if second.State != mirror.Complete || second.Messages != messages || second.New != messages-first.Messages {
				t.Errorf("the next run: %+v", second)
			}
			// The page that was being read may come again, and the window that is always read again.
			if again := first.Read + second.Read - messages; again > 20*page {
				t.Errorf("%d messages were read twice", again)
			}
			m.keepsSecrets()
		})
	}
}

// TestMirrorServed checks that commands on a store that a server holds are carried out by it, with the same output.
func TestMirrorServed(t *testing.T) {
	t.Parallel()
	type told struct{ Add, Run, Again, Status, Gaps, Remove string }
	tell := func(served bool) (o told) {
		m := practise(t, parlance.IMKit, "--messages", "90", "--seed", "5", "--faults", "bad-item")
		var server *process
		if served {
			server = m.serve()
		}
		steady := strings.NewReplacer(m.fake.URL, "URL", m.dir, "DIR").Replace
		o.Add = steady(m.command(exitDone, "add", "up", "--workspace", "acme", "--platform", "imkit", "--url", m.fake.URL,
			"--secret-file", m.secret, "--every", "0", "--rate", "10000", "--allow-private-files").stdout)
		o.Run = m.command(exitPartial, "run", "--parallel", "1").stdout
		o.Again = m.command(exitPartial, "run", "up", "--json", "--progress", "none").stdout
		s := m.status(exitPartial)
		s.URL, s.AsOf, s.LastRun, s.LookedAt = "", "", "", ""
		o.Status = fmt.Sprintf("%+v", s)
		o.Gaps = m.command(exitDone, "gaps").stdout
		o.Remove = steady(m.command(exitDone, "remove", "up", "--execute").stdout)
		m.command(exitFailed, "run", "up")
		m.command(exitUsage, "run", "--progress", "loud")
		if server != nil {
			if code, _ := server.end(os.Interrupt); code != exitDone {
				t.Errorf("the server's exit code is %d\n%s", code, server.stderr)
			}
			m.said.WriteString(server.stderr.String())
		}
		m.keepsSecrets()
		return o
	}
	if alone, served := tell(false), tell(true); alone != served {
		t.Errorf("alone:\n%+v\nserved:\n%+v", alone, served)
	}
}

// serve starts a server on the archive.
func (m *mirroring) serve() *process {
	m.t.Helper()
	server := start(m.t, "serve", "--data", m.dir, "--listen", "127.0.0.1:0", "--json")
	server.read(new(serving))
	return server
}

// waitFor waits until a process wrote a line that is as asked.
func waitFor(t *testing.T, b *lockedBuffer, asked func(line string) bool) {
	t.Helper()
	for t.Context().Err() == nil {
		for line := range strings.Lines(b.String()) {
			if strings.HasSuffix(line, "\n") && asked(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it never came:\n%s", b)
}
