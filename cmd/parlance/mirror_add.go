package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/internal/upstream"
	"parlance/mirror"
)

type mirrorAddOptions struct {
	workspace, platform, url, secretFile string
	conversations                        []string
	every, retention                     daysFlag
	rate                                 float64
	allowPrivate                         bool
}

// An addedUpstream is the result of `mirror add`.
type addedUpstream struct {
	Source    mirror.Name          `json:"source"`
	Workspace parlance.WorkspaceID `json:"workspace"`
	Platform  parlance.Dialect     `json:"platform"`
	URL       string               `json:"url"`
}

func (p *program) mirrorAdd() *cobra.Command {
	o := mirrorAddOptions{every: daysFlag(15 * time.Minute)}
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
		return p.onHeld(ctx, cmd, func(a *archive) error { return p.addUpstream(ctx, a, mirror.Name(args[0]), o) })
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &o.workspace, "workspace to copy into (required)")
	f := cmd.Flags()
	f.StringVar(&o.platform, "platform", "", "imkit, shopline or imetastore (required)")
	f.StringVar(&o.url, "url", "", "the platform's address, as its clients are given it (required)")
	f.StringVar(&o.secretFile, "secret-file", "", "file with the credential; without it the environment must have it")
	f.StringArrayVar(&o.conversations, "conversation", nil, "id of a conversation to copy; may be given several times")
	f.Var(&o.every, "every", "how often a server reads it; 0: only when told")
	f.Var(&o.retention, "retention", "how long the platform keeps messages; 0: as its documentation says")
	f.Float64Var(&o.rate, "rate", 0, "calls a second at most; 0: as the platform's documentation advises")
	f.BoolVar(&o.allowPrivate, "allow-private-files", false, "fetch attachments from addresses of private networks too")
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
	c := mirror.Config{
		Name: name, Workspace: w.ID, Platform: parlance.Dialect(o.platform), URL: o.url,
		Every: time.Duration(o.every), Retention: time.Duration(o.retention), Rate: o.rate, AllowPrivate: o.allowPrivate,
	}
	for _, id := range o.conversations {
		c.Conversations = append(c.Conversations, parlance.ConversationID(id))
	}
	if _, err := upstream.Open(o.url, upstream.Options{}); err != nil {
		return usage("--url: %w", err)
	}
	if o.secretFile != "" {
		if c.SecretFile, err = p.path(o.secretFile); err != nil {
			return usage("--secret-file: %w", err)
		}
		if err := p.checkSecretFile(c.SecretFile); err != nil {
			return err
		}
	}
	if _, err := secretOf(c, p.env); err != nil {
		return usage("%w", err)
	}
	switch err := p.mirrorOf(a).Add(ctx, c); {
	case errors.Is(err, parlance.Invalid):
		return usage("%w", err)
	case err != nil:
		return err
	}
	return p.result(addedUpstream{name, c.Workspace, c.Platform, c.URL}, "%s is known; copy it with: parlance mirror run %s %s", name, name, a.name.flags())
}

// checkSecretFile warns of a credential that others on this machine can read.
func (p *program) checkSecretFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return usage("--secret-file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		p.say("%s can be read by others on this machine; shut them out with: chmod 600 %s", path, path)
	}
	if info.IsDir() {
		return usage("--secret-file: %w", fmt.Errorf("%s is a folder", path))
	}
	return nil
}
