package shopline

import (
	"context"

	"parlance"
)

// maxStrays is how often a page is looked at for messages that lie apart from the others.
const maxStrays = 10

// sorted reports whether a's items go from the newest to the oldest.
func (a *answer) sorted() bool {
	var last parlance.Time
	for i := range a.items {
		t := timeOf(&a.items[i])
		if t == 0 {
			continue
		}
		if last != 0 && t > last {
			return false
		}
		last = t
	}
	return true
}

// gather holds a page in no order against the same question without its oldest message. If something comes then that wasn't on the
// page, or doesn't come that was, the oldest message lies apart from the others, and what lies between would be passed over. Then
// nothing below what came moves anything, what came is of the page, and the same is asked of that. It reports whether there was such a message.
//
// SHOPLINE mirror, strays: a page in no order must leave nothing out.
func (w *walk) gather(ctx context.Context, a *answer, q MessagesQuery) (apart bool, err error) {
	on := map[parlance.MessageID]struct{}{}
	for i := range a.items {
		on[a.items[i].Message.ID] = struct{}{}
	}
	for range maxStrays {
		if a.oldest == 0 || a.oldest == a.newest {
			return apart, nil
		}
		q.Start = a.oldest + 1
		b, err := w.ask(ctx, q)
		if err != nil {
			return apart, err
		}
		again := map[parlance.MessageID]struct{}{}
		differs := false
		for i := range b.items {
			it := &b.items[i]
			again[it.Message.ID] = struct{}{}
			if _, given := on[it.Message.ID]; !given && timeOf(it) > a.oldest && timeOf(it) < a.newest {
				on[it.Message.ID] = struct{}{}
				a.items = append(a.items, *it)
				differs = true
			}
		}
		for i := range a.items {
			it := &a.items[i]
			_, given := again[it.Message.ID]
			// One millisecond more: start may be exclusive.
			differs = differs || !given && timeOf(it) > q.Start && (a.end == 0 || timeOf(it) <= a.end)
		}
		if !differs {
			return apart, nil
		}
		apart = true
		a.stray = max(a.oldest, b.oldest-1)
		a.measure()
	}
	return apart, parlance.Errorf(parlance.Broken, "the messages of a page lie apart from each other")
}
