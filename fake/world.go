package fake

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"parlance"
)

// A world is what the platform holds.
type world struct {
	platform parlance.Dialect
	random   *rand.Rand
	merchant person // SHOPLINE's merchant, iMetaStore's seller, IMKit's user whose token is given out
	convs    []*conversation
	files    map[string]*file
	pictures buffer
	minted   uint32 // ids, files and texts made so far
	lastEdit parlance.Time
	ordered  []*message // see all; nil if it must be made again
}

type person struct{ id, name string }

// A conversation is a room, a SHOPLINE conversation, or the messages between the seller and one buyer.
type conversation struct {
	world    *world
	id       string // of a buyer's: the buyer's digits
	kind     parlance.Kind
	title    string
	order    string // number of the order
	orderID  string
	customer person
	staff    []person // those who may speak besides the customer; of a room: its members

	live     []*message // in no order; see ordered
	vanished []*message
	gone     bool
	reads    int // of its messages
	orders   map[parlance.Timeline][]*message
}

// A message is one message as it is now.
type message struct {
	conv       *conversation
	id         string // of IMKit and SHOPLINE; empty until it is minted
	seq, nonce uint32 // of iMetaStore
	sender     person
	acting     string
	merchant   bool // on the merchant's side
	typ        parlance.Type
	text       string
	file       *file
	quotes     bool     // answers another message
	reply      *message // that message as it was then
	reactions  []reaction
	ascii      bool // written with every other character escaped
	bad        int  // which nonsense it is, from 1; 0 is none
	recalled   bool

	sent, created, updated, edited parlance.Time

	served []byte // as an answer last held it
}

type reaction struct{ emoji, sender string }

// compare orders messages by (time, id), on iMetaStore by (second, seq, random, from, to).
func (m *message) compare(n *message, t parlance.Timeline) int {
	a, b := m.time(t), n.time(t)
	if a != b {
		return cmp.Compare(a, b)
	}
	if c := cmp.Or(cmp.Compare(m.seq, n.seq), cmp.Compare(m.nonce, n.nonce)); c != 0 {
		return c
	}
	mf, mt := m.accounts()
	nf, nt := n.accounts()
	return cmp.Or(strings.Compare(m.id, n.id), strings.Compare(mf, nf), strings.Compare(mt, nt))
}

// quote makes m answer q, as it is now. Nil is no message.
func (m *message) quote(q *message) {
	if q == nil {
		return
	}
	then := *q
	then.reply, then.reactions = nil, slices.Clone(q.reactions)
	m.reply = &then
}

// accounts returns the two accounts between which iMetaStore shows m.
func (m *message) accounts() (from, to string) {
	if m.merchant {
		return m.conv.world.merchant.id, m.conv.id
	}
	return m.conv.id, m.conv.world.merchant.id
}

func (m *message) time(t parlance.Timeline) parlance.Time {
	switch t {
	case parlance.ByUpdated:
		return m.updated
	case parlance.BySent:
		return m.sent
	default:
		return m.created
	}
}

// ordered returns the conversation's messages, oldest first.
func (c *conversation) ordered(t parlance.Timeline) []*message {
	if o, ok := c.orders[t]; ok {
		return o
	}
	o := slices.Clone(c.live)
	slices.SortStableFunc(o, func(a, b *message) int { return a.compare(b, t) })
	if c.orders == nil {
		c.orders = map[parlance.Timeline][]*message{}
	}
	c.orders[t] = o
	return o
}

// changed says that c's messages or their times are others now.
func (c *conversation) changed() {
	clear(c.orders)
	c.world.ordered = nil
}

// newest returns the newest message by creation, nil if there is none.
func (c *conversation) newest() *message {
	if o := c.ordered(parlance.ByCreated); len(o) > 0 {
		return o[len(o)-1]
	}
	return nil
}

func (c *conversation) add(m *message) {
	c.live = append(c.live, m)
	c.changed()
}

func (c *conversation) remove(m *message) {
	i := slices.Index(c.live, m)
	c.live = slices.Delete(c.live, i, i+1)
	c.vanished = append(c.vanished, m)
	c.changed()
}

// find returns a conversation of this id, nil if there is none.
func (w *world) find(id string) *conversation {
	for _, c := range w.convs {
		if c.id == id {
			return c
		}
	}
	return nil
}

// message returns c's message of this id, nil if it has none.
func (c *conversation) message(id string) *message {
	for _, m := range c.live {
		if m.id == id {
			return m
		}
	}
	return nil
}

// mint gives m what the platform tells it by.
func (w *world) mint(m *message) {
	if w.platform == parlance.IMetaStore {
		m.seq, m.nonce = w.random.Uint32N(1<<16), w.random.Uint32()
		return
	}
	m.id = w.hex(m.created)
}

// hex returns a new id of 24 digits, whose first eight are t's second.
func (w *world) hex(t parlance.Time) string {
	w.minted++
	return fmt.Sprintf("%08x%010x%06x", uint32(t.Seconds()), uint64(0xfa4e000000)|w.salt(), w.minted&0xffffff)
}

// salt tells the ids of one world from those of most others.
func (w *world) salt() uint64 {
	if len(w.merchant.id) == 0 {
		return 0
	}
	var s uint64
	for _, b := range []byte(w.merchant.id) {
		s = s*31 + uint64(b)
	}
	return s & 0xffffff
}

// all returns the messages of every conversation, oldest first.
func (w *world) all() []*message {
	if w.ordered == nil {
		for _, c := range w.convs {
			w.ordered = append(w.ordered, c.live...)
		}
		slices.SortStableFunc(w.ordered, func(a, b *message) int { return a.compare(b, parlance.ByCreated) })
	}
	return w.ordered
}
