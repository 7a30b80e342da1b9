package store

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// This file is about writers of the same conversation: what one may build on, whose
// derived rows it has to write too, and how its claim finds out.

// baseHead returns the head to build a group on. Where others may write too, what is remembered
// is taken for true, for the claim is refused if others wrote since; unconfirmed says so. A change is
// refused too if its message isn't found, so it has to look first.
//
// The others' entries stand above the head, and maybe nothing that is derived from them does. That
// is written with the group and not before: otherwise a busy writer would win every race.
func (s *Store) baseHead(ctx context.Context, c *conversation, group []*request) (t *format.Head, others []*Entry, unconfirmed bool, err error) {
	isChange := func(r *request) bool { return r.change != nil }
	if t := c.head(); t != nil && (s.bounds.Exclusive || !slices.ContainsFunc(group, isChange)) {
		return t, nil, !s.bounds.Exclusive, nil
	}
	t, others, err = s.openHead(ctx, c)
	return t, others, false, err
}

// openHead returns the conversation's head, and the entries above it, whose derived rows may be missing.
func (s *Store) openHead(ctx context.Context, c *conversation) (t *format.Head, above []*Entry, err error) {
	t, err = s.readerHead(ctx, c)
	if err != nil || s.bounds.OneStep {
		return t, nil, err
	}
	for e, err := range s.log1(ctx, c.ref, t.Number+1) {
		if err != nil {
			return nil, nil, err
		}
		above = append(above, &e)
	}
	return t, above, nil
}

// writerHead returns the conversation's head as it is now. Where a claim and its derived rows are
// two steps, others may have claimed entries above it, and maybe stopped before the second
// step; it writes the derived rows of those first. The caller holds c.write.
func (s *Store) writerHead(ctx context.Context, c *conversation) (*format.Head, error) {
	for try := 0; ; try++ {
		t, others, err := s.openHead(ctx, c)
		if err != nil || len(others) == 0 {
			return t, err
		}
		a := &appender{s: s, c: c, ctx: ctx, base: t, next: *t, entries: others, theirs: len(others), known: map[parlance.MessageID]*Entry{}}
		err = a.complete()
		switch {
		case err == nil:
			c.cachedHead.Store(&a.next)
			return &a.next, nil
		case driver.AsRefused(err) == nil || try == maxRaces:
			c.invalidate()
			return nil, fmt.Errorf("complete what others began: %w", err)
		}
		// They are at it themselves.
		c.invalidate()
		wait(try)
	}
}

// complete writes the derived rows of entries that others claimed. They are the same
// as those that the others write, if they still do.
func (a *appender) complete() (err error) {
	defer func() { a.fed(err == nil) }()
	if err := a.prepare(); err != nil {
		return err
	}
	if err := a.deriveTheirs(); err != nil {
		return err
	}
	if err := a.finish(); err != nil {
		return err
	}
	return a.s.writeParts(a.ctx, a.parts(), appended(a.next.Number))
}

// deriveTheirs derives what follows from the others' entries.
func (a *appender) deriveTheirs() error {
	for _, e := range a.entries[:a.theirs] {
		var before *Entry
		if e.Previous != 0 {
			var err error
			if before, err = a.version(e.Previous); err != nil {
				return err
			}
		}
		if err := a.derive(e, before); err != nil {
			return err
		}
		a.next.Chain = e.Link(a.next.Chain, e.AppendHeader(nil))
		a.known[e.Message.ID] = e
	}
	return nil
}

// commit claims the numbers and writes the derived rows. When the engine's answer was
// lost it claims again: rows that stand there byte for byte are ours. A refusal means
// that none of ours stand; [parlance.Unavailable] leaves it open.
func (a *appender) commit() error {
	parts, version := a.parts(), appended(a.next.Number)
	if len(a.rows) == 0 {
		return a.s.writeParts(a.ctx, parts, version)
	}
	log := a.s.layout.LogPartition(a.c.ref, a.firstClaim())
	if a.unconfirmed {
		if done, err := a.commitUnconfirmed(log); done || err != nil {
			return err
		}
		return a.s.writeParts(a.ctx, parts, version)
	}
	if err := a.s.claim(a.ctx, log, a.rows, parts[0], version); err != nil {
		return err
	}
	return a.s.writeParts(a.ctx, parts[1:], version)
}

// commitUnconfirmed claims the numbers and finds out meanwhile whether the head is what the derived
// rows were made from: lists move without a new entry, and a fast writer may already have
// written the derived rows of what is claimed here. If it isn't, they are made anew, and done is true.
func (a *appender) commitUnconfirmed(log driver.Partition) (done bool, err error) {
	var head *format.Head
	var g errgroup.Group
	g.Go(func() error { return a.s.claim(a.ctx, log, a.rows, nil, appended(a.next.Number)) })
	g.Go(func() error {
		return a.s.retry(a.ctx, func() (err error) {
			head, err = a.s.head(a.ctx, a.c.ref)
			return err
		})
	})
	if err := g.Wait(); err != nil {
		return false, err
	}
	if head.Number == a.base.Number && head.Listed == a.base.Listed {
		return false, nil
	}
	a.c.invalidate()
	t, err := a.s.writerHead(a.ctx, a.c)
	if err == nil {
		a.next = *t
	}
	return true, err
}
