package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parlance/internal/config"
	"parlance/internal/control"
	"parlance/store/pebblestore"
)

// carriedOut is the exit code of a command that another process carried out, which also said all there was to say.
type carriedOut int

func (c carriedOut) Error() string {
	return fmt.Sprintf("carried out elsewhere with exit code %d", int(c))
}

// An opener opens the store that settings name.
type opener func(ctx context.Context, c config.Config) (*archive, error)

// onStore does what a command does on a store that must be there. If another process holds its folder, that one carries the
// whole command out, with the same input and output.
func (p *program) onStore(ctx context.Context, cmd *cobra.Command, do func(*archive) error) error {
	return p.onOpened(ctx, cmd, func(ctx context.Context, c config.Config) (*archive, error) {
		return openExisting(ctx, c, p.logger(c, quiet))
	}, do)
}

// onOpened is onStore for a store that open opens.
func (p *program) onOpened(ctx context.Context, cmd *cobra.Command, open opener, do func(*archive) error) error {
	if p.archive != nil {
		return do(p.archive)
	}
	c, err := p.settings(cmd)
	if err != nil {
		return err
	}
	a, err := open(ctx, c)
	if err == nil {
		return a.close(do(a))
	}
	if !errors.Is(err, pebblestore.ErrInUse) || c.Data == "" {
		return err
	}
	dir, e := os.Getwd()
	if e != nil {
		return errors.Join(err, e)
	}
	command := control.Command{Args: p.args, Env: ownVariables(), Dir: dir}
	code, e := control.Run(ctx, filepath.Join(c.Data, control.Socket), command, control.Streams{In: p.stdin, Out: p.data, Err: p.stderr})
	if e != nil {
		return fmt.Errorf("%w; handing the command to that process failed: %w", err, e)
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
	return func(ctx context.Context, c control.Command, s control.Streams) int {
		p := &program{
			stdin: s.In, stdout: s.Out, stderr: s.Err, archive: a, dir: c.Dir,
			env: func(name string) (string, bool) { v, ok := c.Env[name]; return v, ok },
		}
		return p.run(ctx, c.Args)
	}
}

// ownProcess are the commands that serve something themselves, or open stores that the command line names one by one: no other process
// carries them out.
var ownProcess = map[string]bool{"serve": true, "demo": true, "fake": true, "copy": true}

// path returns a path of the command line as this process finds it.
func (p *program) path(s string) (string, error) { return filepath.Abs(p.at(s)) }

// at is path for a name that may stay relative: one of a command that another process gave is relative to that one's folder.
func (p *program) at(s string) string {
	if p.dir != "" && s != "" && !filepath.IsAbs(s) {
		return filepath.Join(p.dir, s)
	}
	return s
}
