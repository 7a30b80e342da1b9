package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parlance"
	"parlance/history"
	"parlance/internal/jsonrecord"
)

// What fails is an item's, a conversation's, or everybody's. Only the last ends a run.

// maxUnheard is after how many conversations in a row that got no answer, without a page of any other in between, it is taken
// to be the platform that answers nobody.
const maxUnheard = 3

// ofOne reports whether an error that a reading ended with, although it was tried again, is that of one conversation, so that the others are
// to be read.
func (r *run) ofOne(ctx context.Context, b *book, err error) bool {
	var ours ownError
	if errors.As(err, &ours) || b.Stream == history.Everything {
		return false
	}
	switch parlance.KindOf(err) {
	case parlance.Unavailable, parlance.Limited:
		return !r.meter.silent() && r.unheard.Add(1) < maxUnheard
	case parlance.Unauthenticated:
		return r.unheard.Add(1) < maxUnheard && r.isStillGood(ctx)
	}
	return false
}

// isStillGood reports whether the platform takes the credential that it refused for one conversation.
func (r *run) isStillGood(ctx context.Context) bool {
	before := r.meter.count()
	if err := r.identify(ctx); err != nil {
		return false
	}
	if r.meter.count() > before {
		return true
	}
	// It has no call that tells of the account. Its list needs the credential too.
	for st, err := range r.asked().Streams(ctx) {
		return err == nil && st.Err == nil && r.meter.count() > before
	}
	return false
}

// unkept notes that what the platform told of a conversation can't be kept. It returns only what concerns the whole run.
func (r *run) unkept(ctx context.Context, b *book, err error) error {
	if !errors.Is(err, parlance.Invalid) {
		return err
	}
	b.Attempted, b.Failure = r.m.o.Now(), err.Error()
	r.m.o.Logger.Warn("a conversation couldn't be read", "source", r.c.Name, "stream", b.Stream, "error", err)
	if r.o.DryRun {
		return nil
	}
	return r.m.save(context.WithoutCancel(ctx), r.c.Name, b)
}

// noteEnd notes how a run ended. Only one of all conversations shows that runs come through again.
func (c *Config) noteEnd(began parlance.Time, err error, whole bool) {
	switch {
	case err == nil && whole:
		c.Failed, c.Well = nil, began
	case err != nil && !errors.Is(err, parlance.Conflict): // else another process has it, and notes how that ends
		since := c.Created
		if c.Well != 0 {
			since = c.Well
		}
		c.Failed = &Failed{Since: since, Error: err.Error(), Login: errors.Is(err, parlance.Unauthenticated)}
	}
}

// missedRuns is how many intervals may pass without a run before what is here is taken to be stale; unlistedFor is how long the list of
// conversations may go unread where no interval is set, in milliseconds.
const (
	missedRuns  = 4
	unlistedFor = 24 * 60 * 60 * 1000
)

// stale returns since when it is known that what is here isn't kept up to date, and why; empty: that isn't known.
func (c *Config) stale(now parlance.Time) (since parlance.Time, why string) {
	interval := missedRuns * parlance.Time(c.Every.Milliseconds())
	unlisted := interval
	if unlisted == 0 {
		unlisted = unlistedFor
	}
	switch {
	case c.Failed != nil:
		return c.Failed.Since, "no run has come through since then: " + c.Failed.Error
	case c.Last == nil:
		return 0, "" // never read, which is said otherwise
	case interval > 0 && now-c.Last.Ended > interval+max(c.Last.Ended-c.Last.Began, 0):
		return c.Last.Ended, fmt.Sprintf("no run has ended since then, though it is to be read every %v", c.Every)
	case c.Listed != 0 && c.Last.Began > c.Listed && c.Last.Ended-c.Listed > unlisted:
		return c.Listed, "the platform's list of conversations was last read then; the runs since were of some conversations only"
	}
	return 0, ""
}

// isRunning reports whether an upstream is being run, here or by another process.
func (m *Mirror) isRunning(ctx context.Context, n Name) bool {
	m.mu.Lock()
	running := m.running[n]
	m.mu.Unlock()
	if running || !m.o.Shared {
		return running
	}
	l, _, err := jsonrecord.Read[lease](ctx, m.store, leases, string(n))
	return err == nil && l.Until > m.o.Now()
}

// acknowledged returns gaps, with what was acknowledged of them before.
func acknowledged(gaps, before []Gap) []Gap {
	for i := range gaps {
		if j := slices.IndexFunc(before, func(o Gap) bool { return o.ID == gaps[i].ID }); j >= 0 {
			gaps[i].Acknowledged, gaps[i].Found = before[j].Acknowledged, before[j].Found
		}
	}
	return gaps
}
