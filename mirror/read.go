package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parlance"
	"parlance/history"
)

// A reading is one run's work on one stream: from the newest message down to what is known, and through all holes below.
type reading struct {
	*run
	b      *book
	opened bool // the ledger's newest span is this reading's

	top    parlance.Time        // the highest time that it was given first, but none above clock
	clock  parlance.Time        // the platform's when it began; 0: not known
	total  *Total               // the lowest that the platform claimed in this run
	hidden []parlance.MessageID // that the account hid, as it said last; nil: it said nothing of that kind
	turned bool                 // the order turned out to be another one
	idle   int                  // pages in a row that brought nothing and led nowhere
}

// maxIdle is how many pages may bring nothing before a walk is given up. Sources promise progress; this is in case one doesn't keep it.
const maxIdle = 50

// read reads what is new in a stream, and what is missing.
func (r *run) read(ctx context.Context, b *book) error {
	w := &reading{run: r, b: b}
	p := patience{short: b.Failure != ""}
	if err := r.persistWith(ctx, &p, func() error { return w.walk(ctx, &p) }); err != nil {
		return err
	}
	if err := r.changes(ctx, b); err != nil {
		return err
	}
	if err := w.hide(ctx, b.Gaps); err != nil {
		return err
	}
	return r.settle(ctx, b)
}

// walk reads on from where the ledger stands until nothing is left to read.
func (w *reading) walk(ctx context.Context, p *patience) error {
	for {
		window := w.window()
		done, jumped := false, false
		for page, err := range w.asked().Walk(ctx, w.b.Stream, window) {
			if err != nil {
				return err
			}
			if done, jumped, err = w.page(ctx, page, window); err != nil {
				return err
			}
			if w.idle == 0 {
				p.went()
			}
			if done || jumped {
				break
			}
		}
		switch {
		case done:
			return nil
		case !jumped:
			return parlance.Errorf(parlance.Broken, "the walk through %s ended without saying why", w.b.Stream)
		}
	}
}

// window returns where the walk begins or goes on.
func (w *reading) window() history.Window {
	window := history.Window{Order: w.b.Order}
	below := w.b.Spans
	if w.opened {
		window.Below = below[0].Low
		below = below[1:]
	}
	if len(below) > 0 {
		window.Floor = below[0].High - w.lag()
	}
	return window
}

func (r *run) lag() parlance.Time { return parlance.Time(r.traits.Lag.Milliseconds()) }

// page stores a page and then says so in the ledger. Jumped asks for another walk.
func (w *reading) page(ctx context.Context, page history.Page, window history.Window) (done, jumped bool, err error) {
	if page.Order != w.b.Order {
		return false, true, w.turn(page.Order)
	}
	fresh, err := w.commit(ctx, w.b, &page)
	holdingOf(ctx).release()
	if err != nil {
		return false, false, own(err)
	}
	if page.End != "" && window.Floor != 0 {
		// The end of what was asked for, which is no beginning.
		page.End = ""
		page.Low = history.Place{Time: min(page.Low.Time, window.Floor-1)}
	}
	b, now := w.b, w.m.o.Now()
	before := w.extend(&page, now)
	w.note(b, &page, now)
	if page.End != "" {
		b.Spans, b.Beginning = b.Spans[:1], page.End
		done = true
	} else {
		jumped, done = b.meet(w.lag())
	}
	if fresh > 0 || before.IsZero() || page.Low.Time < before.Time || jumped || done {
		w.idle = 0
	} else if w.idle++; w.idle > maxIdle {
		return false, false, parlance.Errorf(parlance.Broken, "the walk through %s makes no progress", b.Stream)
	}
	w.claim(&page)
	w.board.change(func(p *Progress) { p.Oldest = page.Low.Time })
	if w.o.DryRun {
		return done, jumped, nil
	}
	return done, jumped, own(w.m.save(ctx, w.c.Name, b))
}

// turn takes notice that the platform sorts by another time than it was taken to: what was proven was proven of the other order.
func (w *reading) turn(order parlance.Timeline) error {
	if w.turned {
		return parlance.Errorf(parlance.Broken, "%s is sorted now by one time and now by another", w.b.Stream)
	}
	w.turned, w.opened, w.top = true, false, 0
	w.b.forget()
	w.b.Order = order
	return nil
}

// extend lets the newest span reach down to where page came, and returns where it reached before.
func (w *reading) extend(page *history.Page, now parlance.Time) (before history.Place) {
	b := w.b
	if !w.opened {
		b.Spans = append([]Span{{Began: now}}, b.Spans...)
		w.opened, w.clock = true, page.Clock
		if w.clock != 0 && page.Top > w.clock {
			b.find("", "a message is dated in the future", now)
		}
	} else {
		before = b.Spans[0].Low
	}
	if w.top == 0 {
		w.top = highest(page, w.clock)
	}
	span := &b.Spans[0]
	span.Low, span.Ended = page.Low, now
	span.High = max(w.top, page.Low.Time)
	span.Pages++
	return before
}

// highest returns the highest time that a page gives, but for those above the platform's clock: such rows are kept, but what comes in until
// then must not be taken for read.
func highest(page *history.Page, clock parlance.Time) (top parlance.Time) {
	for i := range page.Items {
		if page.Items[i].Err != nil {
			continue // it may not even be of this stream
		}
		if t := page.Items[i].Message.Position(page.Order).Time; clock == 0 || t <= clock {
			top = max(top, t)
		}
	}
	return top
}

// note takes over what the page says of gaps, findings and totals.
func (r *run) note(b *book, page *history.Page, now parlance.Time) {
	for _, g := range page.Gaps {
		b.gap(Gap{Conversation: g.Conversation, From: g.From, To: g.To, Reason: g.Reason, Found: now})
	}
	for _, f := range page.Findings {
		b.find(f.Conversation, f.Text, now)
	}
}

// claim keeps the lowest total of the whole conversation that was claimed in this run: what came while it was read
// counts in later ones only.
func (w *reading) claim(page *history.Page) {
	for _, t := range page.Totals {
		if !t.Whole || t.Conversation != w.b.Conversation {
			continue
		}
		if w.total == nil {
			w.board.change(func(p *Progress) { p.Expected += t.Count })
			w.total = &Total{Count: t.Count, Query: t.Query, At: w.m.o.Now()}
		}
		if t.Count < w.total.Count {
			w.total.Count, w.total.Query = t.Count, t.Query
		}
		// At once, since a run that goes on where this one was stopped may not be told it again.
		if old := w.b.Total; old == nil || old.Count != w.total.Count || old.Query != w.total.Query {
			w.b.Total = w.total
		}
		w.hidden = t.Hidden
	}
}

// hide notes, when all is read, what of the messages that the account hid isn't here. Before the end that can't be said: they may be given
// among the others. Old are the gaps that were known before the reading.
func (w *reading) hide(ctx context.Context, old []Gap) error {
	if w.total == nil || w.b.Conversation == "" {
		return nil // the platform said nothing of it
	}
	n, err := w.lacking(ctx, w.hidden)
	if err != nil {
		return own(err)
	}
	w.b.Ledger.hidden(n, old, w.m.o.Now())
	return nil
}

// lacking returns how many of some messages aren't here.
func (w *reading) lacking(ctx context.Context, ids []parlance.MessageID) (n int, err error) {
	ref := parlance.Ref{Workspace: w.c.Workspace, Conversation: w.b.Conversation}
	for _, id := range ids {
		_, err := w.m.store.Versions(ctx, ref, id)
		switch {
		case errors.Is(err, parlance.NotFound):
			n++
		case err != nil:
			return 0, fmt.Errorf("look for hidden messages: %w", err)
		}
	}
	return n, nil
}

// changes reads what was changed without moving, where the platform can be asked for that.
func (r *run) changes(ctx context.Context, b *book) error {
	source, ok := r.asked().(history.Changer)
	if !ok || b.Order == parlance.ByUpdated || len(b.Spans) == 0 {
		return nil
	}
	since := max(b.Changed-r.lag(), 0)
	if b.Changed == 0 {
		since = max(b.Spans[0].High-parlance.Time((24*time.Hour).Milliseconds()), 0)
	}
	var p patience
	err := r.persistWith(ctx, &p, func() error {
		high := b.Changed
		for page, err := range source.Changes(ctx, b.Stream, since) {
			if err != nil {
				return err
			}
			_, err = r.commit(ctx, b, &page)
			holdingOf(ctx).release()
			if err != nil {
				return own(err)
			}
			p.went()
			top := page.Top
			if page.Clock != 0 {
				top = min(top, page.Clock)
			}
			high = max(high, top)
			r.note(b, &page, r.m.o.Now())
		}
		// Only a whole reading moves the mark: pages come newest first.
		b.Changed = high
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what changed in %s: %w", b.Stream, err)
	}
	return nil
}
