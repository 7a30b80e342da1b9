package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"parlance"
	"parlance/export"
	"parlance/internal/progress"
)

type exportOptions struct {
	workspace     string
	conversations []string
	output        string
	quiet         bool
}

// An exportSummary is the result of `export`.
type exportSummary struct {
	Workspace     string  `json:"workspace"`
	Output        string  `json:"output"` // empty: standard output
	Conversations int     `json:"conversations"`
	Messages      int     `json:"messages"`
	Bytes         int64   `json:"bytes"`  // of the lines, before compression
	SHA256        string  `json:"sha256"` // of the lines, before compression
	Seconds       float64 `json:"seconds"`
}

func (p *program) exportCommand() *cobra.Command {
	var o exportOptions
	cmd := p.command(&cobra.Command{
		Use:   "export --data DIR --workspace NAME",
		Short: "Write messages as JSON Lines",
		Long: `Write messages as JSON Lines, one message a line, conversation after conversation, to
standard output or to a file. A file appears under its name only once it is whole and on
disk, and only its owner can read it. With a name that ends in .gz it is compressed.

What was imported and not changed since comes out with the same bytes.

JSON: {"workspace","output","conversations","messages","bytes","sha256","seconds"}; bytes
and sha256 are those of the lines before compression. Without --output, where the
messages have standard output, this goes to standard error.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		return p.onArchive(ctx, cmd, func(a *archive) error { return p.exportMessages(ctx, a, o) })
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &o.workspace, "workspace to export (required)")
	cmd.MarkFlagRequired("workspace")
	cmd.Flags().StringArrayVar(&o.conversations, "conversation", nil, "export this conversation only; may be given again")
	cmd.Flags().StringVar(&o.output, "output", "", "file to write; standard output if not given")
	cmd.Flags().BoolVar(&o.quiet, "quiet", false, "show no progress")
	return cmd
}

func (p *program) exportMessages(ctx context.Context, a *archive, o exportOptions) error {
	w, err := a.workspace(ctx, o.workspace)
	if err != nil {
		return err
	}
	start := time.Now()
	meter := progress.Start(p.stderr, progress.Options{What: "export", Terminal: p.terminal(), Quiet: o.quiet})
	opts := export.ExportOptions{Progress: func(at export.Progress) { meter.Set(at.Messages, at.Bytes) }}
	for _, id := range o.conversations {
		opts.Conversations = append(opts.Conversations, parlance.ConversationID(id))
	}
	var m export.Manifest
	write := func(to io.Writer) (err error) {
		m, err = export.Export(ctx, a.store, w.ID, to, opts)
		return err
	}
	if o.output == "" {
		err = write(p.stdout)
	} else {
		err = writeFile(o.output, write)
	}
	meter.Stop()
	if err != nil {
		return fmt.Errorf("export workspace %s: %w", w.ID, err)
	}
	sum := exportSummary{
		Workspace: o.workspace, Output: o.output, Conversations: m.Conversations, Messages: m.Messages,
		Bytes: m.Bytes, SHA256: m.SHA256, Seconds: float64(time.Since(start).Round(time.Millisecond)) / float64(time.Second),
	}
	if o.output != "" {
		return p.result(sum, "%s: %s messages of %s conversations in %.1f s to %s",
			sum.Workspace, progress.Number(sum.Messages), progress.Number(sum.Conversations), sum.Seconds, sum.Output)
	}
	if p.json {
		return writeLine(p.stderr, sum)
	}
	p.say("%s: %s messages of %s conversations in %.1f s", sum.Workspace, progress.Number(sum.Messages), progress.Number(sum.Conversations), sum.Seconds)
	return nil
}

// writeFile writes a file that others see whole or not at all: under another name, synced, and
// then renamed. A name that ends in .gz is compressed.
func writeFile(name string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*.part")
	if err != nil {
		return fmt.Errorf("make the output file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := writeTo(f, strings.HasSuffix(name, ".gz"), write); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the output file: %w", err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("give the output file its name: %w", err)
	}
	return syncFolder(dir)
}

func writeTo(f *os.File, compress bool, write func(io.Writer) error) error {
	if !compress {
		return write(f)
	}
	z := gzip.NewWriter(f)
	if err := write(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress the output file: %w", err)
	}
	return nil
}

// syncFolder makes a name in dir last.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync the output file's folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync the output file's folder: %w", err)
	}
	return nil
}
