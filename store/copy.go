package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// CopyOptions say what [Store.CopyTo] copies, and how fast.
type CopyOptions struct {
	Workspaces  []parlance.WorkspaceID       // whose conversations and accounts are copied
	Collections iter.Seq2[Collection, error] // the records that are copied; nil means none
	Parallel    int                          // conversations copied at once; 0 means 8
	Rate        int                          // log entries a second; 0 means as fast as it goes
	Progress    func(done, total int)        // entries; first of what the target has already, then now and then, by one goroutine at a time
}

// A CopyReport counts what a copy looked at and did.
type CopyReport struct {
	Conversations int // looked at
	Entries       int // that the logs at the source had when it began
	Copied        int // of them new to the target
	Rows          int // of all else that changed in the target
}

// CopyTo makes dst hold what s does: the logs and the registries are adopted byte for byte, and
// records, accounts, members and hidden marks are made equal, which takes away what s doesn't have.
// What is derived dst makes for its own layout. Only what is missing is copied, so a copy that was
// stopped goes on where it was, and a second one brings what came since. Both stores may be in
// use meanwhile, s also be written to: what comes after the copy passed by is left to the next one.
//
// Before anything is written all logs are compared by their hashes. If dst has entries that s
// hasn't, or others, the error is of kind [parlance.Conflict] and nothing was changed.
func (s *Store) CopyTo(ctx context.Context, dst *Store, o CopyOptions) (CopyReport, error) {
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	c := &copier{src: s, dst: dst, o: o, group: dst.groupEntries(), limiter: rate.NewLimiter(rate.Inf, 0)}
	if o.Rate > 0 {
		c.group = min(c.group, o.Rate)
		c.limiter = rate.NewLimiter(rate.Limit(o.Rate), c.group)
	}
	err := c.run(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report, err
}

// A copier is one pass of a copy.
type copier struct {
	src, dst *Store
	o        CopyOptions
	group    int // entries that are adopted at once
	limiter  *rate.Limiter

	mu     sync.Mutex
	report CopyReport
	had    int       // entries that the target had when it began
	shown  time.Time // when progress was last told
}

func (c *copier) run(ctx context.Context) error {
	why, err := c.dst.Frozen(ctx)
	if err != nil {
		return err
	}
	if why != "" {
		return parlance.Wrap(parlance.Unavailable, errors.New(why), "the target is frozen and takes no writes")
	}
	for _, ws := range c.o.Workspaces {
		if err := c.check(ctx, ws); err != nil {
			return fmt.Errorf("compare workspace %q before copying: %w", ws, err)
		}
	}
	c.tell(true)
	if err := c.collections(ctx); err != nil {
		return err
	}
	for _, ws := range c.o.Workspaces {
		if err := c.workspace(ctx, ws); err != nil {
			return fmt.Errorf("copy workspace %q: %w", ws, err)
		}
	}
	c.tell(true)
	if err := c.dst.Settle(ctx); err != nil {
		return fmt.Errorf("bring the target's lists up to date: %w", err)
	}
	return nil
}

// tell tells progress, if it is time.
func (c *copier) tell(always bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.o.Progress == nil || !always && time.Since(c.shown) < 100*time.Millisecond {
		return
	}
	c.shown = time.Now()
	done := c.had + c.report.Copied
	c.o.Progress(done, max(done, c.report.Entries))
}

func (c *copier) count(count func(*CopyReport)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count(&c.report)
}

// write does what writes to the target, unless that is frozen.
func (c *copier) write(ctx context.Context, do func() error) error {
	if err := c.dst.beginWrite(ctx); err != nil {
		return err
	}
	return c.dst.endWrite(ctx, do())
}

// secure makes durable what was read at the source. If the target had what the source then
// loses in a crash, they would have parted for good.
func (c *copier) secure(ctx context.Context) error {
	if err := c.src.writeParts(ctx, [][]driver.Op{nil}, 0); err != nil {
		return fmt.Errorf("make what was read at the source durable: %w", err)
	}
	return nil
}

// conversationsAtOnce is how many conversations are held in memory, by their ids.
const conversationsAtOnce = 256

// check holds the target against the source before anything is written: its registry and
// each of its logs have to be the beginning of the source's.
func (c *copier) check(ctx context.Context, ws parlance.WorkspaceID) error {
	next, stop := iter.Pull2(c.dst.registryRows(ctx, ws, 1))
	defer stop()
	for group, err := range groups(c.src.registryRows(ctx, ws, 1), conversationsAtOnce) {
		if err != nil {
			return err
		}
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(c.o.Parallel)
		for i := range group {
			there, err, ok := next()
			if err != nil {
				return errors.Join(err, g.Wait())
			}
			if ok && !bytes.Equal(there.value, group[i].value) {
				return errors.Join(parlance.Errorf(parlance.Conflict,
					"conversation %q: the target has another in its place: %q; nothing was changed", group[i].ID, there.ID), g.Wait())
			}
			g.Go(func() error { return c.checkLog(gctx, parlance.Ref{Workspace: ws, Conversation: group[i].ID}, ok) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	if more, err, ok := next(); ok {
		if err != nil {
			return err
		}
		return parlance.Errorf(parlance.Conflict, "conversation %q: the target has it and the source hasn't; nothing was changed", more.ID)
	}
	return nil
}

// checkLog holds one log of the target, if it has the conversation, against the source.
func (c *copier) checkLog(ctx context.Context, ref parlance.Ref, has bool) error {
	var number uint64
	var h format.Hash
	if has {
		var err error
		if number, h, err = c.dst.logEnd(ctx, ref); err != nil {
			return fmt.Errorf("target: %w", err)
		}
	}
	t, err := c.src.head(ctx, ref)
	if err != nil {
		return err
	}
	c.count(func(r *CopyReport) {
		r.Entries += int(t.Number)
		c.had += int(number)
	})
	if number == t.Number && h == t.Chain {
		return nil
	}
	return c.follows(ctx, ref, number, h)
}

// follows finds out whether the source's log begins with the target's, which ends with
// entry number and hash h.
func (c *copier) follows(ctx context.Context, ref parlance.Ref, number uint64, h format.Hash) error {
	here, ok, err := c.src.chainAt(ctx, ref, number)
	switch {
	case err != nil:
		return err
	case !ok:
		return parlance.Errorf(parlance.Conflict, "conversation %s: the target has entries up to %d, which the source hasn't; nothing was overwritten", ref, number)
	case here != h:
		return parlance.Errorf(parlance.Conflict, "conversation %s: the target has other entries up to %d than the source; nothing was overwritten", ref, number)
	}
	return nil
}

// collections copies the records.
func (c *copier) collections(ctx context.Context) error {
	if c.o.Collections == nil {
		return nil
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Parallel)
	for col, err := range c.o.Collections {
		if err == nil && col.After {
			err = g.Wait()
			g, gctx = errgroup.WithContext(ctx)
			g.SetLimit(c.o.Parallel)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("copy records: %w", err), g.Wait())
		}
		g.Go(func() error {
			p := format.RecordPartition(col.Name)
			err := c.equal(gctx, p, col.Owns, func(claims []driver.Claim) error { return c.dst.claim(gctx, p, claims, nil, 1) })
			if err != nil {
				return fmt.Errorf("copy records of %s: %w", col.Name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// workspace copies one workspace.
func (c *copier) workspace(ctx context.Context, ws parlance.WorkspaceID) error {
	for _, f := range []bucketedRows{accounts(ws), numbers(ws)} {
		if err := c.family(ctx, f); err != nil {
			return fmt.Errorf("copy accounts: %w", err)
		}
	}
	last, err := c.registry(ctx, ws)
	if err != nil {
		return fmt.Errorf("copy the list of conversations: %w", err)
	}
	for group, err := range groups(c.src.registered(ctx, ws, 1), conversationsAtOnce) {
		if err != nil {
			return err
		}
		for len(group) > 0 && group[len(group)-1].Number > last {
			group = group[:len(group)-1] // came since
		}
		if err := c.conversations(ctx, ws, group); err != nil {
			return err
		}
	}
	return nil
}

// conversations copies what belongs to some conversations.
func (c *copier) conversations(ctx context.Context, ws parlance.WorkspaceID, rs []format.Registered) error {
	heads := make([]*format.Head, len(rs))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Parallel)
	for i := range rs {
		g.Go(func() (err error) {
			heads[i], err = c.src.head(gctx, parlance.Ref{Workspace: ws, Conversation: rs[i].ID})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := c.secure(ctx); err != nil {
		return err
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(c.o.Parallel)
	for i := range rs {
		g.Go(func() error {
			ref := parlance.Ref{Workspace: ws, Conversation: rs[i].ID}
			err := c.members(gctx, ref)
			if err == nil {
				err = c.hidden(gctx, ref)
			}
			if err == nil {
				err = c.log(gctx, ref, heads[i])
			}
			if err != nil {
				return fmt.Errorf("copy conversation %s: %w", ref, err)
			}
			c.count(func(r *CopyReport) { r.Conversations++ })
			c.tell(false)
			return nil
		})
	}
	return g.Wait()
}
