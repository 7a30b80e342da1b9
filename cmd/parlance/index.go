package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/access"
	"parlance/internal/progress"
)

// index keeps the search index up to date until ctx is done.
func (a *archive) index(ctx context.Context) {
	a.search.Serve(ctx, func(ctx context.Context) iter.Seq2[parlance.WorkspaceID, error] {
		return access.WorkspaceIDs(ctx, a.store)
	})
}

// An indexStatus is a line of the result of `index status`, and the result of `index rebuild`.
type indexStatus struct {
	Workspace    parlance.WorkspaceID `json:"workspace"`
	IndexedUntil *string              `json:"indexed_until"`
	Entries      int                  `json:"entries"`
	Pending      int                  `json:"pending"`
	Blocks       int                  `json:"blocks"`
	Bytes        int64                `json:"bytes"`
}

func (p *program) index() *cobra.Command {
	return p.group(&cobra.Command{
		Use:   "index",
		Short: "Look at the search index, or build it again",
		Long: `Look at the search index, or build it again. The index is derived from the logs: it can be lost
without loss, and searching and serving bring it up to date by themselves.`,
	}, p.indexStatus(), p.indexRebuild())
}

func (p *program) indexStatus() *cobra.Command {
	var workspace string
	cmd := p.command(&cobra.Command{
		Use:   "status --data DIR",
		Short: "Show how far the search index is",
		Long: `Show how far the search index is, a line a workspace.

JSON: {"workspace","indexed_until","entries","pending","blocks","bytes"}, a line a workspace;
entries are versions of messages in blocks, pending those that searches still read one by
one; bytes are those of the blocks.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		return p.onStore(ctx, cmd, func(a *archive) error {
			all, err := a.chosen(ctx, workspace)
			if err != nil {
				return err
			}
			for _, w := range all {
				if err := p.printIndex(ctx, a, w.ID); err != nil {
					return err
				}
			}
			return nil
		})
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &workspace, "workspace to look at; all if not given")
	return cmd
}

func (p *program) indexRebuild() *cobra.Command {
	var workspace string
	var quiet bool
	cmd := p.command(&cobra.Command{
		Use:   "rebuild --data DIR --workspace NAME",
		Short: "Build the search index again from the logs",
		Long: `Give up what a workspace's search index has and build it again from the logs. The store can be
served meanwhile: searches then read what isn't indexed yet.

JSON: as of "index status".`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		return p.onStore(ctx, cmd, func(a *archive) error {
			w, err := a.workspace(ctx, workspace)
			if err != nil {
				return err
			}
			meter := progress.Start(p.stderr, progress.Options{What: "index", Terminal: p.terminal(), Quiet: quiet})
			_, err = a.search.Rebuild(ctx, w.ID, func(entries int) { meter.Set(entries, 0) })
			meter.Stop()
			if err != nil && ctx.Err() != nil {
				return coded(exitInterrupted, "interrupted; what was indexed until then is kept, and the rest follows with the next search")
			}
			if err != nil {
				return fmt.Errorf("rebuild the search index: %w", err)
			}
			return p.printIndex(ctx, a, w.ID)
		})
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &workspace, "workspace to index (required)")
	cmd.MarkFlagRequired("workspace")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "show no progress")
	return cmd
}

// chosen returns the workspace of a name, or all if it is empty.
func (a *archive) chosen(ctx context.Context, name string) (all []access.Workspace, err error) {
	if name != "" {
		w, err := a.workspace(ctx, name)
		return append(all, w), err
	}
	for w, err := range a.keeper.Workspaces(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

func (p *program) printIndex(ctx context.Context, a *archive, ws parlance.WorkspaceID) error {
	s, err := a.search.Status(ctx, ws)
	if err != nil {
		return err
	}
	i := indexStatus{ws, nil, s.Entries, s.Pending, s.Blocks, s.Bytes}
	until := "nothing is indexed"
	if s.Indexed != 0 {
		at := s.Indexed.String()
		i.IndexedUntil, until = &at, "indexed until "+at
	}
	return p.result(i, "%s: %s; %s entries in %d blocks of %s bytes, %s pending", ws, until,
		progress.Number(s.Entries), s.Blocks, progress.Number(int(s.Bytes)), progress.Number(s.Pending))
}
