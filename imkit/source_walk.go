package imkit

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"parlance"
	"parlance/history"
)

// A walk reads a room downwards. How it never steps over a message is written under IMKit Mirror, walk; in short:
//
// The server may compare by time alone. Then to ask below the lowest row loses those of the same
// millisecond that didn't fit on the page. So the walk asks below the lowest row that stands strictly above the lowest time: whatever
// way the server compares, that brings all of the lowest millisecond once more, and what is below.
// Only where this brings nothing new does it ask below the lowest row itself.
type walk struct {
	client       *Client
	room         string
	conversation parlance.ConversationID
	base         HistoryQuery // what all questions have in common

	order  parlance.Timeline
	sure   bool // a page of this walk has shown the order
	turned bool // the order was changed for what a page has above its anchor, which proves less

	begun    bool
	low      parlance.Time   // the lowest time of all rows
	lowOther parlance.Time   // until the order is sure: the lowest by the other time, since that may be the server's
	above    []row           // the nearest rows strictly above low, lowest last
	ties     []row           // the rows at low, in the server's order; and until the order is sure, those at lowOther
	tied     map[string]bool // their ids
	lowest   []row           // rows at low that a former walk gave; only to ask with
	top      string          // the newest row, while no page below another one has come without it

	ascending bool          // pages begin with the oldest row
	most      int           // how many rows may be asked for, since larger pages were too large; 0: as many as ever
	foreign   bool          // messages of other rooms were among the rows
	short     int           // the size of the largest page that was below its limit and not the last; 0: none was
	composite bool          // the server was seen to tell rows of one time apart
	replay    *reached      // what the walk had reached before it began anew, until it is there again
	restartAt parlance.Time // where it began anew the last time; 0: it never did
	refused   error         // why the last anchor wasn't taken

	given   int  // distinct messages
	counted bool // given is exact
	total   *int // that the platform claims; nil: none
	stable  bool // it always claimed the same
	hidden  []string
	last    int  // the rows of the page that was given last
	gapped  bool // gaps were named

	clock    parlance.Time
	account  string
	findings []history.Finding
	found    map[string]bool
	gaps     []history.Gap
	told     history.Total // the total that was given last
}

// A reached is a place that a walk had come to before it began anew.
type reached struct {
	low  parlance.Time
	tied map[string]bool // the rows at low that were given
}

// comes reports whether an answer brings something that wasn't given before the walk began anew.
func (w *walk) comes(a *answer) bool {
	return a == nil || w.replay == nil || slices.ContainsFunc(a.list, func(r row) bool {
		at := r.at(w.order)
		return at <= w.replay.low && !w.replay.tied[r.id]
	})
}

func newWalk(c *Client, room string, window history.Window) *walk {
	w := &walk{
		client: c, room: room, conversation: parlance.ConversationID(room),
		order: window.Order, low: parlance.MaxTime, tied: map[string]bool{},
		counted: true, stable: true, found: map[string]bool{},
	}
	if w.order != parlance.ByUpdated {
		w.order = parlance.ByCreated
	}
	w.resume(window.Below)
	return w
}

// find notes a finding, once a walk.
func (w *walk) find(text string) {
	if !w.found[text] {
		w.found[text] = true
		w.findings = append(w.findings, history.Finding{Conversation: w.conversation, Text: text})
	}
}

// agrees reports whether the platform counts as many messages as were given, and did so all the time. It is no proof:
// one may have gone for each that is missing.
func (w *walk) agrees() bool {
	return w.counted && w.stable && w.total != nil && w.given == *w.total
}

// gap notes that messages may be missing between two times, both inclusive; w.low stands for the lowest rows' time, which until the
// order is sure is either of theirs.
func (w *walk) gap(from, to parlance.Time, reason string) {
	w.gapped = true
	if !w.sure && to == w.low {
		rows := w.ties
		if w.turned && from == parlance.MinTime {
			rows = slices.Concat(w.above, w.ties)
		}
		for _, r := range rows {
			from, to = min(from, r.at(w.other())), max(to, r.at(w.other()))
		}
	}
	w.gaps = append(w.gaps, history.Gap{Conversation: w.conversation, From: from, To: to, Reason: reason})
}

// run gives pages until the end, an error, or the caller's break.
func (w *walk) run(ctx context.Context, yield func(history.Page, error) bool) {
	for {
		a, end, err := w.step(ctx)
		if err != nil {
			yield(history.Page{}, err)
			return
		}
		if end == "" && w.order == parlance.ByUpdated && !w.base.AfterTime.IsZero() && w.low <= w.base.AfterTime {
			end = "everything that was changed since has been given"
		}
		if end == "" && !w.comes(a) {
			continue
		}
		if w.replay != nil && w.low < w.replay.low {
			w.replay = nil
		}
		if !yield(w.page(a, end), nil) || end != "" {
			return
		}
	}
}

// day is how far ahead of the platform's clock a message may be dated.
const day = 24 * 60 * 60 * 1000

// page returns the page that a makes. It is nil for an end that brings nothing.
func (w *walk) page(a *answer, end history.Evidence) history.Page {
	p := history.Page{Order: w.order, Low: w.place(), Clock: w.clock, Account: w.account, End: end}
	if a != nil {
		p.Items = a.items
		for _, r := range a.list {
			if !r.guessed {
				p.Top = max(p.Top, r.at(w.order))
			}
		}
	}
	if w.clock != 0 && p.Top > w.clock+day {
		w.find("a message dated more than a day ahead of the platform's clock")
	}
	if end != "" && w.gapped && w.agrees() {
		w.find("the platform counts as many messages as were given, so the gaps may be empty")
	}
	p.Gaps, p.Findings = w.gaps, w.findings
	w.gaps, w.findings = nil, nil
	if w.total == nil {
		return p
	}
	total := history.Total{Conversation: w.conversation, Count: *w.total, Query: "GET " + historyPath(w.room), Whole: true}
	if w.base != (HistoryQuery{}) { // IMKit Mirror, totals
		total.Query, total.Whole = total.Query+"?"+w.base.values().Encode(), false
	}
	for _, id := range w.hidden {
		total.Hidden = append(total.Hidden, parlance.MessageID(id))
	}
	if end != "" || total.Count != w.told.Count || total.Query != w.told.Query || !slices.Equal(total.Hidden, w.told.Hidden) {
		p.Totals = []history.Total{total}
		w.told = total
	}
	return p
}

// step asks until there is something new to give, or an end.
func (w *walk) step(ctx context.Context) (*answer, history.Evidence, error) {
	for {
		if !w.begun {
			return w.begin(ctx)
		}
		if w.composite { // below the lowest row nothing can be lost
			z, err := w.belowLowest(ctx)
			if err != nil || z != nil && len(w.fresh(z)) > 0 {
				return w.advance(z, err)
			}
		}
		safe, err := w.belowAbove(ctx, 0)
		if err != nil || safe.fresh {
			return w.advance(safe.answer, err)
		}
		if safe.proper && w.maybeCut(safe.answer) {
			if err := w.widen(ctx, &safe); err != nil || safe.fresh {
				return w.advance(safe.answer, err)
			}
		}
		z, err := w.belowLowest(ctx)
		if err != nil {
			return nil, "", err
		}
		if z != nil && len(w.fresh(z)) > 0 {
			if !safe.proper && w.mayRestart() { // all that could be asked with safely is gone: get new ones
				w.restart()
				continue
			}
			return w.past(ctx, z, &safe)
		}
		if first, err := w.belowFirst(ctx, &safe); err != nil || first != nil {
			return w.advance(first, err)
		}
		end, err := w.end(ctx, &safe, z)
		if err != nil || end != "" {
			return nil, end, err
		}
		if !w.mayRestart() {
			return w.stuck(&safe, z)
		}
		w.restart()
	}
}

// begin asks for the newest page.
func (w *walk) begin(ctx context.Context) (*answer, history.Evidence, error) {
	a, err := w.ask(ctx, nil, pageLimit)
	if err != nil || !a.empty {
		return w.advance(&a, err)
	}
	switch {
	case w.base != (HistoryQuery{}):
		return nil, "there are no messages in the range", nil
	case w.total != nil && *w.total == 0:
		return nil, "there are no messages, and the platform counts none", nil
	}
	if a, err = w.ask(ctx, nil, pageLimit); err != nil || !a.empty {
		return w.advance(&a, err)
	}
	return nil, "the newest page is empty, asked for twice", nil
}

// mayRestart reports whether the walk has come lower since it last began anew, so that it can't do so for ever.
func (w *walk) mayRestart() bool { return w.restartAt == 0 || w.low < w.restartAt }

// restart begins anew at the newest message. Nothing is given before the walk is where it stands now.
func (w *walk) restart() {
	if w.replay == nil {
		w.replay = &reached{w.low, w.tied}
	}
	w.restartAt = w.low
	w.begun, w.low, w.composite = false, parlance.MaxTime, false
	w.given, w.counted = 0, w.base == (HistoryQuery{}) // all is counted anew
	w.above, w.ties, w.lowest, w.tied = nil, nil, nil, map[string]bool{}
}

// reorder makes w go by the other time: IMKit Mirror, order. So far all pages were sorted by both, so the last row is
// the lowest by both.
func (w *walk) reorder(order parlance.Timeline) {
	w.order, w.sure, w.counted, w.restartAt = order, true, false, 0
	rows := slices.Concat(w.above, w.ties, w.lowest)
	given := map[string]bool{}
	for _, r := range rows {
		given[r.id] = true
	}
	if w.replay != nil {
		maps.Copy(given, w.replay.tied)
	}
	w.replay = &reached{parlance.MaxTime, given}
	w.above, w.ties, w.tied = nil, nil, map[string]bool{}
	if len(rows) == 0 {
		return
	}
	known := len(w.lowest) == 0 // else none of rows was given by this walk
	w.lowest = nil
	w.low = rows[len(rows)-1].at(order)
	for i := range rows {
		w.low = min(w.low, rows[i].at(order))
	}
	w.lowOther = parlance.MaxTime
	for _, r := range rows {
		if r.at(order) == w.low {
			w.lowOther = min(w.lowOther, r.at(w.other()))
		}
	}
	for _, r := range rows {
		switch {
		case r.at(order) > w.low:
			w.above = append(w.above, r)
		case known:
			w.ties, w.tied[r.id] = append(w.ties, r), true
		default:
			w.lowest = append(w.lowest, r)
		}
	}
}

// advance takes in an answer that brings something new, and gives it.
func (w *walk) advance(a *answer, err error) (*answer, history.Evidence, error) {
	if err != nil {
		return nil, "", err
	}
	w.given += len(w.fresh(a))
	if w.last < pageLimit { // and yet there was more
		w.short = max(w.short, w.last)
	}
	w.last = len(a.list)
	// What was known of a row before may be old: it may have been changed and have moved.
	rows := slices.Concat(w.above, w.ties)
	again := map[string]bool{}
	for _, r := range a.list {
		again[r.id] = true
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return again[r.id] })
	rows = append(rows, a.list...)
	slices.SortStableFunc(rows, func(x, y row) int { return cmp.Compare(y.at(w.order), x.at(w.order)) })

	before := w.low
	for _, r := range a.list {
		w.low = min(w.low, r.at(w.order))
	}
	first := slices.IndexFunc(rows, func(r row) bool { return r.at(w.order) <= w.low })
	if !w.sure {
		w.lowOther = parlance.MaxTime
		for _, r := range rows[first:] {
			w.lowOther = min(w.lowOther, r.at(w.other()))
		}
		for first > 0 && rows[first-1].at(w.other()) <= w.lowOther {
			first--
		}
	}
	if w.low < before {
		w.ties, w.tied = nil, map[string]bool{}
	}
	if !w.begun && w.replay == nil {
		w.top = a.list[0].id
	}
	w.begun, w.lowest = true, nil
	w.above = rows[max(0, first-4*anchorsKept):first]
	w.ties = nil
	for _, r := range rows[first:] {
		w.ties, w.tied[r.id] = append(w.ties, r), true
	}
	return a, "", nil
}
