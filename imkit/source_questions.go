package imkit

import (
	"context"
	"errors"
	"slices"

	"parlance"
)

// The questions that a walk asks below rows that it knows, and what their answers show.

// Limits of pages. The first is what the platform recommends at most; the others are tried where more messages share a
// millisecond than a page holds.
const pageLimit = 100

var widerLimits = [...]int{500, 1000}

// movedTried is after how many anchors that bring what lies above them no other one is tried: it is then rather the
// server that ignores anchors.
const movedTried = 3

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
