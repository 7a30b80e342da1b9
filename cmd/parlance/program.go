package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"parlance/internal/config"
)

// A program is one run of the command line. Results go to stdout, all else to stderr.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer // for text and JSON, without control signs: see [safeWriter]
	data           io.Writer // stdout for what must come out byte for byte; on a terminal the same as stdout
	env            func(string) (string, bool)

	json   bool   // --json
	config string // --config

	args    []string
	started bool // a command's work has begun: what fails now isn't wrong use

	// Where a process that holds a store carries out another one's command:
	archive *archive // the store
	dir     string   // where relative paths begin
}

// run runs the command that args name and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	return p.run(ctx, args)
}

func (p *program) run(ctx context.Context, args []string) int {
	p.args = args
	out, talk := &safeWriter{out: p.stdout}, &safeWriter{out: p.stderr}
	p.data = p.stdout
	if isTerminal(p.stdout) {
		p.data = out
	}
	p.stdout, p.stderr = out, talk
	defer func() { _ = errors.Join(out.flush(), talk.flush()) }() // whoever doesn't take it is gone
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return p.exit(ctx, cmd, err)
}

const exitCodes = `
Exit codes:
  0    done
  1    failed
  2    wrong use: an unknown command, flag or key, or a value that can't be
  3    done in part: some lines could not be imported, or a history is not known to be complete
  4    a platform wants another login
  5    verification found differences, or the store is damaged
  130  interrupted; import, mirror, files and copy keep what was done until then
`

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "parlance",
		Short: "Keep chat history and serve it under the APIs of IMKit, SHOPLINE and iMetaStore",
		Long: `Parlance keeps chat history in one store and serves it under the same three APIs
that it came from: IMKit, SHOPLINE and iMetaStore. To see it work, without any
set-up:

  parlance demo

Results go to standard output, everything else to standard error. Every command
takes --json and then writes its result as JSON, one line.

Settings come from flags, from the environment and from a YAML file, in this order:
--data, PARLANCE_DATA_DIR, "data:" in the file that --config or PARLANCE_CONFIG names.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetUsageTemplate(root.UsageTemplate() + exitCodes)
	flags := root.PersistentFlags()
	flags.BoolVar(&p.json, "json", false, "write the result as JSON, one line")
	flags.StringVar(&p.config, "config", "", "YAML file with settings (PARLANCE_CONFIG)")
	flags.String("log-level", "", "what to log: debug, info, warn or error (PARLANCE_LOG_LEVEL)")
	root.AddCommand(
		p.demo(), p.serve(), p.workspace(), p.importCommand(), p.exportCommand(), p.search(), p.index(), p.mirror(), p.filesCommand(), p.certificate(), p.copy(), p.verify(), p.fake(), p.configCommand(), p.version(),
	)
	return root
}

// A job is what a command does.
type job func(ctx context.Context, cmd *cobra.Command, args []string) error

// command makes cmd do the job.
func (p *program) command(cmd *cobra.Command, do job) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if p.archive != nil && ownProcess[topOf(cmd).Name()] {
			return usage("%s can't be carried out by the process that holds the store: stop that one first", cmd.CommandPath())
		}
		p.started = true
		return do(cmd.Context(), cmd, args)
	}
	return cmd
}

// topOf returns the command below the root that cmd is, or is under.
func topOf(cmd *cobra.Command) *cobra.Command {
	for cmd.HasParent() && cmd.Parent().HasParent() {
		cmd = cmd.Parent()
	}
	return cmd
}

// group makes cmd a name for the commands below it.
func (p *program) group(cmd *cobra.Command, below ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(below...)
	names := make([]string, len(below))
	for i, b := range below {
		names[i] = b.Name()
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("unknown command %q: %s has %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
		}
		return usage("%s needs one of: %s", cmd.CommandPath(), strings.Join(names, ", "))
	}
	return cmd
}

// workspaceFlag gives cmd the flag for the workspace.
func workspaceFlag(cmd *cobra.Command, workspace *string, text string) {
	cmd.Flags().StringVar(workspace, "workspace", "", text)
}

// settings returns what flags, environment and file say.
func (p *program) settings(cmd *cobra.Command) (config.Config, error) {
	file := p.config
	if file == "" {
		file, _ = p.env("PARLANCE_CONFIG")
	}
	given := map[string]string{}
	for _, k := range config.Keys() {
		if f := cmd.Flag(strings.TrimPrefix(config.Flag(k), "--")); f != nil && f.Changed {
			given[k] = f.Value.String()
		}
	}
	c, err := config.Load(config.Sources{File: file, Env: p.env, Flags: given})
	if err != nil {
		return config.Config{}, usage("%w", err)
	}
	return c, nil
}

// quiet is the log level of commands that do one thing and end.
const quiet = slog.LevelWarn

// logger returns a logger to stderr. Level is what holds unless c says otherwise.
func (p *program) logger(c config.Config, level slog.Level) *slog.Logger {
	if c.Given("log_level") {
		level = c.LogLevel
	}
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))
}

// result writes a command's result: v as JSON, or else the text.
func (p *program) result(v any, format string, args ...any) error {
	if !p.json {
		err := printf(p.stdout, format+"\n", args...)
		return err
	}
	return writeLine(p.stdout, v)
}

// writeLine writes v as one line of JSON.
func writeLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// say tells a person something.
func (p *program) say(format string, args ...any) { _ = printf(p.stderr, format+"\n", args...) }

// terminal reports whether stderr is one.
func (p *program) terminal() bool { return isTerminal(p.stderr) }

func isTerminal(w io.Writer) bool {
	if s, ok := w.(*safeWriter); ok {
		w = s.out
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
