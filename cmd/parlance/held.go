package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/internal/control"
)

// carriedOut is the exit code of a command that another process carried out, which also said all there was to say.
type carriedOut int

func (c carriedOut) Error() string {
	return fmt.Sprintf("carried out elsewhere with exit code %d", int(c))
}

// onHeld does what a command does on a store that must be there. If another process holds its folder, that one carries the
// whole command out, with the same output.
func (p *program) onHeld(ctx context.Context, cmd *cobra.Command, do func(*archive) error) error {
	if p.archive != nil {
		return do(p.archive)
	}
	c, err := p.settings(cmd)
	if err != nil {
		return err
	}
	a, err := openExisting(ctx, c, p.logger(c, quiet))
	if err == nil {
		return a.close(do(a))
	}
	if !errors.Is(err, parlance.Unavailable) || c.Data == "" || c.Engine == "cassandra" {
		return err
	}
	dir, e := os.Getwd()
	if e != nil {
		return errors.Join(err, e)
	}
	code, e := control.Run(ctx, filepath.Join(c.Data, control.Socket), control.Command{Args: p.args, Env: ownVariables(), Dir: dir}, p.stdout, p.stderr)
	if e != nil {
		return errors.Join(err, e)
	}
	return carriedOut(code)
}

// ownVariables returns those of the environment that are the program's own.
func ownVariables() map[string]string {
	own := map[string]string{}
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "PARLANCE_") {
			own[name] = value
		}
	}
	return own
}

// carryOut returns what carries out commands on an archive that this process holds.
func carryOut(a *archive) control.Runner {
	return func(ctx context.Context, c control.Command, stdout, stderr io.Writer) int {
		p := &program{
			stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, archive: a, dir: c.Dir,
			env: func(name string) (string, bool) { v, ok := c.Env[name]; return v, ok },
		}
		return p.run(ctx, c.Args)
	}
}

// heldCommands are the commands that can be carried out by the process that holds the store.
var heldCommands = map[string]bool{"mirror": true, "certificate": true, "files": true}

// path returns a path of the command line as this process finds it.
func (p *program) path(s string) (string, error) {
	if p.dir != "" && !filepath.IsAbs(s) {
		s = filepath.Join(p.dir, s)
	}
	return filepath.Abs(s)
}
