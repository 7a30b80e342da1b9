package fake

import (
	"fmt"
	"math/rand/v2"

	"parlance"
)

// generate fills w with made-up conversations, of n messages in all, the newest of them a minute before now.
func (w *world) generate(conversations, n int, now parlance.Time) {
	for i := range conversations {
		c := w.newConversation(i, now)
		w.convs = append(w.convs, c)
		share := w.share(i, conversations, n)
		n -= share
		at := now - 60_000 - parlance.Time(i)*parlance.Time(w.random.IntN(7_200_000))
		if w.platform == parlance.IMetaStore {
			at = parlance.TimeOfSeconds(at.Seconds())
		}
		for j := range share {
			m := w.newMessage(c, at, j == 2)
			if later := at + parlance.Time(w.random.IntN(3_600_000)); w.random.IntN(20) == 0 && later < now {
				m.updated, m.edited = later, later
			}
			c.add(m)
			at -= w.pause()
		}
	}
}

// share returns how many messages the i-th of so many conversations gets of the n that are left. The first gets
// half; of more than 50 conversations all get as many. If there are more than three, the last has none.
func (w *world) share(i, conversations, n int) int {
	switch {
	case conversations > 3 && i == conversations-1:
		return 0
	case i == conversations-1 || conversations > 3 && i == conversations-2:
		return n
	case conversations > 50:
		return n / (conversations - 1 - i)
	case i == 0:
		return (n + 1) / 2
	default:
		return n / 3
	}
}

// pause returns how long before a message the one before it was written.
func (w *world) pause() parlance.Time {
	at := 1000 + w.random.IntN(90_000)
	switch n := w.random.IntN(100); {
	case n < 5:
		at = w.random.IntN(3 * 24 * 3_600_000)
	case n < 25:
		at = w.random.IntN(5 * 3_600_000)
	case n < 40:
		at = 1 + w.random.IntN(40)
	}
	if w.platform == parlance.IMetaStore { // which has seconds only
		return parlance.Time(at/1000+1) * 1000
	}
	return parlance.Time(max(at, 1))
}

// firstBuyer is above 2^53, where floating point numbers lose the last digits.
const firstBuyer = 1907369850568257536

func (w *world) newConversation(i int, now parlance.Time) *conversation {
	name := names[i%len(names)]
	created := now - 90*24*3_600_000
	c := &conversation{world: w, title: name, kind: parlance.Shop}
	switch w.platform {
	case parlance.IMetaStore:
		c.id = fmt.Sprint(int64(firstBuyer) + int64(i)) // neighbours, which rounding makes one
		c.customer = person{c.id, name}
		c.staff = []person{w.merchant}
	case parlance.Shopline:
		c.id = w.hex(created)
		c.customer = person{w.hex(created), name}
		c.staff = []person{{w.hex(created), "staff"}}
		if i%3 == 1 {
			c.kind, c.order, c.orderID = parlance.Order, fmt.Sprintf("20250%014d", w.random.Int64N(1e14)), w.hex(created)
		}
	default:
		c.id, c.kind = fmt.Sprintf("room-%d-%04x", i, w.random.IntN(1<<16)), parlance.Room
		switch i % 4 {
		case 1:
			c.id = fmt.Sprintf("order #%d/客服", i) // needs escaping in an address
		case 3:
			c.kind = parlance.Direct
		}
		c.customer = person{fmt.Sprintf("user_%d", i), name}
		c.staff = []person{w.merchant, {"agent-2", "阿明"}}
	}
	return c
}

// newMessage makes a message of time t that isn't in its conversation yet and has no id yet.
func (w *world) newMessage(c *conversation, t parlance.Time, picture bool) *message {
	r := w.random
	m := &message{conv: c, typ: parlance.TypeText, text: text(r), sender: c.customer, ascii: r.IntN(6) == 0}
	if r.IntN(2) == 0 {
		m.merchant, m.sender = true, c.staff[r.IntN(len(c.staff))]
		m.acting = m.sender.id
	}
	m.sent, m.created, m.updated = t, t, t
	if w.platform == parlance.IMKit {
		m.sent -= parlance.Time(r.IntN(5))
	}
	switch n := r.IntN(100); {
	case picture || n < 6:
		m.typ = parlance.TypeImage
		m.file = w.newFile(m.typ, "", t)
		if n < 3 {
			m.text = ""
		}
	case n < 9 && w.platform != parlance.Shopline:
		m.typ = parlance.TypeFile
		m.file = w.newFile(m.typ, "", t)
	case n < 11 && w.platform != parlance.Shopline:
		m.typ = parlance.TypeLocation
	case n < 13 && w.platform != parlance.Shopline:
		m.typ = parlance.TypeSticker
	case n < 15 && w.platform != parlance.Shopline:
		m.typ = parlance.TypeCustom
	case n < 20 && c.kind == parlance.Order:
		m.typ, m.merchant, m.sender, m.acting = parlance.TypeNote, true, c.staff[0], c.staff[0].id
	case n < 24 && w.platform == parlance.IMKit:
		m.quotes = true
	case n < 28 && w.platform == parlance.IMKit:
		m.reactions = []reaction{{"👍", c.customer.id}}
	}
	return m
}

// anyOf returns one of s, the zero value if it is empty.
func anyOf[T any](r *rand.Rand, s []T) (t T) {
	if len(s) == 0 {
		return t
	}
	return s[r.IntN(len(s))]
}
