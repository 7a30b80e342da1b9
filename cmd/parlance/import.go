package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/export"
	"parlance/internal/progress"
)

type importOptions struct {
	workspace string
	overwrite bool
	quiet     bool
}

// An importSummary is the result of `import`.
type importSummary struct {
	Workspace     string  `json:"workspace"`
	Files         int     `json:"files"`
	Messages      int     `json:"messages"` // lines whose messages are in the store now: new, changed, same and kept
	New           int     `json:"new"`
	Changed       int     `json:"changed"`
	Same          int     `json:"same"`
	Bad           int     `json:"bad"`
	Conversations int     `json:"conversations"` // that were not known
	Seconds       float64 `json:"seconds"`

	Kept    int         `json:"kept,omitempty"`
	Reasons []badReason `json:"reasons,omitempty"`
}

func (p *program) importCommand() *cobra.Command {
	var o importOptions
	cmd := p.command(&cobra.Command{
		Use:   "import --data DIR --workspace NAME FILE...",
		Short: "Read messages from JSON Lines files",
		Long: `Read messages from JSON Lines: plain, or compressed with gzip or zstd; UTF-8, or UTF-16 with
a byte order mark; "-" is standard input.

Doing it again stores nothing, whatever the order of the files. Where files say different
things of a message, the version that was edited or deleted last stands. What was deleted,
recalled, edited or renamed here, or taken out of a conversation, stays so. What a file says
otherwise counts as kept. With --overwrite it replaces what is here and counts as changed;
messages that no import brought (sent here, or mirrored) are left alone even then.

A line that can't be imported is left out and makes the exit code 3. Of those with the same
reason the first is told on standard error as FILE:LINE: REASON, and then how many followed.

JSON: {"workspace","files","messages","new","changed","same","bad","conversations",
"seconds"}, and where they aren't empty "kept" and "reasons", a list of
{"file","line","reason","lines"} of at most 16 reasons a file; line is the first of so many
lines, and is 0 where the reasons were too many. messages is new, changed, same and kept
together, conversations counts new ones.`,
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, cmd *cobra.Command, files []string) error {
		for i, f := range files {
			if f != "-" {
				files[i] = p.at(f)
			}
		}
		size, err := sizeOf(files)
		if err != nil {
			return err
		}
		return p.onStore(ctx, cmd, func(a *archive) error { return p.importFiles(ctx, a, o, files, size) })
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &o.workspace, "workspace to import into (required)")
	cmd.MarkFlagRequired("workspace")
	cmd.Flags().BoolVar(&o.overwrite, "overwrite", false, "replace what was changed here or is newer by what the files say")
	cmd.Flags().BoolVar(&o.quiet, "quiet", false, "show no progress")
	return cmd
}

// sizeOf returns the size of all files, 0 if one of them has none. A file that isn't there is
// told before anything is read.
func sizeOf(files []string) (size int64, err error) {
	known := true
	for _, f := range files {
		if f == "-" {
			known = false
			continue
		}
		info, err := os.Stat(f)
		if err != nil {
			return 0, fmt.Errorf("find the file to import: %w", err)
		}
		if info.IsDir() {
			return 0, fmt.Errorf("import %s: it is a folder; name the files in it", f)
		}
		known = known && info.Mode().IsRegular()
		size += info.Size()
	}
	if !known {
		return 0, nil
	}
	return size, nil
}

// importFiles imports one file after the other. The summary is written also if some lines are bad.
func (p *program) importFiles(ctx context.Context, a *archive, o importOptions, files []string, size int64) error {
	w, err := a.workspace(ctx, o.workspace)
	if err != nil {
		return err
	}
	start := time.Now()
	sum := importSummary{Workspace: o.workspace}
	meter := progress.Start(p.stderr, progress.Options{What: "import", Bytes: size, Terminal: p.terminal(), Quiet: o.quiet})
	var bytes, all int64
	for _, f := range files {
		var r export.Report
		bad := badLines{file: f}
		r, err = p.importFile(ctx, a, w.ID, f, export.ImportOptions{
			Merchant:  w.Merchant,
			Overwrite: o.overwrite,
			Bad: func(e export.LineError) {
				if bad.add(e) {
					printf(meter.Writer(), "%s\n", e)
				}
			},
			Progress: func(at export.Progress) {
				all = bytes + at.Bytes
				meter.Set(sum.Messages+at.Messages, all)
			},
		})
		bad.tell(meter.Writer())
		sum.Reasons = append(sum.Reasons, bad.reasons...)
		sum.add(r)
		bytes = all
		if err != nil {
			break
		}
		sum.Files++
	}
	meter.Stop()
	sum.Seconds = float64(time.Since(start).Round(time.Millisecond)) / float64(time.Second)
	if err != nil {
		if sum.Messages > 0 {
			p.say("until then: %s messages, %s of them new; the same command again does the rest", progress.Number(sum.Messages), progress.Number(sum.New))
		}
		return err
	}
	kept := ""
	if sum.Kept > 0 {
		kept = progress.Number(sum.Kept) + " kept, "
	}
	if err := p.result(sum, "%s: %s messages from %d files in %.1f s: %s new, %s changed, %s same, %s%s bad; %s new conversations",
		sum.Workspace, progress.Number(sum.Messages), sum.Files, sum.Seconds, progress.Number(sum.New), progress.Number(sum.Changed),
		progress.Number(sum.Same), kept, progress.Number(sum.Bad), progress.Number(sum.Conversations)); err != nil {
		return err
	}
	if sum.Kept > 0 && !p.json {
		p.say("%s lines say something else than what is here, which was changed here or is newer and stays; --overwrite takes what files say", progress.Number(sum.Kept))
	}
	if sum.Bad > 0 {
		return coded(exitPartial, "%s lines could not be imported; all others were", progress.Number(sum.Bad))
	}
	return nil
}

// importFile imports one file, or standard input.
func (p *program) importFile(ctx context.Context, a *archive, ws parlance.WorkspaceID, file string, o export.ImportOptions) (export.Report, error) {
	if file == "-" {
		in, stop := interruptible(ctx, p.stdin)
		defer stop()
		return export.Import(ctx, a.store, ws, "stdin", in, o)
	}
	f, err := os.Open(file)
	if err != nil {
		return export.Report{}, fmt.Errorf("open the file to import: %w", err)
	}
	defer f.Close()
	return export.Import(ctx, a.store, ws, file, f, o)
}

// interruptible returns a reader of r whose reads end when ctx does, even while r keeps
// somebody waiting, as a terminal does.
func interruptible(ctx context.Context, r io.Reader) (in io.Reader, stop func()) {
	pr, pw := io.Pipe()
	go func() {
		_, err := io.Copy(pw, r)
		pw.CloseWithError(err)
	}()
	forget := context.AfterFunc(ctx, func() { pw.CloseWithError(ctx.Err()) })
	return pr, func() {
		forget()
		pr.Close()
	}
}

func (s *importSummary) add(r export.Report) {
	s.Messages += r.Messages
	s.New += r.New
	s.Changed += r.Changed
	s.Same += r.Same
	s.Kept += r.Kept
	s.Bad += r.Bad
	s.Conversations += r.Conversations
}
