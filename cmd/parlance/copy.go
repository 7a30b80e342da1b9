package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/internal/config"
	"parlance/internal/progress"
	"parlance/store"
)

type copyOptions struct {
	from, to   string
	workspace  string
	rate       int
	parallel   int
	switchOver bool
	thaw       bool
	quiet      bool
}

// A copySummary is the result of `copy`.
type copySummary struct {
	From          string      `json:"from"`
	To            string      `json:"to"`
	Passes        int         `json:"passes"`
	Conversations int         `json:"conversations"`
	Entries       int         `json:"entries"`        // of all logs at the source
	Copied        int         `json:"copied"`         // of them by this command
	Rows          int         `json:"rows"`           // of all else that it changed in the target
	Files         int         `json:"files"`          // contents of attachments that it copied
	Behind        int         `json:"behind"`         // entries that the last pass found new: about what the target lacks
	Switched      bool        `json:"switched"`       // the source is frozen, and the target holds the same
	FrozenSeconds float64     `json:"frozen_seconds"` // from the freeze to the end of the comparison
	Comparison    *comparison `json:"comparison"`     // null without --switch-over
	Seconds       float64     `json:"seconds"`
}

// caughtUp is how few entries a pass may copy for the target to have caught up.
const caughtUp = 1000

func (p *program) copy() *cobra.Command {
	var o copyOptions
	cmd := p.command(&cobra.Command{
		Use:   "copy --from ENGINE --to ENGINE",
		Short: "Copy a store to another engine, while it is served",
		Long: `Copy a whole store: to another folder, or from a folder to a cluster and back. ENGINE is DIR,
pebble:DIR or cassandra:HOST[:PORT],.../KEYSPACE. The source may be served and written to
meanwhile, the target must not be. It copies until little is missing; doing it again copies what
came since, and an interrupted copy goes on where it was. The logs are copied byte for byte.
A target with entries that the source doesn't have is refused, and nothing is changed.

With --switch-over it then freezes the source, so that this takes no more writes, copies the
rest and compares both ends by the hashes of their logs. If they are the same, the source stays frozen and can be read, and the
target can be served. If anything goes wrong, or is interrupted, the source takes writes again.

  parlance copy --thaw --from ENGINE

lets a frozen store take writes again, whatever froze it.

Attachments are copied too, if both ends have a folder of them: a store's folder has one, a cluster
is given one with PARLANCE_FILES.

JSON: {"from","to","passes","conversations","entries","copied","rows","files","behind","switched",
"frozen_seconds","comparison","seconds"}; entries are versions of messages, behind is about how many the target
lacks, comparison is as of "parlance verify --against" but reads the logs' heads only, null without --switch-over. With --thaw: {"thawed"}.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		if o.thaw {
			return p.thaw(ctx, cmd, o)
		}
		return p.copyEngines(ctx, cmd, o)
	})
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "engine of the source (required)")
	f.StringVar(&o.to, "to", "", "engine of the target")
	f.Int("replication", config.Defaults().Replication, "copies of each row, of a keyspace that is made (PARLANCE_REPLICATION)")
	f.IntVar(&o.rate, "rate", 0, "entries copied a second at most; 0 = as fast as it goes")
	f.IntVar(&o.parallel, "parallel", 8, "conversations copied at once")
	f.BoolVar(&o.switchOver, "switch-over", false, "freeze the source at the end, copy the rest and compare")
	f.BoolVar(&o.thaw, "thaw", false, "let the frozen store of --from take writes again")
	f.BoolVar(&o.quiet, "quiet", false, "show no progress")
	workspaceFlag(cmd, &o.workspace, "workspace to copy; all if not given")
	cmd.MarkFlagRequired("from")
	return cmd
}

func (p *program) thaw(ctx context.Context, cmd *cobra.Command, o copyOptions) (err error) {
	from, err := parseEngine(o.from)
	if err != nil {
		return usage("--from: %w", err)
	}
	c, err := p.settings(cmd)
	if err != nil {
		return err
	}
	e, err := openExistingEnd(ctx, from, c, p.logger(c, quiet))
	if err != nil {
		return err
	}
	defer func() { err = e.close(err) }()
	if err := e.thaw(ctx); err != nil {
		return err
	}
	return p.result(map[string]string{"thawed": from.String()}, "%s takes writes again", from)
}

func (o *copyOptions) engines() (from, to engineName, err error) {
	switch {
	case o.to == "":
		err = usage("name the target: --to ENGINE")
	case o.rate < 0 || o.rate > 1_000_000_000:
		err = usage("--rate: want 0 to 1000000000")
	case o.parallel < 1 || o.parallel > 64:
		err = usage("--parallel: want 1 to 64")
	case o.switchOver && o.workspace != "":
		err = usage("--switch-over moves the whole store: leave --workspace out")
	}
	if err != nil {
		return from, to, err
	}
	if from, err = parseEngine(o.from); err != nil {
		return from, to, usage("--from: %w", err)
	}
	if to, err = parseEngine(o.to); err != nil {
		return from, to, usage("--to: %w", err)
	}
	if from.String() == to.String() {
		return from, to, usage("--from and --to are the same store")
	}
	return from, to, nil
}

func (p *program) copyEngines(ctx context.Context, cmd *cobra.Command, o copyOptions) (err error) {
	from, to, err := o.engines()
	if err != nil {
		return err
	}
	c, err := p.settings(cmd)
	if err != nil {
		return err
	}
	log := p.logger(c, quiet)
	src, err := openExistingEnd(ctx, from, c, log)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	defer func() { err = src.close(err) }()
	dst, err := openEnd(ctx, to, c, log)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	defer func() { err = dst.close(err) }()
	if dst.held != nil {
		return fmt.Errorf("target: a parlance runs on %s; stop that first", to)
	}
	m := &mover{p: p, o: o, src: src, dst: dst, start: time.Now(), sum: copySummary{From: from.String(), To: to.String()}}
	return m.run(ctx)
}

// A mover moves a store from one end to the other.
type mover struct {
	p        *program
	o        copyOptions
	src, dst *end
	start    time.Time
	sum      copySummary
}

func (m *mover) run(ctx context.Context) error {
	err := m.catchUp(ctx)
	if err == nil && m.o.switchOver {
		err = m.switchOver(ctx)
	}
	m.sum.Seconds = seconds(m.start)
	if m.sum.Comparison != nil && m.sum.Comparison.Total > 0 || err == nil {
		if e := m.print(); e != nil {
			return e
		}
	}
	return err
}

func seconds(since time.Time) float64 {
	return float64(time.Since(since).Round(time.Millisecond)) / float64(time.Second)
}

// catchUp copies until a pass after the first finds little, or no less than the one before: what
// the last pass found new is what was written while the one before it ran.
func (m *mover) catchUp(ctx context.Context) error {
	for before := 0; ; {
		r, err := m.pass(ctx)
		if err != nil {
			return err
		}
		m.sum.Behind = r.Copied
		if m.sum.Passes > 1 && r.Copied < caughtUp {
			return nil
		}
		if m.sum.Passes > 2 && r.Copied >= before {
			m.p.say("the source is written to as fast as it is copied")
			return nil
		}
		before = r.Copied
	}
}

// pass copies once.
func (m *mover) pass(ctx context.Context) (store.CopyReport, error) {
	ids, err := m.src.workspaces(ctx, m.o.workspace)
	if err != nil {
		return store.CopyReport{}, err
	}
	if m.o.workspace == "" {
		others, err := m.dst.workspaces(ctx, "")
		if err != nil {
			return store.CopyReport{}, err
		}
		for _, id := range others {
			if !slices.Contains(ids, id) {
				return store.CopyReport{}, parlance.Errorf(parlance.Conflict,
					"the target has the workspace %s, which the source hasn't; nothing was changed: name the workspace to copy with --workspace", id)
			}
		}
	}
	m.sum.Passes++
	var meter *progress.Meter
	had := 0
	r, err := m.src.store.CopyTo(ctx, m.dst.store, store.CopyOptions{
		Workspaces:  ids,
		Collections: recordsOf(ctx, parlance.WorkspaceID(m.o.workspace), m.src, m.dst),
		Parallel:    m.o.parallel,
		Rate:        m.o.rate,
		Progress: func(done, total int) {
			if meter == nil {
				had = done
				meter = progress.Start(m.p.stderr, progress.Options{
					What: fmt.Sprintf("copy, pass %d", m.sum.Passes), Bytes: int64(total - had), Terminal: m.p.terminal(), Quiet: m.o.quiet,
				})
			}
			meter.Set(done-had, int64(done-had))
		},
	})
	if meter != nil {
		meter.Stop()
	}
	m.sum.Conversations, m.sum.Entries = r.Conversations, r.Entries
	m.sum.Copied += r.Copied
	m.sum.Rows += r.Rows
	if err == nil {
		err = m.copyFiles(ctx, ids)
	}
	if err != nil && m.sum.Copied > 0 {
		m.p.say("until then: %s messages copied; the same command again does the rest", progress.Number(m.sum.Copied))
	}
	return r, err
}

// switchOver freezes the source, copies the rest and compares. Unless both ends are the same then,
// the source is as it was before.
func (m *mover) switchOver(ctx context.Context) (err error) {
	before, err := m.src.store.Frozen(ctx)
	if err != nil {
		return err
	}
	frozen := time.Now()
	defer func() {
		m.sum.FrozenSeconds = seconds(frozen)
		if m.sum.Switched {
			return
		}
		if before != "" {
			m.p.say("the source was frozen before and still is; to let it take writes again: %s", m.undo())
			return
		}
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if e := m.src.thaw(undo); e != nil {
			err = errors.Join(err, fmt.Errorf("the source may still be frozen, let it take writes again with %s: %w", m.undo(), e))
			return
		}
		m.p.say("the source takes writes again")
	}()
	why := fmt.Sprintf("moved to %s; if it isn't, undo this with: %s", m.sum.To, m.undo())
	if err := m.src.freeze(ctx, why); err != nil {
		return err
	}
	r, err := m.pass(ctx)
	if err != nil {
		return err
	}
	c, err := m.p.compare(ctx, m.src, m.dst, "", true, m.o.quiet)
	if err != nil {
		return err
	}
	m.sum.Behind = 0
	if m.sum.Comparison = &c; c.Total > 0 {
		m.sum.Behind = r.Copied
		return c.err()
	}
	m.sum.Switched = true
	return nil
}

// undo is the command that lets the source take writes again.
func (m *mover) undo() string { return "parlance copy --thaw --from " + shell(m.sum.From) }

func (m *mover) print() error {
	s := &m.sum
	if m.p.json {
		return writeLine(m.p.stdout, s)
	}
	var b strings.Builder
	if s.Files > 0 {
		printf(&b, "%s attachments copied\n", progress.Number(s.Files))
	}
	printf(&b, "%s messages and %s other rows copied in %d passes and %.1f s; the source has %s messages in %s conversations\n", progress.Number(s.Copied),
		progress.Number(s.Rows), s.Passes, s.Seconds, progress.Number(s.Entries), progress.Number(s.Conversations))
	switch {
	case s.Switched:
		printf(&b, "both ends are the same; %s is frozen since %.1f s and can be read\nserve %s from now on; to go back instead: %s\n", s.From, s.FrozenSeconds, s.To, m.undo())
	case s.Comparison != nil:
		if err := m.p.printComparison(*s.Comparison); err != nil {
			return err
		}
	default:
		printf(&b, "the target is about %s messages behind\nto switch over: parlance copy --from %s --to %s --switch-over\n", progress.Number(s.Behind), shell(s.From), shell(s.To))
	}
	_, err := m.p.stdout.Write([]byte(b.String()))
	return err
}
