package shopline

import (
	"context"
	"errors"

	"parlance"
	"parlance/history"
	"parlance/internal/upstream"
)

// Sizes are what a walk learned of how much the platform may be asked for at once.
type sizes struct {
	most    int // messages of a page; 0: as many as wanted
	went    int // pages in a row that weren't too large
	skipped bool
	carried []history.Gap // to be told with the next page
}

// patientPages is how many pages must come before more is asked for again.
const patientPages = 8

// fit makes the call that q says, for fewer messages if the answer is too large: half of them, down to one. One that is too large
// by itself is stepped over, with a gap.
//
// SHOPLINE mirror, size: less is asked for.
func (w *walk) fit(ctx context.Context, q *MessagesQuery) (answer, error) {
	for tries := 0; ; tries++ {
		a, err := w.ask(ctx, *q)
		switch {
		case err == nil:
			if w.went++; w.most != 0 && w.went >= patientPages {
				w.went = 0
				if w.most *= 2; w.most >= walkLimit {
					w.most = 0
				}
			}
			return a, nil
		case !errors.Is(err, upstream.ErrTooLarge), tries > maxStrays:
			return a, err
		case w.limitOf(q) > 2:
			w.most, w.went = w.limitOf(q)/2, 0
		case w.limitOf(q) == 2:
			w.most, w.went = 1, 0
			if w.low != 0 && w.depth == atPlace && len(w.atLow) > 0 {
				// The place's own message and one more are too much: that one lies below, since one by itself can't page.
				w.depth = underPlace
				q.End = w.low + parlance.Time(w.depth)
			}
		default:
			if err := w.skip(ctx, q, err); err != nil {
				return a, err
			}
		}
	}
}

// limitOf returns how many messages q asks for.
func (w *walk) limitOf(q *MessagesQuery) int {
	if w.most != 0 {
		return min(q.Limit, w.most)
	}
	return q.Limit
}

// skip steps over the newest message of the range that q asks for, which is too large: it looks for its time, which nothing else
// tells, by asking for what lies above one time after the other. Of the millisecond before, which a platform with inclusive bounds can't be
// asked for without it, messages may be missing too.
func (w *walk) skip(ctx context.Context, q *MessagesQuery, why error) error {
	high := q.End
	if high == 0 {
		high = newestTime
	}
	low := max(q.Start, oldestTime)
	probe := MessagesQuery{End: q.End, Limit: 1}
	// It isn't at clear or above, but it is at or above hit.
	clear, hit := high, low
	for step := parlance.Time(1000); clear-step > low; step *= 16 {
		probe.Start = clear - step
		if _, err := w.ask(ctx, probe); err == nil {
			clear = probe.Start
			continue
		} else if !errors.Is(err, upstream.ErrTooLarge) {
			return err
		}
		hit = probe.Start
		break
	}
	for clear-hit > 1 {
		probe.Start = hit + (clear-hit)/2
		_, err := w.ask(ctx, probe)
		switch {
		case err == nil:
			clear = probe.Start
		case errors.Is(err, upstream.ErrTooLarge):
			hit = probe.Start
		default:
			return err
		}
	}
	w.carried = append(w.carried, history.Gap{
		Conversation: w.conversation, From: hit - 1, To: hit, Reason: "a message is too large to be read: " + why.Error(),
	})
	w.low, w.depth, w.skipped, w.held = hit, wellUnderPlace, true, true
	w.atLow = map[parlance.MessageID]struct{}{}
	w.full, w.doubt, w.cut, w.refusing = false, false, false, false
	w.most, w.went = 0, 0
	q.End = w.low + parlance.Time(w.depth)
	w.limit, q.Limit = walkLimit, walkLimit
	return nil
}
