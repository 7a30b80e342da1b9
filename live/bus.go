// Package live carries news between nodes: what was revoked, changed, written or used on one
// and must be known on the others at once. It hides whether there are others, and how they are
// reached: not at all, through a NATS server, or through servers inside the nodes themselves.
//
// The bus is best effort, and nothing that is promised depends on it. Whatever a node remembers
// has a bound in time of its own, after which it is read again; an event that arrives makes
// that sooner, and one that is lost leaves the bound. So publishing never waits and never fails:
// what there is no room for is dropped and counted.
//
// What goes over the wire are ids, numbers and hashes, never the text of a message nor a token.
// Who can publish on the bus can make nodes forget what they remember and take requests off a
// credential's rate; nothing that is heard grants anything.
//
// # The wire
//
// Each node publishes under a subject of its own, "parlance.live." and the node's random id, and
// listens to those of all others. A message is one JSON object of at most 64 KiB: an event and
// its number. A node numbers its events from 1 without gaps, so that others see when one is
// missing; a heartbeat each second carries the last number alone. Who misses any
// tells its subscribers so, by an event of kind [Missed].
package live

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// A Bus is one node's end of the bus. Its methods may be called from many goroutines at once.
type Bus struct {
	node string
	log  *slog.Logger

	subscribing   sync.Mutex // held while subscriptions are replaced
	subscriptions atomic.Pointer[[]*subscription]

	wire *wire // nil: there are no other nodes
}

// A subscription is who wants to hear what.
type subscription struct {
	kinds []Kind
	hear  func(Event)
}

// Local returns a bus of one node: what is published is heard in this process only.
func Local() *Bus { return newBus(nil) }

func newBus(log *slog.Logger) *Bus {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var id [8]byte
	rand.Read(id[:]) // never fails
	b := &Bus{node: hex.EncodeToString(id[:]), log: log}
	b.subscriptions.Store(&[]*subscription{})
	return b
}

// Publish tells e to the subscribers of this process, who have heard it when Publish returns, and
// leaves it to be sent to the other nodes. It waits for neither the network nor the other
// nodes. An event of more than a message's size is sent in parts.
func (b *Bus) Publish(e Event) {
	e.Remote = false
	b.deliver(e)
	if b.wire != nil {
		b.wire.publish(e)
	}
}

// Subscribe has hear called with every event of these kinds, until cancel is called. A call that
// is under way then may still end after it.
//
// Events of this process are heard in the goroutine that publishes them, those of another
// node in the order in which it published them. So hear must be quick and must expect to be called
// from several goroutines at once. It may use the bus.
func (b *Bus) Subscribe(hear func(Event), kinds ...Kind) (cancel func()) {
	s := &subscription{kinds: kinds, hear: hear}
	b.replace(func(all []*subscription) []*subscription { return append(all, s) })
	return func() {
		b.replace(func(all []*subscription) []*subscription {
			return slices.DeleteFunc(all, func(o *subscription) bool { return o == s })
		})
	}
}

// replace puts what change makes of a copy in the place of the subscriptions.
func (b *Bus) replace(change func([]*subscription) []*subscription) {
	b.subscribing.Lock()
	defer b.subscribing.Unlock()
	all := change(slices.Clone(*b.subscriptions.Load()))
	b.subscriptions.Store(&all)
}

func (b *Bus) deliver(e Event) {
	for _, s := range *b.subscriptions.Load() {
		if slices.Contains(s.kinds, e.Kind) {
			s.hear(e)
		}
	}
}

// Close leaves the other nodes, after trying for at most a second to send what was published. What is
// published later is heard in this process only.
func (b *Bus) Close(ctx context.Context) {
	if b.wire != nil {
		b.wire.close(ctx)
	}
}

// A Status says how a bus is. Counts are since it was made.
type Status struct {
	Node      string // its id: 16 hex digits, new with every start
	Listen    string // host:port at which other nodes' servers find the one in this process; empty if it has none
	Connected bool   // to the server; the one in this process is always. True if there is none
	Nodes     int    // how many other nodes were heard in the last seconds

	Sent      uint64 // messages with an event
	Received  uint64 // messages with an event of other nodes
	Dropped   uint64 // events not sent, for want of room or of a connection
	Missed    uint64 // times that it was noticed that an event of another node didn't arrive
	Malformed uint64 // messages that can't be understood
}

// Status returns how the bus is now.
func (b *Bus) Status() Status {
	if b.wire == nil {
		return Status{Node: b.node, Connected: true}
	}
	return b.wire.status()
}
