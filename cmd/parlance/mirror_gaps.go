package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/mirror"
)

// An upstreamGaps is the result of `mirror gaps` for one upstream.
type upstreamGaps struct {
	Source mirror.Name  `json:"source"`
	State  mirror.State `json:"state"`
	Gaps   []gapLine    `json:"gaps"`
}

func (p *program) mirrorGaps() *cobra.Command {
	var acknowledge, item string
	cmd := p.command(&cobra.Command{
		Use:   "gaps [NAME...] --data DIR",
		Short: "List what is missing, or may be",
		Long: `List everything that is missing of upstreams, or not proven to be here, with the reason. What was not read yet is
read by the next run. A gap that reading can't fill keeps its conversation from being complete until a full run
finds it filled, or somebody says with --acknowledge ID that it may stay.

A message that couldn't be read as one is kept as the platform gave it: --show ITEM writes it.

JSON, one line for each upstream: {"source","state","gaps":[{"id","conversation","from","to","reason"}]}; with --show
the item itself.`,
	}, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if (acknowledge != "" || item != "") && len(args) != 1 {
			return usage("--acknowledge and --show are for one upstream: name it")
		}
		return p.onStore(ctx, cmd, func(a *archive) error {
			m := p.mirrorOf(a)
			if item != "" {
				return p.showAside(ctx, m, mirror.Name(args[0]), item)
			}
			if acknowledge != "" {
				if err := m.Acknowledge(ctx, mirror.Name(args[0]), acknowledge); err != nil {
					return err
				}
			}
			return p.listGaps(ctx, m, args)
		})
	})
	engineFlags(cmd)
	cmd.Flags().StringVar(&acknowledge, "acknowledge", "", "id of a gap that may stay")
	cmd.Flags().StringVar(&item, "show", "", "name of an item that was set aside, to be written as it came")
	return cmd
}

func (p *program) listGaps(ctx context.Context, m *mirror.Mirror, names []string) error {
	upstreams, err := namedUpstreams(ctx, m, names)
	if err != nil {
		return err
	}
	for _, c := range upstreams {
		s, err := m.Status(ctx, c.Name)
		if err != nil {
			return err
		}
		g := upstreamGaps{c.Name, s.State, gapLines(s.Gaps)}
		if p.json {
			err = writeLine(p.stdout, g)
		} else {
			var b strings.Builder
			printf(&b, "%s: %s, %d gaps\n", g.Source, g.State, len(g.Gaps))
			for _, line := range g.Gaps {
				printf(&b, "  %s\n", line)
			}
			_, err = p.stdout.Write([]byte(b.String()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *program) showAside(ctx context.Context, m *mirror.Mirror, n mirror.Name, item string) error {
	aside, err := m.Aside(ctx, n, item)
	if err != nil {
		return err
	}
	if aside.Size > len(aside.Raw) {
		p.say("%d of its %d bytes were kept", len(aside.Raw), aside.Size)
	}
	p.say("%s, found %s: %s", aside.Conversation, parlance.Time(aside.Found), aside.Reason)
	_, err = p.data.Write(append(aside.Raw, '\n'))
	return err
}
