package imetastore

import (
	"context"
	"errors"
	"slices"

	"parlance"
	"parlance/history"
	"parlance/internal/upstream"
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
	max      int64
	key      string // the platform's, for what is below within and under that second
	last     Integer
	own      bool // the place is from this walk, and not from an earlier one
	held     bool // the second max holds a message, as far as is known
	promised bool // the platform said that more remain
	low      history.Place
	keyed    bool // keys were found to be no good

	sizes

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
	for {
		switch {
		case errors.Is(err, upstream.ErrTooLarge) && w.skips < maxSkips:
			h = w.skip(err)
		case err != nil:
			yield(history.Page{}, err)
			return
		default:
			w.accept(&h)
		}
		if !w.carry(&h) && (!yield(h.page, nil) || h.page.End != "") {
			return
		}
		if w.stalled {
			h, err = w.unstick(ctx)
		} else {
			h, err = w.below(ctx)
		}
	}
}

// first asks for the newest page, or for the one below where an earlier walk stood.
//
// iMetaStore mirror, beginning: the year 2100, or the place.
func (w *walk) first(ctx context.Context) (haul, error) {
	w.from = w.min
	if !w.low.IsZero() {
		w.max, w.key, w.held, w.promised = min(w.low.Time.Seconds(), year2100), w.low.Key, true, true
		return w.below(ctx)
	}
	if !w.source.farRefused.Load() {
		w.max = year2100
		h, err := w.fit(ctx, w.at(w.max, "", false))
		if !refusesQuestion(err) {
			return h, err
		}
	}
	w.from, w.max = w.min, w.now()
	h, err := w.fit(ctx, w.at(w.max, "", false))
	if err == nil {
		w.source.farRefused.Store(true)
		h.note("the platform refuses the year 2100; what is dated more than a minute ahead was not asked for")
	}
	return h, err
}

// now returns the second up to which messages are to be expected.
func (w *walk) now() int64 { return w.source.client.platformNow().Seconds() + 60 }

// at returns the request for what is at or below a second and below the key.
func (w *walk) at(sec int64, key string, literal bool) ask {
	return ask{w.from, sec, w.wire(sec, literal && key != "", w.source.upper.Load()), key}
}

// wire returns the maxTime that takes a second in, down to its last message.
//
// iMetaStore mirror, units: seconds, unless only milliseconds work beside a key.
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
	l, err := w.source.client.Messages(ctx, in)
	if err != nil {
		return haul{}, err
	}
	if err := w.learnSeller(ctx, in, &l); err != nil {
		return haul{}, err
	}
	return w.read(a, &l), nil
}

// sure is ask, again while the answer contradicts itself.
//
// iMetaStore mirror, contradictions: asked for again.
func (w *walk) sure(ctx context.Context, a ask) (haul, error) {
	for tries := 1; ; tries++ {
		h, err := w.ask(ctx, a)
		if err != nil || tries == maxAsked || h.doubt == "" && (h.complete || !h.empty()) {
			return h, err
		}
	}
}

// maxAsked is how often a page is asked for that contradicts itself.
const maxAsked = 3

// probe is ask for who only wants to know whether something comes: a refusal, and an answer that is too large, is no error, and not ok.
// Of the latter large says that there is something.
func (w *walk) probe(ctx context.Context, a ask) (h haul, ok bool, err error) {
	h, err = w.ask(ctx, a)
	if refusesQuestion(err) || errors.Is(err, upstream.ErrTooLarge) {
		return haul{large: err != nil && errors.Is(err, upstream.ErrTooLarge)}, false, nil
	}
	return h, err == nil, err
}

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
	next, key := w.place(h)
	w.promised, w.own = !h.complete, true
	if h.doubt != "" {
		from := next
		if h.complete {
			from = h.min
		}
		h.page.Gaps = append(h.page.Gaps, w.gap(from, h.max, "a page "+h.doubt+", however often it is asked for"))
	}
	if h.complete && h.min > w.min {
		w.leaveWindow(h)
	} else {
		w.stand(h, next, key)
	}
	for id, sec := range w.seen {
		if sec > w.max {
			delete(w.seen, id)
		}
	}
	if !h.empty() {
		w.low = history.Place{Time: parlance.TimeOfSeconds(w.max), Key: w.key}
	}
	h.page.Findings = slices.DeleteFunc(h.page.Findings, func(f history.Finding) bool {
		told := w.noted[f.Text]
		w.noted[f.Text] = true
		return told
	})
	h.page.Low, h.page.Order = w.low, parlance.ByCreated
	if h.complete && h.min <= w.min {
		h.page.End = w.evidence()
	}
}

// stand lets the walk stand where h led, and finds out whether that is anywhere.
func (w *walk) stand(h *haul, next int64, key string) {
	if w.keyed {
		key = ""
	}
	w.idle++
	if h.fresh > 0 {
		w.idle = 0
	}
	lower := next < h.max
	w.stalled = !lower && key == h.key || w.idle > 1 && !lower || w.idle > maxIdle
	w.max, w.key, w.last = next, key, h.last
	w.held = h.shows(next)
}

// place returns the second that is reached with h, and the key of what is below: that of lastMsgTime, else of the oldest message. It is never
// above where h was asked for, and never below all of h's messages, and nothing that belongs elsewhere leads there.
//
// iMetaStore mirror, last: the platform's word, within the page.
func (w *walk) place(h *haul) (int64, string) {
	next, key := secondOf(h.last), h.lastKey
	if h.last <= 0 || next > parlance.MaxTime.Seconds() {
		next = h.max
		if len(h.seconds) > 0 {
			next = h.oldest
		}
	}
	switch {
	case len(h.seconds) > 0 && next < h.oldest:
		h.note("lastMsgTime is below all messages of its page")
		next = h.oldest
		if h.strays > 0 {
			key = "" // it may be a stray's, far below
		}
	case len(h.seconds) == 0 && h.strays > 0:
		next = h.max
	}
	return max(min(next, h.max), min(h.min, h.max)), key
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
	h, err := w.fit(ctx, w.at(w.max, w.key, literal))
	if w.key != "" && refusesQuestion(err) {
		w.dropKey()
		h, err = w.fit(ctx, w.at(w.max, "", literal))
	}
	if err == nil {
		h, err = w.findUpper(ctx, h, literal)
	}
	if err != nil || !h.complete || !h.empty() || !w.promised {
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
	large := false // then it may be found out elsewhere
	for _, upper := range []int32{inclusive, exclusive} {
		// The newest message of this range is known.
		probe, ok, err := w.probe(ctx, ask{w.max - 1, w.max, w.wire(w.max, false, upper), ""})
		if err == nil && probe.large {
			large = true
			probe, ok, err = w.probe(ctx, ask{w.max, w.max, w.wire(w.max, false, upper), ""})
		}
		if err != nil {
			return h, err
		}
		if upper == exclusive && probe.large {
			h.page.Gaps = append(h.page.Gaps, w.gap(w.max, w.max, "what is left of this second may be too large to be read"))
		}
		if !ok || !probe.shows(w.max) {
			continue
		}
		s.upper.Store(upper)
		if upper == inclusive {
			return h, nil
		}
		return w.fit(ctx, w.at(w.max, h.key, literal))
	}
	w.upperTried = !large
	return h, nil
}

// beyond looks whether the end, which h claims without a message after a page that wasn't the last, comes of the key
// or of the unit.
//
// iMetaStore mirror, end: looked behind if it comes unannounced.
func (w *walk) beyond(ctx context.Context, h haul, literal bool) (haul, error) {
	large := false
	if !literal && w.key != "" {
		b, ok, err := w.probe(ctx, w.at(w.max, w.key, true))
		if err != nil {
			return h, err
		}
		if ok && b.fresh > 0 {
			w.source.literal.Store(true)
			w.upperTried = false // in the other unit
			return w.findUpper(ctx, b, true)
		}
		large = b.large
	}
	contradicted := large // there is more than can be read
	if w.key != "" {
		b, ok, err := w.probe(ctx, w.at(w.max, "", literal))
		if err != nil {
			return h, err
		}
		if ok && b.fresh > 0 {
			w.dropKey()
			return b, nil
		}
		if ok && b.complete && !b.empty() {
			return b, nil // all that there is at or below the place, and all of it was given
		}
		if b.large {
			w.dropKey()
			return w.fit(ctx, w.at(w.max, "", literal))
		}
		if contradicted = large || ok && !b.complete; large && ok && !b.complete {
			w.source.literal.Store(true)
			w.upperTried = false
			return w.fit(ctx, w.at(w.max, w.key, true))
		}
	}
	if contradicted {
		w.dropKey()
		return w.lower(ctx, literal)
	}
	h.note("the platform said that more remain, and then gave none")
	return h, nil
}

// unstick goes on where the platform gives the same again: with its own unit, then without the key, then
// lower, where what is left of the second may be missing. If nothing helps it is an error of kind Broken.
//
// iMetaStore mirror, stall: three ways out, then an error.
func (w *walk) unstick(ctx context.Context) (haul, error) {
	literal := w.source.literal.Load()
	var tries []ask
	if w.key != "" && !literal {
		tries = append(tries, w.at(w.max, w.key, true))
	}
	if w.key != "" {
		tries = append(tries, w.at(w.max, "", literal))
	}
	for _, a := range tries {
		h, ok, err := w.probe(ctx, a)
		switch {
		case err != nil:
			return h, err
		case !ok:
		case h.fresh > 0:
			if a.wire >= smallestMillis {
				w.source.literal.Store(true)
			}
			if w.source.upper.Load() == 0 && !h.shows(w.max) {
				h.page.Gaps = append(h.page.Gaps, w.gap(w.max, w.max, stuck))
			}
			return h, nil
		case h.complete && !h.empty():
			return h, nil
		}
	}
	return w.lower(ctx, literal)
}

// lower goes on lower without a key, at the highest second below which there is something new or the end, and notes that what it
// passes over is missing. If there is neither, it is an error of kind Broken.
func (w *walk) lower(ctx context.Context, literal bool) (haul, error) {
	leads := func(sec int64) (haul, bool, error) {
		w.from = min(w.from, w.windowBelow(sec))
		h, err := w.ask(ctx, w.at(sec, "", literal))
		if errors.Is(err, upstream.ErrTooLarge) {
			h, err = w.fit(ctx, w.at(sec, "", literal)) // it leads somewhere
		}
		return h, err == nil && (h.fresh > 0 || h.complete), err
	}
	high := w.max // nothing leads on from here and above
	for step := int64(1); ; step *= 8 {
		low := max(w.max-step, w.min)
		if now := w.now(); low < now && now < high {
			low = now
		}
		h, ok, err := leads(low)
		switch {
		case err != nil:
			return h, err
		case ok:
			return w.closest(h, low, high, leads)
		case low <= w.min && h.empty():
			return h, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the platform says that there is more below %s, and gives nothing",
				parlance.TimeOfSeconds(w.max))
		case low <= w.min:
			return h, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the platform gives the same messages again, and nothing older than %s, without saying complete",
				parlance.TimeOfSeconds(w.max))
		}
		high = low
	}
}

// closest returns the answer from the highest second that leads on: low does, with the answer h, and high doesn't.
func (w *walk) closest(h haul, low, high int64, leads func(int64) (haul, bool, error)) (haul, error) {
	for high-low > 1 {
		mid := low + (high-low)/2
		b, ok, err := leads(mid)
		switch {
		case err != nil:
			return h, err
		case ok:
			low, h = mid, b
		default:
			high = mid
		}
	}
	h.page.Gaps = append(h.page.Gaps, w.gap(low+1, w.max, stuck))
	return h, nil
}

// stuck is why what is left of a second may be missing.
const stuck = "the platform goes on neither by its key nor by time inside this second; it may hold more messages than a page"

// gap is a stretch from one second to another, both inclusive, of which messages may be missing.
//
// iMetaStore mirror, gaps: never silently.
func (w *walk) gap(from, to int64, reason string) history.Gap {
	return history.Gap{From: parlance.TimeOfSeconds(from), To: parlance.TimeOfSeconds(to) + 999, Reason: reason}
}
