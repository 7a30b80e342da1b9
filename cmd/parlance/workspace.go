package main

import "github.com/spf13/cobra"

func (p *program) workspace() *cobra.Command {
	return p.group(&cobra.Command{
		Use:   "workspace",
		Short: "Make and list workspaces",
		Long: `A workspace is one merchant or app. Its conversations, accounts and credentials are its
own: nothing crosses from one workspace to another.`,
	}, p.workspaceCreate(), p.workspaceList(), p.workspaceCredential())
}
