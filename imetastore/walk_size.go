package imetastore

import (
	"context"
	"errors"
	"math"

	"parlance"
	"parlance/history"
	"parlance/internal/upstream"
)

// Sizes are what a walk learned of how much it may ask for at once. No request says how many messages are wanted, so it asks for a
// shorter time: for a window, which goes from the second max down to the second from.
type sizes struct {
	from     int64
	span     int64        // seconds of a window; 0: all that are left
	bad      int64        // from this second up to max, too much is known to be for one answer; not if it is max or above
	went     int          // answers in a row that weren't too large
	windowed bool         // some were
	skips    int          // seconds in a row that were stepped over
	carried  history.Page // what is to be told with the next page
}

const (
	shrinking    = 8  // a window becomes so many times shorter if its answer is too large
	growing      = 4  // and so many times longer if patientPages in a row were small
	patientPages = 4  //
	maxSkips     = 16 // seconds in a row that may be too large, before it is taken to be the platform
)

// fit makes a request, for a shorter and shorter time if the answer is too large, down to one second.
//
// iMetaStore mirror, size: a shorter time is asked for.
func (w *walk) fit(ctx context.Context, a ask) (haul, error) {
	for {
		h, err := w.sure(ctx, a)
		switch {
		case err == nil:
			w.skips = 0
			w.grow(&h)
			return h, nil
		case !errors.Is(err, upstream.ErrTooLarge) || !w.shrink(a.max):
			return h, err
		}
		a.min = w.from
	}
}

// shrink makes the window at a second shorter, and reports whether it could.
func (w *walk) shrink(top int64) bool {
	w.went, w.windowed, w.promised = 0, true, false // what was promised may lie below
	switch now, span := w.now(), top-w.from; {
	case span <= 0:
		return false
	case now < top && w.from < now:
		w.from = now // little is dated ahead
	case span == 1:
		w.from = top
	default:
		w.bad = w.from
		w.span = max(1, span/shrinking)
		w.from = top - w.span
	}
	return true
}

// grow makes the next windows longer if they may be: one in which nothing was, or several in which there was little.
func (w *walk) grow(h *haul) {
	small := h.size < parlance.MaxUpstreamBody/shrinking && len(h.page.Items) < parlance.MaxUpstreamItems/shrinking
	if w.span == 0 || !small {
		w.went = 0
		return
	}
	if w.went++; w.went >= patientPages || h.empty() {
		w.went, w.span = 0, w.span*growing
	}
	if w.span >= w.max-w.min {
		w.span = 0
	}
}

// carry reports whether h is of a window that holds nothing: what it tells all the same is told with the next page, since one without items leads nowhere.
func (w *walk) carry(h *haul) bool {
	gaps, findings := append(w.carried.Gaps, h.page.Gaps...), append(w.carried.Findings, h.page.Findings...)
	w.carried = history.Page{}
	if w.windowed && h.empty() && h.page.End == "" {
		w.carried.Gaps, w.carried.Findings = gaps, findings
		return true
	}
	h.page.Gaps, h.page.Findings = gaps, findings
	return false
}

// windowBelow returns where a window ends that begins at a second.
func (w *walk) windowBelow(top int64) int64 {
	span := w.span
	if span == 0 {
		span = top - w.min
	}
	if top > w.bad && w.windowed {
		span = min(span, max(1, (top-w.bad)/2))
	}
	return max(w.min, top-span)
}

// leaveWindow goes on below the window of which h is the last answer. The windows share a second, since either bound may turn out to be exclusive.
func (w *walk) leaveWindow(h *haul) {
	next := h.min
	if h.min >= h.max {
		next = h.max - 1
		if !h.shows(h.max) {
			// With the second below it was too large. That is that one's fault, or if minTime is exclusive this one's.
			h.page.Gaps = append(h.page.Gaps, w.gap(h.max-1, h.max, "the messages of one of these two seconds are too large to be read"))
		}
	} else if w.source.upper.Load() != inclusive && h.min+1 < h.max {
		next++
	}
	w.moveTo(next)
}

// moveTo lets the walk stand at a second, of which nothing is known.
func (w *walk) moveTo(sec int64) {
	w.max, w.key, w.last = sec, "", 0
	if sec <= w.bad {
		w.bad = math.MaxInt64
	}
	w.held, w.promised, w.stalled, w.idle = false, false, false, 0
	w.from = w.windowBelow(sec)
}

// skip steps over the second at which the walk stands: its messages are too large to be read.
func (w *walk) skip(why error) haul {
	h := haul{ask: ask{min: w.max, max: w.max}}
	h.page.Gaps = []history.Gap{w.gap(w.max, w.max, "the messages of this second are too large to be read: "+why.Error())}
	w.skips++
	if w.max <= w.min {
		h.page.End = w.evidence()
	}
	w.moveTo(w.max - 1)
	h.page.Low, h.page.Order = w.low, parlance.ByCreated
	return h
}
