package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"parlance"
	"parlance/export"
	"parlance/internal/durable"
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
Links, pipes and devices are refused: write to standard output and redirect that.

What was imported and not changed since comes out with the same bytes.

JSON: {"workspace","output","conversations","messages","bytes","sha256","seconds"}; bytes
and sha256 are those of the lines before compression. Without an output file, where the
messages have standard output, this goes to standard error.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) (err error) {
		if o.output, err = outputFile(cmd); err != nil {
			return err
		}
		return p.onStore(ctx, cmd, func(a *archive) error { return p.exportMessages(ctx, a, o) })
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &o.workspace, "workspace to export (required)")
	cmd.MarkFlagRequired("workspace")
	cmd.Flags().StringArrayVar(&o.conversations, "conversation", nil, "export this conversation only; may be given again")
	outputFlag(cmd)
	cmd.Flags().BoolVar(&o.quiet, "quiet", false, "show no progress")
	return cmd
}

// outputFlag gives cmd the flag for the file that it writes.
func outputFlag(cmd *cobra.Command) {
	cmd.Flags().String("output", "-", "file to write; - is standard output")
}

// outputFile returns the file that --output names, empty for standard output.
func outputFile(cmd *cobra.Command) (string, error) {
	switch name := cmd.Flag("output").Value.String(); name {
	case "":
		return "", usage("--output: the file's name is empty; - is standard output")
	case "-":
		return "", nil
	default:
		return name, nil
	}
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
		err = write(p.data)
	} else {
		err = durable.WriteFile(p.at(o.output), compressed(o.output, write))
	}
	meter.Stop()
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		if o.output == "" {
			return coded(exitInterrupted, "interrupted; what came out until then isn't whole")
		}
		return coded(exitInterrupted, "interrupted; %s wasn't written, and what was there before stays", o.output)
	}
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

// compressed returns what writes with gzip where the file's name asks for it.
func compressed(name string, write func(io.Writer) error) func(io.Writer) error {
	if !strings.HasSuffix(name, ".gz") {
		return write
	}
	return func(w io.Writer) error {
		z := gzip.NewWriter(w)
		if err := write(z); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return fmt.Errorf("compress the output file: %w", err)
		}
		return nil
	}
}
