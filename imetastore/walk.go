package imetastore

import (
	"context"
	"fmt"
	"slices"

	"parlance"
	"parlance/history"
)

// year2100 is the second that a whole walk begins at, so that what a wrong clock dated is given too.
const year2100 = 4102444800

// maxIdle is how many pages in a row may bring nothing new, even if each goes down.
const maxIdle = 16

// A walk goes through one stream from its newest message down.
type walk struct {
	source *Source
	number *Integer           // the buyer's; nil: all buyers
	buyer  parlance.AccountID // empty: all buyers
	floor  parlance.Time      // as the window has it
	min    int64              // second

	// Where it stands: all above the second max has been given.
	max   int64
	key   string // the platform's, for what is below within and under that second
	last  Integer
	own   bool // the place is from this walk, and not from an earlier one
	held  bool // the second max holds a message, as far as is known
	low   history.Place
	keyed bool // keys were found to be no good

	stalled    bool
	idle       int              // pages in a row without anything new
	upperTried bool             // what maxTime means was asked for and not found
	seen       map[string]int64 // what was given at or below max: its second
	seller     parlance.AccountID
	noted      map[string]bool // findings that were told
}

// An ask is a request for a page.
type ask struct {
	min, max int64   // seconds, both inclusive
	wire     Integer // maxTime as it is sent
	key      string
}

// run gives pages until the end, an error or a break.
func (w *walk) run(ctx context.Context, yield func(history.Page, error) bool) {
	h, err := w.first(ctx)
	for err == nil {
		w.accept(&h)
		if !yield(h.page, nil) || h.page.End != "" {
			return
		}
		if w.stalled {
			h, err = w.unstick(ctx)
		} else {
			h, err = w.below(ctx)
		}
	}
	yield(history.Page{}, err)
}

// first asks for the newest page, or for the one below where an earlier walk stood.
//
// iMetaStore mirror, beginning: the year 2100, or the place.
func (w *walk) first(ctx context.Context) (haul, error) {
	if !w.low.IsZero() {
		w.max, w.key, w.held = min(w.low.Time.Seconds(), year2100), w.low.Key, true
		return w.below(ctx)
	}
	far := ask{w.min, year2100, year2100, ""}
	if !w.source.farRefused.Load() {
		h, err := w.ask(ctx, far)
		if !refusesQuestion(err) {
			return h, err
		}
	}
	now := w.source.client.platformNow().Seconds() + 60
	h, err := w.ask(ctx, ask{w.min, now, Integer(now), ""})
	if err == nil {
		w.source.farRefused.Store(true)
		h.note("the platform refuses the year 2100; what is dated more than a minute ahead was not asked for")
	}
	return h, err
}

// at returns the request for what is at or below a second and below the key.
func (w *walk) at(sec int64, key string, literal bool) ask {
	return ask{w.min, sec, w.wire(sec, literal, w.source.upper.Load()), key}
}

// wire returns the maxTime that takes a second in, down to its last message.
//
// iMetaStore mirror, units: seconds, unless only milliseconds work.
func (w *walk) wire(sec int64, literal bool, upper int32) Integer {
	switch {
	case literal && upper == exclusive:
		return Integer(sec+1) * 1000
	case literal && w.last != Integer(sec) && secondOf(w.last) == sec:
		return w.last // as it came
	case literal:
		return Integer(sec)*1000 + 999
	case upper == exclusive:
		return Integer(sec) + 1
	}
	return Integer(sec)
}

// ask makes a request and reads the answer.
func (w *walk) ask(ctx context.Context, a ask) (haul, error) {
	from := Integer(min(a.min, a.max))
	in := MessagesRequest{BuyerID: w.number, MinTime: &from, MaxTime: &a.wire}
	if a.key != "" {
		in.LastMsgKey = &a.key
	}
	// iMetaStore mirror, counts: a page that lists fewer than it counts is asked for again.
	for tries := 1; ; tries++ {
		l, err := w.source.client.Messages(ctx, in)
		if err != nil {
			return haul{}, err
		}
		if l.Count <= int64(len(l.Items)) || tries == maxAsked {
			return w.read(a, &l), nil
		}
	}
}

// maxAsked is how often a page is asked for that contradicts itself.
const maxAsked = 3

// accept takes an answer for the next page: it fills in where the walk stands after it, and whether it got anywhere.
//
// iMetaStore mirror, progress: new messages or a lower place.
func (w *walk) accept(h *haul) {
	for id, sec := range h.seconds {
		w.seen[id] = sec
	}
	for _, raw := range h.unread {
		w.seen[raw] = h.max
	}
	next, key := w.place(h), h.lastKey
	if w.keyed {
		key = ""
	}
	w.idle++
	if h.fresh > 0 {
		w.idle = 0
	}
	lower := next < h.max
	w.stalled = !lower && key == h.key || w.idle > 1 && !lower || w.idle > maxIdle
	w.max, w.key, w.last, w.own = next, key, h.last, true
	w.held = h.shows(next)
	for id, sec := range w.seen {
		if sec > next {
			delete(w.seen, id)
		}
	}
	if !h.empty() {
		w.low = history.Place{Time: parlance.TimeOfSeconds(next), Key: key}
	}
	h.page.Findings = slices.DeleteFunc(h.page.Findings, func(f history.Finding) bool {
		told := w.noted[f.Text]
		w.noted[f.Text] = true
		return told
	})
	h.page.Low, h.page.Order = w.low, parlance.ByCreated
	if h.complete {
		h.page.End = w.evidence()
	}
	if h.short > 0 {
		from := parlance.TimeOfSeconds(next)
		if h.complete {
			from = parlance.TimeOfSeconds(w.min)
		}
		h.page.Gaps = append(h.page.Gaps, history.Gap{
			From: from, To: parlance.TimeOfSeconds(h.max) + 999,
			Reason: fmt.Sprintf("a page counts %d messages more than it lists, however often it is asked for", h.short),
		})
	}
}

// place returns the second that is reached with h: that of lastMsgTime, else of the oldest message. It is never above where
// h was asked for, and never below all of h's messages.
//
// iMetaStore mirror, last: the platform's word, within the page.
func (w *walk) place(h *haul) int64 {
	next := secondOf(h.last)
	if h.last <= 0 || next > parlance.MaxTime.Seconds() {
		next = h.max
		if len(h.seconds) > 0 {
			next = h.oldest
		}
	}
	if len(h.seconds) > 0 && next < h.oldest {
		h.note("lastMsgTime is below all messages of its page")
		next = h.oldest
	}
	return min(next, h.max)
}

// evidence says how the end is known.
func (w *walk) evidence() history.Evidence {
	if w.floor == 0 {
		return "the platform says complete"
	}
	return history.Evidence("the platform says complete, of all since " + parlance.TimeOfSeconds(w.min).String())
}

// below asks for what is below where the walk stands.
func (w *walk) below(ctx context.Context) (haul, error) {
	literal := w.source.literal.Load()
	h, err := w.ask(ctx, w.at(w.max, w.key, literal))
	if w.key != "" && refusesQuestion(err) {
		w.dropKey()
		h, err = w.ask(ctx, w.at(w.max, "", literal))
	}
	if err == nil {
		h, err = w.findUpper(ctx, h, literal)
	}
	if err != nil || !h.complete || !h.empty() {
		return h, err
	}
	return w.beyond(ctx, h, literal)
}

// dropKey forgets the key, and if this walk got it, all that come: such keys are no good. One of an earlier walk may only be
// too old.
//
// iMetaStore mirror, keys: good inside a run.
func (w *walk) dropKey() {
	w.keyed = w.keyed || w.own
	w.key = ""
}

// findUpper finds out whether maxTime is inclusive, as it must be for what is left of the second at which a page was
// cut. If it isn't, it asks for h again, with a second more. Nothing is asked if that is known, or h shows it.
//
// iMetaStore mirror, bounds: found out once.
func (w *walk) findUpper(ctx context.Context, h haul, literal bool) (haul, error) {
	s := w.source
	if s.upper.Load() != 0 || w.upperTried || !w.held {
		return h, nil
	}
	if h.shows(w.max) {
		s.upper.Store(inclusive)
		return h, nil
	}
	for _, upper := range []int32{inclusive, exclusive} {
		// The newest message of this range is known.
		probe, err := w.ask(ctx, ask{w.max - 1, w.max, w.wire(w.max, literal, upper), ""})
		if err != nil && !refusesQuestion(err) {
			return h, err
		}
		if err != nil || !probe.shows(w.max) {
			continue
		}
		s.upper.Store(upper)
		if upper == inclusive {
			return h, nil
		}
		return w.ask(ctx, w.at(w.max, h.key, literal))
	}
	w.upperTried = true
	return h, nil
}

// beyond looks whether the end, which h claims without a message after a page that wasn't the last, comes of the key
// or of the unit.
//
// iMetaStore mirror, end: looked behind if it comes unannounced.
func (w *walk) beyond(ctx context.Context, h haul, literal bool) (haul, error) {
	if !literal {
		b, err := w.ask(ctx, w.at(w.max, w.key, true))
		if err != nil && !refusesQuestion(err) {
			return h, err
		}
		if err == nil && b.fresh > 0 {
			w.source.literal.Store(true)
			w.upperTried = false // in the other unit
			return w.findUpper(ctx, b, true)
		}
	}
	contradicted := false // by time alone, there is more than one page shows
	if w.key != "" {
		b, err := w.ask(ctx, w.at(w.max, "", literal))
		if err != nil && !refusesQuestion(err) {
			return h, err
		}
		if err == nil && b.fresh > 0 {
			w.dropKey()
			return b, nil
		}
		if err == nil && b.complete && !b.empty() {
			return b, nil // all that there is at or below the place, and all of it was given
		}
		contradicted = err == nil && !b.complete
	}
	if contradicted {
		w.dropKey()
		return w.lower(ctx, literal)
	}
	h.note("the platform said that more remain, and then gave none")
	return h, nil
}

// unstick goes on where the platform gives the same again: with its own unit, then without the key, then one second
// lower, where what is left of the second may be missing. If nothing helps it is an error of kind Broken.
//
// iMetaStore mirror, stall: three ways out, then an error.
func (w *walk) unstick(ctx context.Context) (haul, error) {
	literal := w.source.literal.Load()
	var tries []ask
	if !literal {
		tries = append(tries, w.at(w.max, w.key, true))
	}
	if w.key != "" {
		tries = append(tries, w.at(w.max, "", literal))
	}
	for _, a := range tries {
		h, err := w.ask(ctx, a)
		switch {
		case refusesQuestion(err):
		case err != nil:
			return h, err
		case h.fresh > 0:
			if a.wire >= smallestMillis {
				w.source.literal.Store(true)
			}
			if w.source.upper.Load() == 0 && !h.shows(w.max) {
				h.page.Gaps = append(h.page.Gaps, w.gap())
			}
			return h, nil
		case h.complete && !h.empty():
			return h, nil
		}
	}
	return w.lower(ctx, literal)
}

// lower goes on one second lower without a key, and notes that what is left of the second is missing. If there is nothing new
// and no end, it is an error of kind Broken.
func (w *walk) lower(ctx context.Context, literal bool) (haul, error) {
	h, err := w.ask(ctx, w.at(w.max-1, "", literal))
	if err != nil {
		return h, err
	}
	if h.fresh == 0 && !h.complete {
		return h, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the platform gives the same messages again, and nothing older than %s, without saying complete",
			parlance.TimeOfSeconds(w.max))
	}
	h.page.Gaps = append(h.page.Gaps, w.gap())
	return h, nil
}

// gap is the second at which the walk stands, of which messages may be missing.
//
// iMetaStore mirror, gaps: a second, never silently.
func (w *walk) gap() history.Gap {
	return history.Gap{
		From: parlance.TimeOfSeconds(w.max), To: parlance.TimeOfSeconds(w.max) + 999,
		Reason: "the platform goes on neither by its key nor by time inside this second; it may hold more messages than a page",
	}
}
