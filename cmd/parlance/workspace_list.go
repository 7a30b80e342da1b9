package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"parlance"
)

// A listedWorkspace is a workspace as `workspace list` shows it.
type listedWorkspace struct {
	Workspace parlance.WorkspaceID `json:"workspace"`
	Created   string               `json:"created"`  // RFC 3339
	Merchant  parlance.AccountID   `json:"merchant"` // SHOPLINE's name of the shop
	Staff     parlance.AccountID   `json:"staff"`    // SHOPLINE's name of who acts for it
	Seller    parlance.AccountID   `json:"seller"`   // iMetaStore's name of the shop

	Unfinished bool `json:"unfinished,omitempty"` // to be made again: its first credentials never arrived
}

func (p *program) workspaceList() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use:   "list --data DIR",
		Short: "List the workspaces of a store",
		Long: `List the workspaces of a store by name, with the ids under which SHOPLINE and iMetaStore
know the shop.

JSON: {"workspaces":[{"workspace","created","merchant","staff","seller"}]}; "unfinished" is
true in those whose making was interrupted.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		return p.onStore(ctx, cmd, func(a *archive) error {
			all := []listedWorkspace{}
			for w, err := range a.keeper.Workspaces(ctx) {
				if err != nil {
					return err
				}
				all = append(all, listedWorkspace{w.ID, w.Created.String(), w.Merchant, w.Staff, w.Seller, w.Unfinished})
			}
			if p.json {
				return writeLine(p.stdout, map[string]any{"workspaces": all})
			}
			var b strings.Builder
			for _, w := range all {
				printf(&b, "%s\tsince %s\n", w.Workspace, w.Created)
				if w.Unfinished {
					b.WriteString("\tunfinished; complete it with: " + p.pasted(a, "workspace create", string(w.Workspace)) + "\n")
				}
			}
			_, err := p.stdout.Write([]byte(b.String()))
			return err
		})
	})
	engineFlags(cmd)
	return cmd
}
