package mirror

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"parlance"
	"parlance/history"
	"parlance/store"
)

// A fullPass is a reading of a whole stream, whatever is known of it. It isn't resumed after the run ends, but what it read is kept.
type fullPass struct {
	*run
	b     *book
	span  Span
	top   parlance.Time // as of a reading
	clock parlance.Time
	gaps  *Ledger // what this pass finds

	seed   maphash.Seed
	given  map[uint64]struct{}                       // hashes of the messages given
	oldest map[parlance.ConversationID]parlance.Time // Created of the oldest given of each conversation
	total  *reading                                  // keeps the claims
	idle   int                                       // pages in a row that brought nothing and led nowhere
}

// fullDue reports whether a stream is to be read in full: it was told, or it had its turn since the oldest of what is known of it was read.
func (r *run) fullDue(b *book) bool {
	switch {
	case r.o.Full:
		return true
	case r.c.FullEvery == 0 || b.Beginning == "" || len(b.Spans) != 1:
		return false // what was never read comes first
	}
	return hasTurn(b.Stream, r.c.FullEvery, max(b.asOf(), b.Stuck), r.m.o.Now())
}

// full reads a stream from its newest message to its beginning and finds what vanished.
func (r *run) full(ctx context.Context, b *book) error {
	f := &fullPass{
		run: r, b: b, gaps: &Ledger{Conversation: b.Conversation}, seed: maphash.MakeSeed(),
		given: map[uint64]struct{}{}, oldest: map[parlance.ConversationID]parlance.Time{}, total: &reading{run: r, b: b},
	}
	p := patience{short: b.Failure != ""}
	var end history.Evidence
	err := r.persistWith(ctx, &p, func() (err error) {
		end, err = f.walk(ctx, &p)
		return err
	})
	if err != nil {
		return err
	}
	// The pass proves it all anew, so what was found before counts no more, unless it was found again.
	for i := range f.gaps.Gaps {
		g := &f.gaps.Gaps[i]
		if j := slices.IndexFunc(b.Gaps, func(o Gap) bool { return o.ID == g.ID }); j >= 0 {
			*g = b.Gaps[j]
		}
	}
	old := b.Gaps
	b.Spans, b.Beginning, b.Gaps, b.Stuck = []Span{f.span}, end, f.gaps.Gaps, 0
	if err := f.total.hide(ctx, old); err != nil {
		return err
	}
	if err := r.settle(ctx, b); err != nil || r.o.DryRun {
		return err
	}
	return f.vanished(ctx)
}

// walk reads on until the end.
func (f *fullPass) walk(ctx context.Context, p *patience) (history.Evidence, error) {
	for {
		turned := false
		for page, err := range f.asked().Walk(ctx, f.b.Stream, history.Window{Below: f.span.Low, Order: f.b.Order}) {
			if err != nil {
				return "", err
			}
			if turned = page.Order != f.b.Order; turned {
				if err := f.total.turn(page.Order); err != nil {
					return "", err
				}
				f.span, f.top = Span{}, 0
				break
			}
			known, low := len(f.given), f.span.Low
			if err := f.page(ctx, &page); err != nil {
				return "", err
			}
			if len(f.given) > known || low.IsZero() || page.Low.Time < low.Time {
				p.went()
				f.idle = 0
			} else if f.idle++; f.idle > maxIdle {
				return "", parlance.Errorf(parlance.Broken, "the walk through %s makes no progress", f.b.Stream)
			}
			if page.End != "" {
				return page.End, nil
			}
		}
		if !turned {
			return "", parlance.Errorf(parlance.Broken, "the walk through %s ended without saying why", f.b.Stream)
		}
	}
}

func (f *fullPass) page(ctx context.Context, page *history.Page) error {
	gaps := f.b.Gaps
	f.b.Gaps = f.gaps.Gaps
	_, err := f.commit(ctx, f.b, page)
	holdingOf(ctx).release()
	f.note(f.b, page, f.m.o.Now())
	f.gaps.Gaps, f.b.Gaps = f.b.Gaps, gaps
	if err != nil {
		return own(err)
	}
	for i := range page.Items {
		it := &page.Items[i]
		if it.Message.ID == "" || f.wasOther(it.Conversation) {
			continue
		}
		f.given[f.hash(it.Conversation, it.Message.ID)] = struct{}{}
		if at, known := f.oldest[it.Conversation]; !known || it.Message.Created < at {
			f.oldest[it.Conversation] = it.Message.Created
		}
	}
	now := f.m.o.Now()
	if f.span.Pages == 0 {
		f.span.Began, f.clock = now, page.Clock
	}
	if f.top == 0 {
		f.top = highest(page, f.clock)
	}
	f.span.Low, f.span.Ended, f.span.High = page.Low, now, max(f.top, page.Low.Time)
	f.span.Pages++
	f.total.claim(page)
	f.board.change(func(p *Progress) { p.Oldest = page.Low.Time })
	return nil
}

func (f *fullPass) hash(c parlance.ConversationID, id parlance.MessageID) uint64 {
	return maphash.Comparable(f.seed, absentee{c, id})
}

// vanished finds the messages that the pass should have been given, and marks those that the pass before lacked too.
func (f *fullPass) vanished(ctx context.Context) error {
	b := f.b
	if t := f.total.total; t != nil && len(f.given) < t.Count {
		// The platform has more than it gave, so what it didn't give proves nothing.
		b.find("", "a full run was given fewer messages than the platform counts", f.m.o.Now())
		b.Absent = nil
		return nil
	}
	before := map[absentee]bool{}
	var since parlance.Time
	if b.Absent != nil {
		since = b.Absent.At
		for _, a := range b.Absent.Messages {
			before[a] = true
		}
	}
	absent := &Absent{At: f.m.o.Now()}
	held := f.oldest
	for c, oldest := range held {
		ref := parlance.Ref{Workspace: f.c.Workspace, Conversation: c}
		var gone []parlance.Message
		total := 0
		for e, err := range f.mirrored(ctx, ref, oldest) {
			if err != nil {
				return fmt.Errorf("look for what vanished from %s: %w", ref, err)
			}
			total++
			a := absentee{c, e.Message.ID}
			if _, given := f.given[f.hash(c, e.Message.ID)]; given || f.inGap(c, e.Message.Position(b.Order).Time) {
				continue
			}
			if before[a] {
				gone = append(gone, e.Message)
			} else if len(absent.Messages) < maxAbsent {
				absent.Messages = append(absent.Messages, a)
			}
		}
		if len(gone) > max(10, total/5) && !f.o.AcceptMissing {
			b.gap(Gap{
				Conversation: c, Found: f.m.o.Now(),
				Reason: fmt.Sprintf("%d of %d messages vanished from the platform: too many to be marked missing without being told to", len(gone), total),
			})
			for _, m := range gone {
				absent.Messages = append(absent.Messages, absentee{c, m.ID})
			}
			continue
		}
		if err := f.mark(ctx, ref, gone, since); err != nil {
			return err
		}
	}
	if b.Absent = absent; len(absent.Messages) == 0 {
		b.Absent = nil
	}
	if at, ok := f.oldest[b.Conversation]; ok {
		b.Oldest = at
	}
	return nil
}

// inGap reports whether the pass passed over that time: then what it wasn't given may be there all the same.
func (f *fullPass) inGap(c parlance.ConversationID, t parlance.Time) bool {
	return slices.ContainsFunc(f.gaps.Gaps, func(g Gap) bool {
		return (g.Conversation == "" || g.Conversation == c) && g.From <= t && (t <= g.To || g.To == 0)
	})
}

// mark marks messages missing since then. What they say stays as it is.
func (f *fullPass) mark(ctx context.Context, ref parlance.Ref, ms []parlance.Message, since parlance.Time) error {
	if len(ms) == 0 {
		return nil
	}
	for i := range ms {
		ms[i].Missing = since
	}
	if _, err := f.m.store.Mirror(ctx, ref, nil, ms...); err != nil {
		return fmt.Errorf("mark messages of %s as missing: %w", ref, err)
	}
	f.wrote.Store(true)
	f.board.change(func(p *Progress) { p.Missing += len(ms) })
	if f.b.Conversation == ref.Conversation {
		return f.count(ctx, &f.b.Held, ref, nil)
	}
	return nil
}

// mirrored returns the conversation's messages from a time on that came from the platform and aren't marked missing.
func (f *fullPass) mirrored(ctx context.Context, ref parlance.Ref, from parlance.Time) func(func(store.Entry, error) bool) {
	return func(yield func(store.Entry, error) bool) {
		q := store.Query{From: parlance.At(from), Ascending: true, Limit: 1000, Private: true}
		for {
			page, err := f.m.store.Page(ctx, ref, q)
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
			for _, e := range page.Entries {
				if e.Mode() == store.Mirror && e.Message.Native.Dialect == f.c.Platform && e.Message.Missing == 0 && !yield(e, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			q.From = page.Entries[len(page.Entries)-1].Message.Position(parlance.ByCreated).Next()
		}
	}
}
