package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/internal/progress"
	"parlance/mirror"
	"parlance/store/driver"
)

type mirrorRunOptions struct {
	once, full, acceptMissing, dryRun bool
	conversations                     []string
	parallel                          int
	progress                          string
}

// A gapLine is a gap as commands write it.
type gapLine struct {
	ID           string                  `json:"id"`
	Conversation parlance.ConversationID `json:"conversation"` // empty: of all
	From         string                  `json:"from"`         // RFC 3339, inclusive; empty: the beginning
	To           string                  `json:"to"`           // RFC 3339, inclusive; empty: the newest
	Reason       string                  `json:"reason"`
}

func gapLines(gaps []mirror.Gap) []gapLine {
	lines := make([]gapLine, len(gaps))
	for i, g := range gaps {
		lines[i] = gapLine{g.ID, g.Conversation, stamp(g.From), stamp(g.To), g.Reason}
	}
	return lines
}

func (g gapLine) String() string {
	conversation := string(g.Conversation)
	if conversation == "" {
		conversation = "all conversations"
	}
	when := "at any time"
	switch {
	case g.From != "" && g.From == g.To:
		when = "at " + g.From
	case g.From != "" && g.To != "":
		when = "from " + g.From + " to " + g.To
	case g.From != "":
		when = "from " + g.From + " on"
	case g.To != "":
		when = "up to " + g.To
	}
	return fmt.Sprintf("%s  %s, %s: %s", g.ID, conversation, when, g.Reason)
}

// A runSummary is the result of `mirror run` for one upstream.
type runSummary struct {
	Source        mirror.Name  `json:"source"`
	State         mirror.State `json:"state"`
	Conversations int          `json:"conversations"` // that the upstream has, as far as is known
	Messages      int          `json:"messages"`      // that are here of them
	Read          int          `json:"read"`          // that the platform gave in this run, repetitions too
	New           int          `json:"new"`
	Changed       int          `json:"changed"`
	Missing       int          `json:"missing"` // marked so in this run
	Calls         int          `json:"calls"`
	DryRun        bool         `json:"dry_run"`
	Error         string       `json:"error,omitempty"` // what stopped the run before its end
	Gaps          []gapLine    `json:"gaps"`
}

func (p *program) mirrorRun() *cobra.Command {
	var o mirrorRunOptions
	cmd := p.command(&cobra.Command{
		Use:   "run [NAME...] --data DIR",
		Short: "Read what is new, and fill holes",
		Long: `Read upstreams, all of them if none is named: what is new since the last run, and whatever is known to be missing. It can be
stopped at any moment and goes on where it was the next time; a run that finds nothing new writes no message.

--full reads every conversation from its newest message to its beginning. That finds changes that the platform doesn't
tell of, and what vanished there: messages that two full runs in a row lacked are marked missing and kept. If that were
more than ten and a fifth of a conversation, none is marked unless --accept-missing says so. Without --full that is done with
conversations for which it is time, as "mirror add --full-every" says.

The state is complete if all was read to its beginning on evidence and nothing is known to be missing; the exit code is
then 0. It is 3 if the history is partial or that isn't known, 4 if the platform refuses the credential, and 1 if the run was
stopped by something else.

JSON, one line for each upstream: {"source","state","conversations","messages","read","new","changed","missing","calls",
"dry_run","error","gaps":[{"id","conversation","from","to","reason"}]}; messages are those that are here, read those that the
platform gave in this run.`,
	}, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if !o.once {
			return usage("--once=false: this command reads once; parlance serve reads again and again")
		}
		switch o.progress {
		case "auto", "json", "none":
		default:
			return usage("--progress: want auto, json or none")
		}
		return p.onStore(ctx, cmd, func(a *archive) error { return p.runUpstreams(ctx, a, args, o) })
	})
	engineFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.once, "once", true, "read each upstream once and end; servers run them again and again")
	f.BoolVar(&o.full, "full", false, "read everything again")
	f.BoolVar(&o.acceptMissing, "accept-missing", false, "with --full: mark messages missing, however many they are")
	f.BoolVar(&o.dryRun, "dry-run", false, "ask the platform and say what would be done")
	f.StringArrayVar(&o.conversations, "conversation", nil, "id of a conversation to read; may be given several times")
	f.IntVar(&o.parallel, "parallel", 4, "conversations read at once")
	f.StringVar(&o.progress, "progress", "auto", "auto: a bar on a terminal, else a line now and then; json: lines of JSON; none")
	return cmd
}

func (p *program) runUpstreams(ctx context.Context, a *archive, names []string, o mirrorRunOptions) error {
	if a.engine.Bounds().ReadOnly && !o.dryRun {
		return a.engine.Claim(ctx, driver.Partition{Table: driver.Claimed}, nil, nil, 0) // it says so before a platform is asked
	}
	m := p.mirrorOf(a)
	upstreams, err := namedUpstreams(ctx, m, names)
	if err != nil {
		return err
	}
	ro := mirror.RunOptions{
		Full: o.full, AcceptMissing: o.acceptMissing, DryRun: o.dryRun, Parallel: o.parallel,
		Secret: func(c mirror.Config) (mirror.Secret, error) { return secretOf(c, p.env) },
	}
	for _, id := range o.conversations {
		ro.Conversations = append(ro.Conversations, parlance.ConversationID(id))
	}
	var worst error
	for _, c := range upstreams {
		show := p.showRun(c.Name, o.progress)
		ro.Progress = show.set
		report, err := m.Run(ctx, c.Name, ro)
		show.stop()
		if report.Source == "" {
			return err // nothing was done
		}
		sum := runSummary{
			report.Source, report.State, report.Conversations, report.Messages, report.Read, report.New, report.Changed, report.Missing,
			report.Calls, report.DryRun, "", gapLines(report.Gaps),
		}
		if err != nil {
			sum.Error = err.Error()
		}
		if e := p.writeRun(a, sum); e != nil {
			return errors.Join(err, e)
		}
		if ctx.Err() != nil {
			return err
		}
		worst = worse(worst, p.outcome(a, sum, err))
	}
	return worst
}

// outcome returns the error that a run's command ends with.
func (p *program) outcome(a *archive, sum runSummary, err error) error {
	switch {
	case errors.Is(err, parlance.Unauthenticated):
		return coded(exitLogin, "%s: the platform wants another login: %w", sum.Source, err)
	case err != nil:
		return coded(exitFailed, "%s: %w", sum.Source, err)
	case sum.State != mirror.Complete:
		return coded(exitPartial, "%s is %s, not complete: see %s", sum.Source, sum.State, p.pasted(a, "mirror gaps", string(sum.Source)))
	}
	return nil
}

// worse returns the one of two outcomes that counts for the whole command.
func worse(a, b error) error {
	rank := map[int]int{exitPartial: 1, exitLogin: 2, exitFailed: 3}
	of := func(err error) int {
		var c *codedError
		if !errors.As(err, &c) {
			return 0
		}
		return rank[c.code]
	}
	if of(b) > of(a) {
		return b
	}
	return a
}

func (p *program) writeRun(a *archive, s runSummary) error {
	if p.json {
		return writeLine(p.stdout, s)
	}
	var b strings.Builder
	printf(&b, "%s: %s; %s messages of %s conversations are here; read %s: %s new, %s changed, %s missing; %s calls\n", s.Source, s.State,
		progress.Number(s.Messages), progress.Number(s.Conversations), progress.Number(s.Read),
		progress.Number(s.New), progress.Number(s.Changed), progress.Number(s.Missing), progress.Number(s.Calls))
	if s.DryRun {
		b.WriteString("  nothing was written: this was a dry run\n")
	}
	const most = 10
	for _, g := range s.Gaps[:min(len(s.Gaps), most)] {
		printf(&b, "  gap %s\n", g)
	}
	if n := len(s.Gaps) - most; n > 0 {
		printf(&b, "  and %d more: %s\n", n, p.pasted(a, "mirror gaps", string(s.Source)))
	}
	_, err := p.stdout.Write([]byte(b.String()))
	return err
}

// namedUpstreams returns those that are named, or all.
func namedUpstreams(ctx context.Context, m *mirror.Mirror, names []string) ([]mirror.Config, error) {
	var cs []mirror.Config
	for _, n := range names {
		c, err := m.Upstream(ctx, mirror.Name(n))
		if err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	if len(names) > 0 {
		return cs, nil
	}
	for c, err := range m.Upstreams(ctx) {
		if err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	if len(cs) == 0 {
		return nil, errors.New("there is no upstream; name one with: parlance mirror add NAME")
	}
	return cs, nil
}
