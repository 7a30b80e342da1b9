package imkit

import (
	"context"
	"errors"
	"slices"

	"parlance"
	"parlance/history"
)

// What a walk may say where nothing new comes: that it is past a millisecond of many messages, that the room has ended, or that
// nobody can tell.

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
