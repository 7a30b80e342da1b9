package live_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/live"
)

// patience is how long something that must come is waited for.
const patience = 20 * time.Second

// receive returns what comes from c.
func receive[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s didn't come", what)
		panic("unreachable")
	}
}

// A logbook passes on what is logged.
type logbook struct {
	slog.Handler
	said chan string
}

func (l logbook) Handle(_ context.Context, r slog.Record) error {
	select {
	case l.said <- r.Message:
	default:
	}
	return nil
}

func newLogbook() (*slog.Logger, chan string) {
	said := make(chan string, 1024)
	return slog.New(logbook{slog.DiscardHandler, said}), said
}

func (l logbook) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// logged waits until text is logged.
func logged(t *testing.T, said <-chan string, text string) {
	t.Helper()
	for {
		if got := receive(t, text, said); got == text {
			return
		}
	}
}

const (
	nodeSeen = "a node is on the bus"
	nodeGone = "a node on the bus has fallen silent"
)

// A node is a bus and what is heard on it of other nodes.
type node struct {
	*live.Bus
	said  chan string
	heard map[live.Kind]chan live.Event
}

func newNode(t *testing.T, open func(*slog.Logger) (*live.Bus, error)) *node {
	t.Helper()
	log, said := newLogbook()
	b, err := open(log)
	if err != nil {
		t.Fatalf("open a bus: %v", err)
	}
	t.Cleanup(func() { b.Close(context.Background()) })
	n := &node{b, said, map[live.Kind]chan live.Event{}}
	for _, k := range []live.Kind{live.Revoked, live.Records, live.Appended, live.Usage, live.Missed} {
		c := make(chan live.Event, 1024)
		n.heard[k] = c
		b.Subscribe(func(e live.Event) {
			if e.Remote {
				c <- e
			}
		}, k)
	}
	return n
}

// embedded starts a node with a server of its own.
func embedded(t *testing.T, o live.Options, listen string, routes ...string) *node {
	t.Helper()
	return newNode(t, func(log *slog.Logger) (*live.Bus, error) {
		o.Logger = log
		return live.Embedded(t.Context(), listen, routes, o)
	})
}

func equal(a, b live.Event) bool {
	return a.Kind == b.Kind && string(a.Digest) == string(b.Digest) && a.Workspace == b.Workspace && slices.Equal(a.Names, b.Names) &&
		a.Conversation == b.Conversation && a.Number == b.Number && maps.Equal(a.Usage, b.Usage)
}

var samples = []live.Event{
	{Kind: live.Revoked, Digest: []byte{0, 255, 7}},
	{Kind: live.Records, Workspace: "acme", Names: []string{"uacme\x00alice", "pacme\x00\"room\"\x00bob\x01"}},
	{Kind: live.Records, Workspace: "acme"},
	{Kind: live.Records, Names: []string{"nacme\x00ålice"}},
	{Kind: live.Appended, Workspace: "acme", Conversation: "room", Number: 1<<63 + 1},
	{Kind: live.Usage, Usage: map[string]int{"shopline-token/1": 3, "shopline-token/2": 1}},
}

// In one process everybody who wants to hears an event before Publish returns, until they no
// longer want to.
func TestLocal(t *testing.T) {
	b := live.Local()
	var heard []live.Event
	cancel := b.Subscribe(func(e live.Event) { heard = append(heard, e) }, live.Revoked, live.Usage)
	others := 0
	b.Subscribe(func(live.Event) { others++ }, live.Usage)
	for _, e := range samples {
		b.Publish(e)
	}
	if len(heard) != 2 || !equal(heard[0], samples[0]) || !equal(heard[1], samples[5]) || heard[0].Remote || others != 1 {
		t.Errorf("heard %+v, and another %d", heard, others)
	}
	cancel()
	cancel()
	b.Publish(samples[0])
	b.Publish(samples[5])
	if len(heard) != 2 || others != 2 {
		t.Errorf("heard %d events and another %d, after one stopped", len(heard), others)
	}
	if s := b.Status(); !s.Connected || s.Nodes != 0 || s.Dropped != 0 || len(s.Node) != 16 {
		t.Errorf("Status = %+v", s)
	}
	b.Close(t.Context())
}

// Three nodes find each other through one, and each hears all of the others, once, in order, and
// nothing of its own from the wire.
func TestEmbedded(t *testing.T) {
	o := live.Options{User: "nodes", Password: "secret"}
	a := embedded(t, o, "127.0.0.1:0")
	address := a.Status().Listen
	nodes := []*node{a, embedded(t, o, "127.0.0.1:0", address), embedded(t, o, "127.0.0.1:0", address)}
	for _, n := range nodes {
		logged(t, n.said, nodeSeen)
		logged(t, n.said, nodeSeen)
	}
	const times = 50
	for i, n := range nodes {
		for number := range uint64(times) {
			n.Publish(live.Event{Kind: live.Appended, Workspace: "acme", Conversation: parlance.ConversationID(rune('a' + i)), Number: number + 1})
		}
	}
	for i, n := range nodes {
		last := map[parlance.ConversationID]uint64{}
		for range 2 * times {
			e := receive(t, "an event of another node", n.heard[live.Appended])
			if e.Number != last[e.Conversation]+1 || e.Conversation == parlance.ConversationID(rune('a'+i)) {
				t.Fatalf("node %d heard %+v after %d", i, e, last[e.Conversation])
			}
			last[e.Conversation] = e.Number
		}
		if s := n.Status(); s.Nodes != 2 || s.Sent != times || s.Received != 2*times || s.Dropped+s.Malformed != 0 || !s.Connected {
			t.Errorf("node %d: Status = %+v", i, s)
		}
	}
	for _, e := range samples {
		a.Publish(e)
		for i, n := range nodes[1:] {
			if got := receive(t, string(e.Kind), n.heard[e.Kind]); !equal(got, e) || !got.Remote {
				t.Errorf("node %d heard %+v, want %+v", i+1, got, e)
			}
		}
	}
	for i, n := range nodes {
		if len(n.heard[live.Missed]) > 0 {
			t.Errorf("node %d missed something", i)
		}
	}
}

// What is larger than a message arrives in parts.
func TestLargeEvents(t *testing.T) {
	a := embedded(t, live.Options{}, "127.0.0.1:0")
	b := embedded(t, live.Options{}, "127.0.0.1:0", a.Status().Listen)
	logged(t, b.said, nodeSeen)
	logged(t, a.said, nodeSeen)
	e := live.Event{Kind: live.Records, Workspace: "acme"}
	u := live.Event{Kind: live.Usage, Usage: map[string]int{}}
	for i := range 2000 {
		name := strings.Repeat("\x00", i%1100) + string(rune('一'+i))
		e.Names = append(e.Names, name)
		u.Usage[name] = i + 1
	}
	a.Publish(e)
	a.Publish(u)
	var names []string
	for len(names) < len(e.Names) {
		part := receive(t, "a part", b.heard[live.Records])
		if part.Workspace != "acme" {
			t.Fatalf("a part is of workspace %q", part.Workspace)
		}
		names = append(names, part.Names...)
	}
	if !slices.Equal(names, e.Names) {
		t.Error("other names arrived than were sent")
	}
	usage := map[string]int{}
	for len(usage) < len(u.Usage) {
		maps.Copy(usage, receive(t, "a part", b.heard[live.Usage]).Usage)
	}
	if !maps.Equal(usage, u.Usage) {
		t.Error("another usage arrived than was sent")
	}
	if s := a.Status(); s.Dropped != 0 || s.Sent < 4 {
		t.Errorf("Status = %+v", s)
	}
}

// A node that dies falls silent; one that comes to its place is heard of.
func TestNodeReplaced(t *testing.T) {
	a := embedded(t, live.Options{}, "127.0.0.1:0")
	b := embedded(t, live.Options{}, "127.0.0.1:0", a.Status().Listen)
	logged(t, a.said, nodeSeen)
	address := b.Status().Listen
	b.Close(t.Context())
	b.Publish(samples[0]) // is heard in its own process only
	logged(t, a.said, nodeGone)
	c := embedded(t, live.Options{}, address, a.Status().Listen)
	logged(t, a.said, nodeSeen)
	logged(t, c.said, nodeSeen)
	c.Publish(samples[0])
	receive(t, "a revocation", a.heard[live.Revoked])
}

// What was published before Close is sent.
func TestCloseSends(t *testing.T) {
	a := embedded(t, live.Options{}, "127.0.0.1:0")
	b := embedded(t, live.Options{}, "127.0.0.1:0", a.Status().Listen)
	logged(t, a.said, nodeSeen)
	logged(t, b.said, nodeSeen)
	for range 100 {
		b.Publish(samples[0])
	}
	b.Close(t.Context())
	for range 100 {
		receive(t, "a revocation", a.heard[live.Revoked])
	}
}

func TestEmbeddedRefuses(t *testing.T) {
	ctx := t.Context()
	for _, c := range []struct {
		listen string
		routes []string
	}{{"nowhere", nil}, {"127.0.0.1:x", nil}, {"127.0.0.1:0", []string{"nowhere"}}} {
		if b, err := live.Embedded(ctx, c.listen, c.routes, live.Options{}); parlance.KindOf(err) != parlance.Invalid {
			t.Errorf("Embedded(%q, %q) = %v, %v", c.listen, c.routes, b, err)
		}
	}
	a := embedded(t, live.Options{}, "127.0.0.1:0")
	if _, err := live.Embedded(ctx, a.Status().Listen, nil, live.Options{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("an address that is taken: %v", err)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := live.Embedded(done, "127.0.0.1:0", nil, live.Options{}); err == nil {
		t.Error("a context that is done: no error")
	}
	if _, err := live.Connect(done, "nats://127.0.0.1:1", live.Options{}); err == nil {
		t.Error("a context that is done: no error")
	}
}

// A server with another password is not let in, and who runs it is told.
func TestWrongPassword(t *testing.T) {
	a := embedded(t, live.Options{User: "nodes", Password: "secret"}, "127.0.0.1:0")
	b := embedded(t, live.Options{User: "nodes", Password: "guessed"}, "127.0.0.1:0", a.Status().Listen)
	logged(t, a.said, "the bus's server has trouble")
	if a.Status().Nodes != 0 || b.Status().Nodes != 0 {
		t.Error("they found each other")
	}
}
