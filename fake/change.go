package fake

import (
	"fmt"

	"parlance"
)

// Milliseconds.
const (
	second     parlance.Time = 1000
	lateWithin               = 4 * 60 * second
)

// changes returns the kinds of change that are switched on.
func (u *Upstream) changes() Faults {
	var f Faults
	for _, x := range []Fault{Arrivals, Late, LateDeep, Edits, Recalls, Deletes} {
		if u.faults.Has(x) {
			f = append(f, x)
		}
	}
	return f
}

// change makes one seeded change of the given kind, if there is anything to change.
func (u *Upstream) change(x Fault, now parlance.Time) {
	w := u.world
	switch x {
	case Arrivals:
		if c := w.open(nil); c != nil {
			w.arrive(c, now)
		}
	case Late:
		newest, c := w.newest(now)
		if other := w.open(nil); w.random.IntN(2) == 0 && other != nil {
			c = other
		}
		if c != nil {
			w.arrive(c, newest-1-parlance.Time(w.random.IntN(int(lateWithin))))
		}
	case LateDeep:
		if c := w.open(hasMessages); c != nil {
			oldest := c.ordered(parlance.ByCreated)[0].created
			w.arrive(c, oldest-second+parlance.Time(w.random.Int64N(int64(max(now-oldest, 1)))))
		}
	case Edits:
		if m := w.editable(); m != nil {
			w.edit(m, now)
		}
	case Recalls:
		if m := w.editable(); m != nil {
			m.recalled, m.text, m.file, m.reactions, m.reply = true, "", nil, nil, nil
			w.touch(m, now)
		}
	case Deletes:
		held, gone := 0, 0
		for _, c := range w.convs {
			held, gone = held+len(c.live), gone+len(c.vanished)
		}
		if m := w.editable(); m != nil && gone < max(1, held/20) {
			m.conv.remove(m)
		}
	}
}

func hasMessages(c *conversation) bool { return len(c.live) > 0 }

// open returns any conversation that isn't gone and is as asked.
func (w *world) open(ask func(*conversation) bool) *conversation {
	var open []*conversation
	for _, c := range w.convs {
		if !c.gone && (ask == nil || ask(c)) {
			open = append(open, c)
		}
	}
	return anyOf(w.random, open)
}

// mark returns the time by which clients keep their place: of change on IMKit, of creation elsewhere.
func (w *world) mark(m *message) parlance.Time {
	if w.platform == parlance.IMKit {
		return m.updated
	}
	return m.created
}

// newest returns the highest mark that isn't in the future and the conversation of its message; now and nil if there is none.
func (w *world) newest(now parlance.Time) (t parlance.Time, in *conversation) {
	for _, c := range w.convs {
		if c.gone {
			continue
		}
		for _, m := range c.live {
			if at := w.mark(m); at <= now && (in == nil || at > t) {
				t, in = at, c
			}
		}
	}
	if in == nil {
		return now, nil
	}
	return t, in
}

// arrive adds a message of time t, or of the nearest free time before it.
func (w *world) arrive(c *conversation, t parlance.Time) {
	step := parlance.Time(1)
	if w.platform == parlance.IMetaStore {
		step = second
		t = parlance.TimeOfSeconds(t.Seconds())
	}
	taken := map[parlance.Time]bool{}
	for _, m := range c.live {
		taken[m.created] = true
	}
	for taken[t] {
		t -= step
	}
	m := w.newMessage(c, t, false)
	w.mint(m)
	if m.quotes {
		m.quote(anyOf(w.random, c.live))
	}
	c.add(m)
}

// editable returns any message that can be changed, nil if there is none.
func (w *world) editable() *message {
	for range 8 {
		c := w.open(hasMessages)
		if c == nil {
			return nil
		}
		if m := anyOf(w.random, c.live); m.bad == 0 && !m.recalled {
			return m
		}
	}
	return nil
}

// edit changes a message's text; on IMKit sometimes its reactions instead.
func (w *world) edit(m *message, now parlance.Time) {
	if w.platform == parlance.IMKit && w.random.IntN(3) == 0 {
		w.minted++
		m.reactions = append(m.reactions, reaction{"💖", "user_" + string(rune('a'+w.minted%26))})
		w.touch(m, now)
		return
	}
	w.minted++
	m.text = fmt.Sprintf("%s (edit %d)", text(w.random), w.minted)
	if m.typ != parlance.TypeText && m.typ != parlance.TypeNote {
		m.typ, m.file = parlance.TypeText, nil
	}
	m.edited = w.touch(m, now)
}

// touch gives m a time of change above all others.
func (w *world) touch(m *message, now parlance.Time) parlance.Time {
	if w.lastEdit < now {
		w.lastEdit = now
	} else {
		w.lastEdit++
	}
	m.updated = max(w.lastEdit, m.updated)
	m.conv.changed()
	return m.updated
}
