package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/access"
	"parlance/internal/config"
)

// A credentialSet is a new workspace with its first credentials.
type credentialSet struct {
	Workspace parlance.WorkspaceID `json:"workspace"`
	IMKit     struct {
		ClientKey string `json:"client_key"`
		APIKey    string `json:"api_key"`
	} `json:"imkit"`
	Shopline struct {
		Token string `json:"token"`
	} `json:"shopline"`
	IMetaStore struct {
		Email    string             `json:"email"`
		Password string             `json:"password"`
		Seller   parlance.AccountID `json:"seller"`
	} `json:"imetastore"`
}

func newCredentialSet(w access.Workspace, s access.Secrets) credentialSet {
	c := credentialSet{Workspace: w.ID}
	c.IMKit.ClientKey, c.IMKit.APIKey = s.ClientKey, s.APIKey
	c.Shopline.Token = s.ShoplineToken
	c.IMetaStore.Email, c.IMetaStore.Password, c.IMetaStore.Seller = s.Email, s.Password, w.Seller
	return c
}

func (p *program) workspaceCreate() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use:   "create NAME --data DIR",
		Short: "Make a workspace and its first credentials",
		Long: `Make a workspace and print one credential for each API. They are shown this once: the
store only keeps their hashes. NAME is 1 to 64 characters of a-z, 0-9, '-' and '_'.
A store that doesn't exist yet is made. If this is interrupted before the credentials are
printed, do it again: it completes the workspace, and revokes what was made and never shown.

JSON: {"workspace","imkit":{"client_key","api_key"},"shopline":{"token"},
"imetastore":{"email","password","seller"}}`,
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		name := parlance.WorkspaceID(args[0])
		if err := parlance.CheckWorkspace(name); err != nil {
			return usage("%w", err)
		}
		open := func(ctx context.Context, c config.Config) (*archive, error) {
			n, err := engineOf(c)
			if err != nil {
				return nil, err
			}
			return openArchive(ctx, n, c, p.logger(c, quiet))
		}
		return p.onOpened(ctx, cmd, open, func(a *archive) error { return p.createWorkspace(ctx, a, name) })
	})
	engineFlags(cmd)
	return cmd
}

// createWorkspace makes a workspace. It is finished once its secrets have been written, so that whatever ends this before can be mended by
// doing it again.
func (p *program) createWorkspace(ctx context.Context, a *archive, name parlance.WorkspaceID) error {
	n, err := a.keeper.BeginWorkspace(ctx, access.Workspace{ID: name})
	if errors.Is(err, parlance.Conflict) {
		return fmt.Errorf("%w; nothing was changed", err)
	}
	if err != nil {
		return err
	}
	if n.Resumed {
		p.say("workspace %s was begun before and not finished; it is completed, with new credentials: those that were made then are revoked", name)
	}
	if err := p.printCredentials(newCredentialSet(n.Workspace, n.Secrets)); err != nil {
		return err
	}
	return a.keeper.FinishWorkspace(ctx, n)
}

func (p *program) printCredentials(set credentialSet) error {
	return p.result(set, `Workspace %s. Keep these: they can't be shown again.

IMKit
  client key   %s
  API key      %s
SHOPLINE
  token        %s
iMetaStore
  e-mail       %s
  password     %s
  seller       %s`, set.Workspace, set.IMKit.ClientKey, set.IMKit.APIKey, set.Shopline.Token,
		set.IMetaStore.Email, set.IMetaStore.Password, set.IMetaStore.Seller)
}
