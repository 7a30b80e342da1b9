package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/internal/progress"
	"parlance/store"
)

// A comparison is the result of `verify --against`.
type comparison struct {
	Here       string              `json:"here"`
	There      string              `json:"there"`
	Workspaces []comparedWorkspace `json:"workspaces"`
	Records    int                 `json:"record_differences"` // of credentials, tokens and the like
	Total      int                 `json:"differences"`
}

type comparedWorkspace struct {
	Workspace   parlance.WorkspaceID `json:"workspace"`
	Here        store.StoreContents  `json:"here"`
	There       store.StoreContents  `json:"there"`
	Differences int                  `json:"differences"`
	Details     []finding            `json:"details"` // of the first 1,000 differences
}

func (p *program) verifyAgainst(ctx context.Context, cmd *cobra.Command, o verifyOptions) (err error) {
	c, err := p.settings(cmd)
	if err != nil {
		return err
	}
	n, err := engineOf(c)
	if err != nil {
		return err
	}
	other, err := parseEngine(o.against)
	if err != nil {
		return usage("--against: %w", err)
	}
	log := p.logger(c, quiet)
	here, err := openExistingEnd(ctx, n, c, log)
	if err != nil {
		return err
	}
	defer func() { err = here.close(err) }()
	there, err := openExistingEnd(ctx, other, c, log)
	if err != nil {
		return err
	}
	defer func() { err = there.close(err) }()
	result, err := p.compare(ctx, here, there, o.workspace, false, o.quiet)
	if err != nil {
		return err
	}
	if p.json {
		if err := writeLine(p.stdout, result); err != nil {
			return err
		}
	} else if err := p.printComparison(result); err != nil {
		return err
	}
	return result.err()
}

// err is how a command ends that found differences.
func (c *comparison) err() error {
	if c.Total == 0 {
		return nil
	}
	return coded(exitDiffers, "%s differences between %s and %s", progress.Number(c.Total), c.Here, c.There)
}

// compare holds two stores against each other: the workspace of that name, or everything.
func (p *program) compare(ctx context.Context, here, there *end, workspace string, heads, quiet bool) (comparison, error) {
	result := comparison{Here: here.name.String(), There: there.name.String(), Workspaces: []comparedWorkspace{}}
	ids, err := here.workspaces(ctx, workspace)
	if err != nil {
		return result, err
	}
	if workspace == "" {
		others, err := there.workspaces(ctx, "")
		if err != nil {
			return result, err
		}
		ids = slices.Compact(slices.Sorted(slices.Values(append(ids, others...))))
	}
	meter := progress.Start(p.stderr, progress.Options{What: "compare", Terminal: p.terminal(), Quiet: quiet})
	defer meter.Stop()
	messages := 0
	for _, id := range ids {
		one := comparedWorkspace{Workspace: id, Details: []finding{}}
		got, err := here.store.Compare(ctx, there.store, id, store.CompareOptions{
			Heads: heads,
			Report: func(f store.Finding) {
				if len(one.Details) < maxDetails {
					one.Details = append(one.Details, finding{f.Conversation, f.Text})
				}
			},
			Progress: func(at store.StoreContents) { meter.Set(messages+at.Messages, 0) },
		})
		if err != nil {
			return result, fmt.Errorf("compare workspace %s: %w", id, err)
		}
		messages += got.Here.Messages
		one.Here, one.There, one.Differences = got.Here, got.There, got.Differences
		result.Workspaces = append(result.Workspaces, one)
		result.Total += one.Differences
	}
	ws := parlance.WorkspaceID(workspace)
	records, err := here.store.CompareRecords(ctx, there.store, recordsOf(ctx, ws, here, there), store.CompareOptions{})
	result.Records = records.Differences
	result.Total += records.Differences
	return result, err
}

func (p *program) printComparison(c comparison) error {
	for _, w := range c.Workspaces {
		for _, f := range w.Details {
			if err := printf(p.stdout, "%s/%s: %s\n", w.Workspace, f.Conversation, f.Text); err != nil {
				return err
			}
		}
		err := printf(p.stdout, "%s: %s messages in %s entries of %s conversations, there %s in %s of %s; %s differences; hash %.16s\n", w.Workspace,
			progress.Number(w.Here.Messages), progress.Number(w.Here.Entries), progress.Number(w.Here.Conversations),
			progress.Number(w.There.Messages), progress.Number(w.There.Entries), progress.Number(w.There.Conversations),
			progress.Number(w.Differences), w.Here.Hash)
		if err != nil {
			return err
		}
	}
	err := printf(p.stdout, "credentials, tokens and records of attachments: %s differences\n", progress.Number(c.Records))
	return err
}
