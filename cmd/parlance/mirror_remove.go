package main

import (
	"context"

	"github.com/spf13/cobra"

	"parlance/mirror"
)

func (p *program) mirrorRemove() *cobra.Command {
	var execute bool
	cmd := p.command(&cobra.Command{
		Use:   "remove NAME --data DIR",
		Short: "Forget an upstream; its messages stay",
		Long: `Forget an upstream: its address, and what is known of what was read and what is missing. Its messages and conversations
stay. Without --execute it says what it would do, and does nothing.

JSON: {"source","removed"}`,
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		n := mirror.Name(args[0])
		return p.onStore(ctx, cmd, func(a *archive) error {
			m := p.mirrorOf(a)
			s, err := m.Status(ctx, n)
			if err != nil {
				return err
			}
			result := map[string]any{"source": n, "removed": execute}
			if !execute {
				return p.result(result, "would forget %s and the ledgers of its %d conversations; its %d messages would stay. Do it with: %s",
					n, s.Conversations, s.Messages, p.pasted(a, "mirror remove --execute", string(n)))
			}
			if err := m.Remove(ctx, n); err != nil {
				return err
			}
			return p.result(result, "%s is forgotten; its %d messages are still here", n, s.Messages)
		})
	})
	engineFlags(cmd)
	cmd.Flags().BoolVar(&execute, "execute", false, "do it")
	return cmd
}
