package imkit

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"parlance"
	"parlance/history"
)

// Limits of pages. The first is what the platform recommends at most; the others are tried where more messages share a
// millisecond than a page holds.
const pageLimit = 100

var widerLimits = [...]int{500, 1000}

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

// movedTried is after how many anchors that bring what lies above them no other one is tried: it is then rather the
// server that ignores anchors.
const movedTried = 3

// day is how far ahead of the platform's clock a message may be dated.
const day = 24 * 60 * 60 * 1000

// A safeAnswer is the answer below a row that stands strictly above the lowest time.
type safeAnswer struct {
	*answer      // nil if there was none
	anchor  *row // nil: the newest page
	next    int  // the first anchor that wasn't tried
	fresh   bool // it brings something new
	proper  bool // it is what lies below its anchor
	replays bool // an anchor brought what lies above it
}

// belowAbove asks below the nearest row above the lowest time that the server still knows and that hasn't moved, from the skip-th
// on, and at last for the newest page.
func (w *walk) belowAbove(ctx context.Context, skip int) (safeAnswer, error) {
	candidates := anchors(w.above)
	s := safeAnswer{next: skip}
	moved := 0
	for ; s.next <= len(candidates); s.next++ {
		s.anchor = nil
		if s.next < len(candidates) {
			s.anchor = &candidates[s.next]
		}
		a, err := w.ask(ctx, s.anchor, pageLimit)
		if errors.Is(err, errAnchor) {
			continue
		}
		if err != nil {
			return s, err
		}
		s.answer, s.fresh, s.proper = &a, len(w.fresh(&a)) > 0, w.isBelow(&a)
		s.replays = s.replays || w.replays(&a)
		if s.fresh || s.proper {
			s.next++
			return s, nil
		}
		if s.anchor != nil && w.replays(&a) {
			if moved++; moved == movedTried {
				s.next = len(candidates) - 1 // on to the newest page
			}
		}
	}
	return s, nil
}

// maybeCut reports whether a, which brings nothing new, may hold only a part of the rows at the lowest time: it is full, or the
// platform counts more messages than were given, or none.
func (w *walk) maybeCut(a *answer) bool {
	return len(a.list) >= a.limit || w.short > 0 && len(a.list) >= w.short ||
		w.base == (HistoryQuery{}) && w.total == nil ||
		w.counted && w.total != nil && w.given < *w.total-len(w.hidden)
}

// widen asks once more with larger limits, as far as the server gives larger pages.
func (w *walk) widen(ctx context.Context, s *safeAnswer) error {
	for _, limit := range widerLimits {
		a, err := w.ask(ctx, s.anchor, limit)
		if errors.Is(err, errAnchor) || s.anchor == nil && errors.Is(err, parlance.Invalid) {
			return nil // a limit that is refused
		}
		if err != nil {
			return err
		}
		if fresh := len(w.fresh(&a)) > 0; fresh || len(a.list) > len(s.list) && w.isBelow(&a) {
			s.answer, s.fresh = &a, fresh
		} else {
			return nil
		}
		if s.fresh || len(a.list) < limit {
			return nil
		}
	}
	return nil
}

// belowLowest asks below the lowest row, or the next one that the server still knows and that hasn't moved; nil if none is left.
func (w *walk) belowLowest(ctx context.Context) (*answer, error) {
	candidates := anchors(w.ties)
	if len(candidates) == 0 {
		candidates = anchors(w.lowest)
	}
	var moved *answer
	for i := range candidates {
		a, err := w.ask(ctx, &candidates[i], pageLimit)
		if errors.Is(err, errAnchor) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !w.replays(&a) {
			if i == 0 {
				w.composite = w.composite || w.tellsApart(&a)
			}
			return &a, nil
		}
		if moved = &a; i+1 >= movedTried {
			break
		}
	}
	return moved, nil
}

// belowFirst asks below the first of the known rows at the lowest time, where pages may begin with the oldest row and
// none has shown it yet, all its rows being of one time: then it is the first that is the lowest. Nil if it isn't.
func (w *walk) belowFirst(ctx context.Context, safe *safeAnswer) (*answer, error) {
	first := w.firstTie()
	if w.composite || w.ascending || first == nil || !safe.proper || !w.maybeCut(safe.answer) {
		return nil, nil
	}
	a, err := w.ask(ctx, first, pageLimit)
	if errors.Is(err, errAnchor) || err == nil && len(w.fresh(&a)) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !w.ascending {
		w.ascending = true
		slices.Reverse(w.ties)
		slices.Reverse(a.list)
	}
	return &a, nil
}

// tellsApart reports whether an answer below the last of the known rows at the lowest time proves that the server compares
// by more than the time: it brings more rows of that time, and none of those above its anchor.
func (w *walk) tellsApart(a *answer) bool {
	if w.firstTie() == nil {
		return false
	}
	last, more := &w.ties[len(w.ties)-1], false
	for i := range a.list {
		r := &a.list[i]
		if r.at(w.order) != w.low || r.id == last.id {
			continue
		}
		if w.tied[r.id] {
			return false
		}
		more = more || w.equal(r, last)
	}
	return more
}

// equal reports whether two rows are of one time, by whichever the server sorts.
func (w *walk) equal(a, b *row) bool {
	return a.at(w.order) == b.at(w.order) && (w.sure || a.created == b.created && a.updated == b.updated)
}

// firstTie returns a copy of the first of the known rows that have the lowest row's time; nil if that is alone.
func (w *walk) firstTie() *row {
	for i := range len(w.ties) - 1 {
		if r := w.ties[i]; !r.nameless && w.equal(&r, &w.ties[len(w.ties)-1]) {
			return &r
		}
	}
	return nil
}

// shows reports whether a has a row of the same time as r; with others, r itself doesn't count.
func (w *walk) shows(a *answer, r *row, others bool) bool {
	return slices.ContainsFunc(a.list, func(x row) bool { return w.equal(&x, r) && !(others && x.id == r.id) })
}

// past goes on with z, which is below the lowest row, though the question that can't lose anything brought nothing.
// So its page was cut short, by a limit or by a whim. Whether rows of the lowest time were stepped over can be
// proven in three ways: z still brings some; the same safe question now brings something; or a question below the first
// of them brings the others, so that the server tells rows of one time apart. Else there is a gap. No total can take its place here:
// what it counts is known to be right at the end only, and the promise holds at every page.
func (w *walk) past(ctx context.Context, z *answer, safe *safeAnswer) (*answer, history.Evidence, error) {
	if w.composite || len(w.ties) > 0 && w.shows(z, &w.ties[len(w.ties)-1], false) {
		return w.advance(z, nil)
	}
	if safe.answer != nil && safe.proper {
		if err := w.widen(ctx, safe); err != nil || safe.fresh {
			return w.advance(safe.answer, err)
		}
	}
	lossless, err := w.firstTieShowsOthers(ctx)
	if err != nil {
		return nil, "", err
	}
	if !lossless {
		w.gap(w.low, w.low, "more messages of one millisecond than a page holds, and the platform doesn't tell them apart")
	}
	return w.advance(z, nil)
}

// firstTieShowsOthers asks below the first of the rows at the lowest time, and reports whether the others come. Then
// the server doesn't leave out what has the anchor's time.
func (w *walk) firstTieShowsOthers(ctx context.Context) (bool, error) {
	first := w.firstTie()
	if first == nil {
		return false, nil
	}
	a, err := w.ask(ctx, first, pageLimit)
	if errors.Is(err, errAnchor) {
		return false, nil
	}
	return w.shows(&a, first, true), err
}

// end returns how it is known that there is nothing older, or nothing if it isn't: IMKit Mirror, end. Two questions must say so: one
// that shows known rows and nothing below them, and another one.
func (w *walk) end(ctx context.Context, safe *safeAnswer, z *answer) (history.Evidence, error) {
	if !safe.proper {
		return w.endAmongTies(ctx, z)
	}
	evidence := history.Evidence("")
	switch {
	case z != nil && z.empty:
		evidence = "an empty page below the oldest message"
	case z != nil && !w.replays(z):
		evidence = "only known messages below the oldest one"
	default: // the lowest rows are gone, or have moved
		second, err := w.belowAbove(ctx, min(safe.next, len(anchors(w.above))))
		switch {
		case err != nil || !second.proper || second.fresh:
			return "", err
		case second.anchor == nil && (z != nil || safe.replays || second.replays):
			return "", nil // only the newest page is what it should be: the server may ignore anchors
		}
		evidence = "two pages that end with the same oldest message"
	}
	if w.total == nil && w.top != "" {
		w.gap(parlance.MinTime, w.low, "the platform counts nothing, and all pages were like the newest one")
		return evidence, nil
	}
	if len(w.ties) < 2 || w.composite || w.agrees() || !w.maybeCut(safe.answer) {
		return evidence, nil
	}
	// The rows at the lowest time fill all pages, or some are missing by the count.
	if last := w.ties[len(w.ties)-1].id; z != nil && slices.ContainsFunc(z.list, func(r row) bool { return r.id != last }) {
		w.gap(parlance.MinTime, w.low, "more messages of one millisecond than a page holds, and the platform gives no page below them")
		return evidence, nil
	}
	lossless, err := w.firstTieShowsOthers(ctx)
	if err == nil && !lossless {
		w.gap(w.low, w.low, "more messages of one millisecond than a page holds, and the platform doesn't tell them apart")
	}
	return evidence, err
}

// endAmongTies is end where no row stands safely above the lowest time: a page below the last but one of the rows
// shows the last, and one below that shows no other.
func (w *walk) endAmongTies(ctx context.Context, z *answer) (history.Evidence, error) {
	if z == nil || len(w.ties) < 2 || w.ties[len(w.ties)-2].nameless {
		return "", nil
	}
	before, last := w.ties[len(w.ties)-2], w.ties[len(w.ties)-1]
	if slices.ContainsFunc(z.list, func(r row) bool { return r.id != last.id }) {
		return "", nil
	}
	a, err := w.ask(ctx, &before, pageLimit)
	if errors.Is(err, errAnchor) {
		return "", nil
	}
	if err != nil || w.replays(&a) || len(w.fresh(&a)) > 0 || !slices.ContainsFunc(a.list, func(r row) bool { return r.id == last.id }) {
		return "", err
	}
	return "nothing below the oldest message, which alone is below the one before it", nil
}

// stuck is the last word when no question can be trusted, though the walk began anew.
func (w *walk) stuck(safe *safeAnswer, z *answer) (*answer, history.Evidence, error) {
	if !safe.replays && (z == nil || !w.replays(z)) {
		if w.refused != nil && safe.answer == nil && z == nil {
			return nil, "", w.refused
		}
		if safe.answer == nil || safe.empty || z == nil {
			return nil, "", parlance.Errorf(parlance.Broken, "GET %s: empty pages where messages stand", historyPath(w.room))
		}
		if !w.agrees() {
			w.gap(parlance.MinTime, w.low, "no page shows the oldest message as its last")
		}
		return nil, "an empty page below the oldest message", nil
	}
	w.find("the platform ignores below which message a page is asked for")
	if !w.agrees() {
		w.gap(parlance.MinTime, w.low, "the platform ignores below which message a page is asked for")
	}
	return nil, "no page below the newest one can be had", nil
}
