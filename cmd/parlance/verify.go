package main

import (
	"context"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/internal/progress"
	"parlance/search"
	"parlance/store"
)

type verifyOptions struct {
	workspace string
	against   string
	quiet     bool
}

// A verification is the result of `verify`.
type verification struct {
	Workspaces []verifiedWorkspace `json:"workspaces"`
	Findings   int                 `json:"findings"`
}

type verifiedWorkspace struct {
	Workspace     parlance.WorkspaceID `json:"workspace"`
	Conversations int                  `json:"conversations"`
	Entries       int                  `json:"entries"`
	Messages      int                  `json:"messages"` // that aren't deleted
	Findings      int                  `json:"findings"`
	Details       []finding            `json:"details"` // of the first 1,000 findings
}

type finding struct {
	Conversation parlance.ConversationID `json:"conversation"` // empty: it is about the workspace
	Text         string                  `json:"text"`
}

// maxDetails is how many findings of a workspace are told one by one.
const maxDetails = 1000

func (p *program) verify() *cobra.Command {
	var o verifyOptions
	cmd := p.command(&cobra.Command{
		Use:   "verify --data DIR",
		Short: "Check that what a store holds is whole",
		Long: `Read a whole store and hold everything that is derived against the logs: hash chains,
counts, every pointer of every timeline, the lists, the search index. It changes nothing. What differs is
written, one line each, and makes the exit code 5.

With --against ENGINE it holds the store against another one instead, as a copy of it: every
conversation, account, member, record and log entry, byte for byte, with the hash chains
computed anew at both ends. ENGINE is DIR, pebble:DIR or cassandra:HOST[:PORT],.../KEYSPACE. Either
may be served meanwhile; what is written while it reads shows as a difference. JSON then:
{"here","there","workspaces":[{"workspace","here","there","differences","details"}],
"record_differences","differences"}; the inner here and there are {"conversations",
"entries","messages","hash"}.

JSON: {"workspaces":[{"workspace","conversations","entries","messages","findings",
"details":[{"conversation","text"}]}],"findings"}; details has at most 1,000.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		if o.against != "" {
			return p.verifyAgainst(ctx, cmd, o)
		}
		return p.onStore(ctx, cmd, func(a *archive) error { return p.verifyArchive(ctx, a, o) })
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &o.workspace, "workspace to verify; all if not given")
	cmd.Flags().StringVar(&o.against, "against", "", "engine of another store that should hold the same")
	cmd.Flags().BoolVar(&o.quiet, "quiet", false, "show no progress")
	return cmd
}

func (p *program) verifyArchive(ctx context.Context, a *archive, o verifyOptions) error {
	all, err := a.chosen(ctx, o.workspace)
	if err != nil {
		return err
	}
	v := verification{Workspaces: []verifiedWorkspace{}}
	for _, w := range all {
		one, err := p.verifyWorkspace(ctx, a, w.ID, o)
		if err != nil {
			return err
		}
		v.Workspaces = append(v.Workspaces, one)
		v.Findings += one.Findings
	}
	if p.json {
		if err := writeLine(p.stdout, v); err != nil {
			return err
		}
	}
	if v.Findings > 0 {
		return coded(exitDiffers, "%s differences; keep the folder as it is, and restore it from a backup", progress.Number(v.Findings))
	}
	return nil
}

func (p *program) verifyWorkspace(ctx context.Context, a *archive, ws parlance.WorkspaceID, o verifyOptions) (verifiedWorkspace, error) {
	one := verifiedWorkspace{Workspace: ws, Details: []finding{}}
	meter := progress.Start(p.stderr, progress.Options{What: "verify " + string(ws), Terminal: p.terminal(), Quiet: o.quiet})
	detail := func(f finding) {
		if len(one.Details) < maxDetails {
			one.Details = append(one.Details, f)
		}
	}
	report, err := a.store.Verify(ctx, ws, func(f store.Finding) { detail(finding{f.Conversation, f.Text}) }, func(at store.VerifyReport) { meter.Set(at.Messages, 0) })
	if err == nil {
		err = a.search.Verify(ctx, ws, func(f search.Finding) {
			report.Findings++
			detail(finding{Text: string(f)})
		}, nil)
	}
	meter.Stop()
	if err != nil {
		return one, err
	}
	one.Conversations, one.Entries, one.Messages, one.Findings = report.Conversations, report.Entries, report.Messages, report.Findings
	if p.json {
		return one, nil
	}
	for _, f := range one.Details {
		if err := printf(p.stdout, "%s/%s: %s\n", ws, f.Conversation, f.Text); err != nil {
			return one, err
		}
	}
	err = printf(p.stdout, "%s: %s messages in %s entries of %s conversations, %s differences\n", ws, progress.Number(one.Messages),
		progress.Number(one.Entries), progress.Number(one.Conversations), progress.Number(one.Findings))
	return one, err
}
