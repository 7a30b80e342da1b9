package fake

import (
	"slices"

	"parlance"
)

// shape makes the faults that lie in what is held, then gives the messages their ids.
func (w *world) shape(f Faults, page int, now parlance.Time) {
	if f.Has(Ties) {
		for _, c := range w.convs {
			w.tie(c, page)
		}
	}
	largest := w.largest()
	if f.Has(TieFlood) && largest != nil {
		w.flood(largest, page+page/2)
	}
	for _, c := range w.convs {
		for _, m := range c.ordered(parlance.ByCreated) {
			if m.id == "" && m.seq == 0 && m.nonce == 0 {
				w.mint(m)
			}
		}
		c.changed() // ids order what shares a time
		for i, m := range c.ordered(parlance.ByCreated) {
			if m.quotes {
				m.quote(anyOf(w.random, c.ordered(parlance.ByCreated)[:i]))
			}
		}
	}
	if largest == nil {
		return
	}
	if m := largest.newest(); f.Has(ClockAhead) && m != nil {
		ahead := m.created + (now-m.created)/1000*1000 + 10*365*24*3_600_000
		m.sent, m.created, m.updated = ahead, ahead, ahead
		largest.changed()
	}
	if f.Has(BadItem) {
		last := max(1, len(largest.live)-1) // lists show the newest one, and stay whole
		largest.ordered(parlance.ByCreated)[w.random.IntN(last)].bad = 1 + w.random.IntN(3)
	}
	if f.Has(Attachment404) {
		missing := true
		for _, c := range w.convs {
			for _, m := range c.ordered(parlance.ByCreated) {
				if m.file != nil {
					m.file.missing, missing = missing, !missing
				}
			}
		}
	}
}

// largest returns the conversation with the most messages, nil if none has any.
func (w *world) largest() *conversation {
	var best *conversation
	for _, c := range w.convs {
		if len(c.live) > 0 && (best == nil || len(c.live) > len(best.live)) {
			best = c
		}
	}
	return best
}

// smallest returns the conversation with the fewest messages of those that have any.
func (w *world) smallest() *conversation {
	var best *conversation
	for _, c := range w.convs {
		if len(c.live) > 0 && (best == nil || len(c.live) <= len(best.live)) {
			best = c
		}
	}
	return best
}

// tie makes messages share times: across each edge of the server's pages, and here and there.
func (w *world) tie(c *conversation, page int) {
	bound := max(2, min(5, (page+1)/2-1))
	o := slices.Clone(c.ordered(parlance.ByCreated))
	slices.Reverse(o)
	group := 1
	for i := 1; i < len(o); i++ {
		edge := page > 1 && i%page == 0
		if !edge && (group >= bound || i%page == page-1 || w.random.IntN(5) < 3) {
			group = 1 // room is left for a group across the edge
			continue
		}
		group++
		o[i].at(o[i-1].created)
	}
	c.changed()
}

// flood makes n messages of c share one time, and makes more of them if there are too few.
func (w *world) flood(c *conversation, n int) {
	for len(c.live) < n+2 {
		o := c.ordered(parlance.ByCreated)
		c.add(w.newMessage(c, o[0].created-w.pause(), false))
	}
	o := c.ordered(parlance.ByCreated)
	first := w.random.IntN(len(o) - n)
	for _, m := range o[first : first+n] {
		m.at(o[first].created)
	}
	c.changed()
}

// at moves m to another time of creation.
func (m *message) at(t parlance.Time) {
	m.sent, m.created = t, t
	if m.edited.IsZero() {
		m.updated = t
	}
	m.updated = max(m.updated, t)
}
