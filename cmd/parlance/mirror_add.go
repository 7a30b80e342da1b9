package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/mirror"
)

type mirrorAddOptions struct {
	workspace, platform string
	conversations       []string
	mirrorSettings
}

// An addedUpstream is the result of `mirror add`.
type addedUpstream struct {
	Source    mirror.Name          `json:"source"`
	Workspace parlance.WorkspaceID `json:"workspace"`
	Platform  parlance.Dialect     `json:"platform"`
	URL       string               `json:"url"`
}

func (p *program) mirrorAdd() *cobra.Command {
	o := mirrorAddOptions{mirrorSettings: mirrorSettings{every: daysFlag(15 * time.Minute), fullEvery: daysFlag(7 * 24 * time.Hour)}}
	cmd := p.command(&cobra.Command{
		Use:   "add NAME --data DIR --workspace W --platform P --url URL --secret-file FILE",
		Short: "Name a platform's account whose history is to be copied",
		Long: `Name an account on IMKit, SHOPLINE or iMetaStore. Nothing is asked of the platform yet:
"parlance mirror run NAME" does that. Without --conversation all conversations that the account can
list are copied.

The file with the credential is read each time, and nothing of it is kept in the store. See "parlance mirror --help" for what
is in it.

JSON: {"source","workspace","platform","url"}`,
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		return p.onStore(ctx, cmd, func(a *archive) error { return p.addUpstream(ctx, a, mirror.Name(args[0]), o) })
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &o.workspace, "workspace to copy into (required)")
	f := cmd.Flags()
	f.StringVar(&o.platform, "platform", "", "imkit, shopline or imetastore (required)")
	f.StringArrayVar(&o.conversations, "conversation", nil, "id of a conversation to copy; may be given several times")
	o.flags(cmd)
	f.Lookup("url").Usage += " (required)"
	for _, name := range []string{"workspace", "platform", "url"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

func (p *program) addUpstream(ctx context.Context, a *archive, name mirror.Name, o mirrorAddOptions) error {
	w, err := a.workspace(ctx, o.workspace)
	if err != nil {
		return err
	}
	c := mirror.Config{Name: name, Workspace: w.ID, Platform: parlance.Dialect(o.platform)}
	for _, id := range o.conversations {
		c.Conversations = append(c.Conversations, parlance.ConversationID(id))
	}
	all := func(string) bool { return true }
	if err := o.check(p, all); err != nil {
		return err
	}
	o.apply(&c.Settings, all)
	if _, err := secretOf(c, p.env); err != nil {
		return usage("%w", err)
	}
	switch err := p.mirrorOf(a).Add(ctx, c); {
	case errors.Is(err, parlance.Invalid):
		return usage("%w", err)
	case err != nil:
		return err
	}
	return p.result(addedUpstream{name, c.Workspace, c.Platform, c.URL}, "%s is known; copy it with: %s", name, p.pasted(a, "mirror run", string(name)))
}
