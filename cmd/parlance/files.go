package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/files"
	"parlance/internal/progress"
	"parlance/mirror"
)

type filesOptions struct {
	workspace         string
	retry, all, check bool
	collect, execute  bool
}

// A filesSummary is the result of `files` for one workspace.
type filesSummary struct {
	Workspace parlance.WorkspaceID `json:"workspace"`
	files.Counts
	Complete bool           `json:"complete"`
	Checked  int            `json:"checked"` // contents that were read again, with --check
	Damaged  []files.Damage `json:"damaged"` // of them
	Failures []files.Record `json:"failures"`
}

func (p *program) filesCommand() *cobra.Command {
	var o filesOptions
	cmd := p.command(&cobra.Command{
		Use:   "files --data DIR",
		Short: "Tell which attachments are kept, and fetch what is missing",
		Long: `Tell how many of the files that messages mention are kept, and which aren't and why.

--retry first fetches what is wanted and tries failures again whose time has come; with --all, at once, and also
what was refused or is gone. Public addresses are asked, without credentials: those of the mirrored platform's
own host that need some are left to its mirror.
--check reads all contents again and compares them with their SHA-256. What is damaged or lost counts as failed from
then on, and is fetched again by --retry or by the mirror. The exit code is 1 then.

--collect counts the contents that no record of any workspace names: left by a crash, or by a content that was
fetched anew. Nothing is removed without --execute. What was stored in the last hour stays. A folder that several
stores share must not be collected: each knows its own records only. JSON: {"contents","bytes","removed","removed_bytes"}.

JSON: {"workspaces":[{"workspace","wanted","fetched","failed","refused","gone","bytes","complete","checked","damaged":
[{"address","sha256","problem"}],"failures":[{"address","source","conversation","message","state","error","tries",
"time","next"}]}]}; times are Unix milliseconds.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		if o.all && !o.retry {
			return usage("--all is for --retry")
		}
		switch {
		case o.execute && !o.collect:
			return usage("--execute is for --collect")
		case o.collect && (o.retry || o.check || o.workspace != ""):
			return usage("--collect is of all workspaces, and stands alone")
		}
		return p.onStore(ctx, cmd, func(a *archive) error { return p.files(ctx, a, o) })
	})
	engineFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.retry, "retry", false, "fetch what is wanted, and failures whose time has come")
	f.BoolVar(&o.all, "all", false, "with --retry: everything that isn't kept, at once")
	f.BoolVar(&o.check, "check", false, "read all contents again and compare them with their SHA-256")
	f.BoolVar(&o.collect, "collect", false, "count the contents that nothing mentions")
	f.BoolVar(&o.execute, "execute", false, "with --collect: remove them")
	workspaceFlag(cmd, &o.workspace, "workspace to look at; all if not given")
	return cmd
}

func (p *program) files(ctx context.Context, a *archive, o filesOptions) error {
	if a.files == nil {
		return usage("the store has no folder of attachments: name one with --files DIR or PARLANCE_FILES")
	}
	ids, err := (&end{archive: a}).workspaces(ctx, o.workspace)
	if err != nil {
		return err
	}
	if o.collect {
		return p.collectFiles(ctx, a, ids, o.execute)
	}
	all := []filesSummary{}
	var damaged int
	for _, ws := range ids {
		s, err := p.filesOf(ctx, a, ws, o)
		if err != nil {
			return err
		}
		damaged += len(s.Damaged)
		all = append(all, s)
	}
	if err := p.printFiles(all, o); err != nil {
		return err
	}
	if damaged > 0 {
		return fmt.Errorf("%d attachments are damaged or lost", damaged)
	}
	return nil
}

// collectFiles counts the contents that nothing mentions, and removes them if it is told to.
func (p *program) collectFiles(ctx context.Context, a *archive, all []parlance.WorkspaceID, execute bool) error {
	c, err := a.files.Collect(ctx, all, execute)
	if err != nil {
		return err
	}
	if p.json {
		return writeLine(p.stdout, c)
	}
	text := fmt.Sprintf("%s contents of %s bytes are mentioned by nothing\n", progress.Number(c.Contents), progress.Number(c.Bytes))
	switch {
	case execute:
		text += fmt.Sprintf("%s of %s bytes were removed\n", progress.Number(c.Removed), progress.Number(c.RemovedBytes))
	case c.Contents > 0:
		text += "nothing was removed: --execute removes them\n"
	}
	_, err = p.stdout.Write([]byte(text))
	return err
}

// filesOf does what o says with one workspace's files.
func (p *program) filesOf(ctx context.Context, a *archive, ws parlance.WorkspaceID, o filesOptions) (filesSummary, error) {
	s := filesSummary{Workspace: ws, Damaged: []files.Damage{}, Failures: []files.Record{}}
	if o.check {
		n, damaged, err := a.files.Check(ctx, ws, true, a.store.Now())
		if err != nil {
			return s, err
		}
		s.Checked, s.Damaged = n, append(s.Damaged, damaged...)
	}
	tally, err := a.files.Counts(ctx, ws)
	if err != nil {
		return s, err
	}
	if o.retry {
		if err := p.retryFiles(ctx, a, ws, tally, o.all); err != nil {
			return s, err
		}
		if tally, err = a.files.Counts(ctx, ws); err != nil {
			return s, err
		}
	}
	s.Counts = tally.Of("", "")
	s.Complete = s.Counts.Complete()
	for r, err := range a.files.Records(ctx, ws) {
		if err != nil {
			return s, err
		}
		if r.State != files.Kept {
			s.Failures = append(s.Failures, r)
		}
	}
	return s, nil
}

// retryFiles tries the files of all sources again.
func (p *program) retryFiles(ctx context.Context, a *archive, ws parlance.WorkspaceID, tally files.Tally, all bool) error {
	retry := a.files.Retry
	if all {
		retry = a.files.RetryAll
	}
	var errs []error
	for _, name := range tally.Sources() {
		errs = append(errs, func() error {
			// What the platform's own host answers is no file for a guest either.
			o := files.FetcherOptions{}
			if c, err := p.mirrorOf(a).Upstream(ctx, mirror.Name(name)); err == nil {
				o.Origin, _ = url.Parse(c.URL)
			} else if !errors.Is(err, parlance.NotFound) {
				return err
			}
			f := files.NewFetcher(o)
			defer f.Close()
			_, err := retry(ctx, files.Source{Workspace: ws, Name: name, Fetcher: f, Guest: true}, a.store.Now())
			return err
		}())
	}
	return errors.Join(errs...)
}

func (p *program) printFiles(all []filesSummary, o filesOptions) error {
	if p.json {
		return writeLine(p.stdout, map[string]any{"workspaces": all})
	}
	var b strings.Builder
	for _, s := range all {
		printf(&b, "%s: %s of %s attachments kept, %s bytes\n", s.Workspace, progress.Number(s.Fetched), progress.Number(s.Total()), progress.Number(s.Bytes))
		if !s.Complete {
			printf(&b, "  %d not tried yet, %d failed and to be tried again, %d refused, %d gone\n", s.Wanted, s.Failed, s.Refused, s.Gone)
		}
		if o.check {
			printf(&b, "  %s contents read again, %d damaged or lost\n", progress.Number(s.Checked), len(s.Damaged))
		}
		for _, d := range s.Damaged {
			printf(&b, "  damaged\t%s\t%s\n", d.Address, d.Problem)
		}
		for _, r := range s.Failures {
			printf(&b, "  %s\t%s\t%s\n", r.State, r.Address, r.Error)
		}
	}
	_, err := p.stdout.Write([]byte(b.String()))
	return err
}
