package live

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// subjects begins the subject of each node.
	subjects = "parlance.live."

	// maxQueue is how many events wait to be sent at most.
	maxQueue = 4096

	// heartbeat is how often a node says what number its events have reached.
	heartbeat = time.Second

	// maxFlush is how long Close tries to send what waits.
	maxFlush = time.Second
)

// A wire is the way to other nodes.
type wire struct {
	bus    *Bus
	conn   *nats.Conn
	server *server // in this process; nil: it is elsewhere

	queue   chan Event
	skipped atomic.Uint64 // events that were dropped and have no number yet
	number  uint64        // of the last event; of the writer alone

	peers peers

	sent, received, dropped, missed, malformed atomic.Uint64

	trouble atomic.Pointer[string] // what was last logged of the connection's errors

	closing sync.Once
	stop    chan struct{} // closed when the writer shall end
	stopped chan struct{} // closed when it has
}

func newWire(b *Bus) *wire {
	return &wire{
		bus:     b,
		queue:   make(chan Event, maxQueue),
		peers:   peers{by: map[string]*peer{}},
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
}

// start listens to the other nodes and begins to write.
func (w *wire) start() error {
	if _, err := w.conn.Subscribe(subjects+"*", w.receive); err != nil {
		return fmt.Errorf("listen to the other nodes: %w", err)
	}
	go w.write()
	return nil
}

// publish leaves e to the writer.
func (w *wire) publish(e Event) {
	select {
	case w.queue <- e:
	default:
		w.skipped.Add(1)
		w.dropped.Add(1)
	}
}

// write sends what is published, and heartbeats, until the wire is closed.
func (w *wire) write() {
	defer close(w.stopped)
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	w.beat() // so that the others know of it
	for {
		select {
		case e := <-w.queue:
			w.send(e)
		case <-tick.C:
			w.beat()
			for _, node := range w.peers.tick() {
				w.bus.log.Warn("a node on the bus has fallen silent", "node", node)
			}
		case <-w.stop:
			for {
				select {
				case e := <-w.queue:
					w.send(e)
				default:
					return
				}
			}
		}
	}
}

// send sends an event. One that can't be sent has a number all the same, so that others
// see that they miss it.
func (w *wire) send(e Event) {
	w.number += w.skipped.Swap(0)
	for part := range e.parts() {
		w.number++
		m := message{Number: w.number, Event: part}
		b, err := m.encode()
		if err == nil {
			err = w.conn.Publish(subjects+w.bus.node, b)
		}
		if err != nil {
			w.dropped.Add(1)
			w.bus.log.Debug("an event was not sent", "kind", e.Kind, "error", err)
			continue
		}
		w.sent.Add(1)
	}
}

// beat tells the others how far this node's events go.
func (w *wire) beat() {
	w.number += w.skipped.Swap(0)
	m := message{Number: w.number}
	b, err := m.encode()
	if err == nil {
		err = w.conn.Publish(subjects+w.bus.node, b)
	}
	if err != nil {
		w.bus.log.Debug("a heartbeat was not sent", "error", err)
	}
}

// receive takes in a message of any node, this one included.
func (w *wire) receive(msg *nats.Msg) {
	node := strings.TrimPrefix(msg.Subject, subjects)
	if node == w.bus.node {
		return // it was heard here when it was published
	}
	m, err := decode(msg.Data)
	if err != nil {
		w.malformed.Add(1)
		w.bus.log.Debug("a message on the bus can't be understood", "node", node, "error", err)
		return
	}
	switch w.peers.heard(node, m) {
	case fresh:
		w.bus.log.Info("a node is on the bus", "node", node)
	case freshGap:
		w.bus.log.Info("a node is on the bus", "node", node)
		w.tellMissed()
	case gap:
		w.tellMissed()
	case refused:
		w.malformed.Add(1)
		return
	case expected:
	}
	if m.Event != nil {
		w.received.Add(1)
		w.bus.deliver(*m.Event)
	}
}

// tellMissed tells the subscribers that events may not have arrived.
func (w *wire) tellMissed() {
	w.missed.Add(1)
	w.bus.deliver(Event{Kind: Missed, Remote: true})
}

// close sends what waits and leaves.
func (w *wire) close(ctx context.Context) {
	w.closing.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, maxFlush)
		defer cancel()
		close(w.stop)
		<-w.stopped
		if w.conn.IsConnected() {
			if err := w.conn.FlushWithContext(ctx); err != nil {
				w.bus.log.Warn("the last events may not have been sent", "error", err)
			}
		}
		w.conn.Close()
		if w.server != nil {
			w.server.stop()
		}
	})
}

func (w *wire) status() Status {
	s := Status{
		Node:      w.bus.node,
		Connected: w.conn.IsConnected(),
		Nodes:     w.peers.count(),
		Sent:      w.sent.Load(),
		Received:  w.received.Load(),
		Dropped:   w.dropped.Load(),
		Missed:    w.missed.Load(),
		Malformed: w.malformed.Load(),
	}
	if w.server != nil {
		s.Listen = w.server.address
	}
	return s
}
