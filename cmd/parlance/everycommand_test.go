package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"parlance"
)

// A commandOn is a command on a store, to be given with the folder behind it.
type commandOn struct {
	args   string
	writes bool // changes the store
}

// ID stands for a credential's id, OTHER for the folder of another store.
var commandsOnStores = []commandOn{
	{"export --workspace acme --quiet --data", false},
	{"export --workspace acme --quiet --output out.jsonl --data", false},
	{"search hello --workspace acme --quiet --data", false},
	{"index status --data", false},
	{"index rebuild --workspace acme --quiet --data", true},
	{"verify --quiet --data", false},
	{"verify --quiet --against OTHER --data", false},
	{"workspace list --data", false},
	{"workspace credential list --workspace acme --data", false},
	{"mirror status --data", false},
	{"mirror status up --data", false},
	{"mirror gaps --data", false},
	{"mirror run --dry-run --data", false},
	{"mirror remove up --data", false},
	{"files --data", false},
	{"files --check --data", false},
	{"certificate --workspace acme --data", false},
	{"certificate key --data", false},
	{"copy --to OTHER --from", false},
	{"workspace create beta --data", true},
	{"workspace credential add --workspace acme --kind api-key --data", true},
	{"workspace credential rotate ID --workspace acme --data", true},
	{"workspace credential revoke ID --workspace acme --data", true},
	{"import new.jsonl --workspace acme --quiet --data", true},
	{"mirror add down --workspace acme --platform imetastore --url http://127.0.0.1:1 --secret-file secret --data", true},
	{"mirror set up --every 1h --data", true},
	{"mirror run --data", true},
	{"mirror gaps up --acknowledge 0123456789 --data", true},
	{"mirror remove up --execute --data", true},
	{"files --retry --all --data", true},
	{"copy --from OTHER --to", true},
	{"copy --switch-over --to OTHER --from", true},
	{"copy --thaw --from", true},
}

// ownCommands need no store, or are tested for themselves: serve.
var ownCommands = []string{
	"serve", "demo", "fake", "version", "config check", "certificate check", "help",
	"completion bash", "completion zsh", "completion fish", "completion powershell",
}

// The tables have all commands.
func TestEveryCommandIsInTheTables(t *testing.T) {
	named := func(path string) bool {
		return slices.Contains(ownCommands, path) || slices.ContainsFunc(commandsOnStores, func(c commandOn) bool { return strings.HasPrefix(c.args+" ", path+" ") })
	}
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		for _, below := range c.Commands() {
			look(below)
		}
		path := strings.TrimPrefix(c.CommandPath(), "parlance ")
		if _, group := strings.CutPrefix(path, "completion"); c.HasParent() && (!c.HasSubCommands() || c.Name() == "certificate") && !group && !named(path) {
			t.Errorf("%q is in no table", path)
		}
	}
	look((&program{}).root())
}

// A sample is a folder with a store that has something of everything, the files that the commands of the table name, and another store.
type sample struct {
	t          *testing.T
	base, data string
	credential string // an id
}

func newSample(t *testing.T) *sample {
	t.Helper()
	m := practise(t, parlance.IMetaStore)
	s := &sample{t: t, base: t.TempDir()}
	s.data = filepath.Join(s.base, "store")
	if err := os.Rename(m.dir, s.data); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"new.jsonl": example, "secret": secretFile(m.fake.Credentials)} {
		if err := os.WriteFile(filepath.Join(s.base, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.want(exitDone, "mirror add up --workspace acme --platform imetastore --secret-file secret --data store --url "+m.fake.URL)
	s.want(exitDone, "mirror run --data store")
	s.want(exitDone, "certificate --workspace acme --data store")
	s.want(exitDone, "copy --from store --to other")
	list := s.want(exitDone, "workspace credential list --workspace acme --data store")
	s.credential, _, _ = strings.Cut(list.stdout, "\t")
	return s
}

// run runs a command of the table.
func (s *sample) run(args string) ran {
	s.t.Helper()
	args = strings.NewReplacer("ID", s.credential, "OTHER", "other").Replace(args)
	return runIn(s.t, s.base, "", strings.Fields(args)...)
}

func (s *sample) want(code int, args string) ran {
	s.t.Helper()
	got := s.run(args)
	if got.code != code {
		s.t.Fatalf("%s: %+v", args, got)
	}
	return got
}

// leave serves the store and kills the server, so that there is a log to read and nothing was closed.
func (s *sample) leave() {
	s.t.Helper()
	p := start(s.t, "serve", "--data", s.data, "--listen", "127.0.0.1:0", "--json")
	var v serving
	p.read(&v)
	s.want(exitDone, "import new.jsonl --workspace acme --quiet --data store")
	p.end(syscall.SIGKILL)
}

// everything returns what there is of a folder: names, kinds, modes, times and contents.
func everything(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := e.Info()
		if err != nil {
			return err
		}
		var sum [32]byte
		if i.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum = sha256.Sum256(b)
		}
		all = append(all, fmt.Sprintf("%s %s %s %x", strings.TrimPrefix(path, dir), i.Mode(), i.ModTime(), sum[:4]))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// readOnly mounts a folder to be read only, and returns where.
func readOnly(t *testing.T, dir string) string {
	t.Helper()
	mount := filepath.Join(filepath.Dir(dir), "media")
	if err := os.Mkdir(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "--bind", "-o", "ro", dir, mount).CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted here: %v, %s", err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", mount).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return mount
}

// A store that wasn't closed, in a folder that can't be written: every command that reads does so, every one that writes says in one
// sentence that it can't, and nothing in the folder changes.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	added := strings.Fields(s.want(exitDone, "workspace credential add --workspace acme --data store --kind seller-login --email anna@example.com").stdout)
	password := added[len(added)-1]
	s.leave()
	media := readOnly(t, s.data)
	before := everything(t, s.data)
	const sentence = "is on media that can only be read"
	for _, c := range commandsOnStores {
		got := s.run(c.args + " media")
		refused := "parlance: the store in " + media + " " + sentence + "\n"
		switch {
		case !c.writes && (got.code != exitDone && got.code != exitPartial || strings.Contains(got.stderr, sentence)):
			if strings.HasPrefix(c.args, "verify --quiet --against") && got.code == exitDiffers { // the other store hasn't what was imported
				continue
			}
			t.Errorf("%s: %+v", c.args, got)
		case c.writes && (got.code != exitFailed || !strings.HasSuffix(got.stderr, refused)):
			if strings.HasPrefix(c.args, "files --retry") || strings.HasPrefix(c.args, "copy --thaw") || strings.HasPrefix(c.args, "mirror gaps") {
				continue // there is nothing to do
			}
			t.Errorf("%s: %+v", c.args, got)
		}
	}
	p := start(t, "serve", "--data", media, "--listen", "127.0.0.1:0", "--json")
	var v serving
	p.read(&v)
	if ready := call(t, v.URL+"/readyz", ""); !strings.Contains(ready, "ok") {
		t.Errorf("readyz: %s", ready)
	}
	if login := call(t, v.URL+"/seller/auth/login", `{"email":"anna@example.com","password":"`+password+`"}`); !strings.Contains(login, `"accessToken":"`) {
		t.Errorf("nobody had logged in before: %s", login)
	}
	s.want(exitDone, "verify --quiet --data media") // beside it
	if code, _ := p.end(syscall.SIGTERM); code != exitDone {
		t.Errorf("serve: %d, %s", code, p.stderr)
	}
	if after := everything(t, s.data); !slices.Equal(before, after) {
		t.Errorf("the folder was\n%s\nand is\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}
