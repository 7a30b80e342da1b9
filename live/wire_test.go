package live

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parlance"
)

// Publish never waits: when there is no room left, events are dropped and counted, and the numbers of
// those that come later show it.
func TestQueueFull(t *testing.T) {
	b := newBus(nil)
	b.wire = newWire(b) // nobody empties its queue
	for range maxQueue + 3 {
		b.Publish(Event{Kind: Revoked, Digest: []byte{1}})
	}
	if dropped, skipped := b.wire.dropped.Load(), b.wire.skipped.Load(); dropped != 3 || skipped != 3 {
		t.Errorf("%d events were dropped, the numbers skip %d; want 3", dropped, skipped)
	}
}

// Whatever arrives and is lost, a node knows after the next message that did arrive whether it misses any.
func TestGapsAreNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := peers{by: map[string]*peer{}}
		var number uint64
		known, missing := false, false
		for i, lost := range rapid.SliceOfN(rapid.Bool(), 1, 50).Draw(t, "lost") {
			m := message{}
			if rapid.Bool().Draw(t, "an event") {
				number++
				m.Event = &Event{Kind: Revoked}
			}
			m.Number = number
			if lost {
				missing = missing || m.Event != nil
				continue
			}
			want := map[[2]bool]hearing{{true, false}: expected, {true, true}: gap, {false, false}: fresh, {false, true}: freshGap}[[2]bool{known, missing}]
			if got := p.heard("other", m); got != want {
				t.Fatalf("message %d: heard = %d, want %d", i, got, want)
			}
			known, missing = true, false
		}
	})
}

// Nodes are forgotten when they are silent, and only so many are listened to.
func TestPeersAreBounded(t *testing.T) {
	p := peers{by: map[string]*peer{}}
	if h := p.heard(strings.Repeat("x", maxNode+1), message{}); h != refused {
		t.Errorf("a node with a long id: %d", h)
	}
	for i := range maxPeers {
		p.heard(fmt.Sprint(i), message{})
	}
	if h := p.heard("another", message{}); h != refused || p.count() != maxPeers {
		t.Errorf("one node too many: %d, %d are known", h, p.count())
	}
	for range silence {
		if gone := p.tick(); len(gone) != 0 {
			t.Fatalf("%d nodes are gone too early", len(gone))
		}
		p.heard("0", message{})
	}
	if gone := p.tick(); len(gone) != maxPeers-1 || p.count() != 1 {
		t.Errorf("%d nodes are gone, %d are left", len(gone), p.count())
	}
	if h := p.heard("another", message{Number: 7}); h != freshGap {
		t.Errorf("a node that published 7 events before: %d", h)
	}
}

// FuzzDecode checks that no message makes a node fall over, and that what is understood says what
// it may and means the same when it is sent on.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"seq":0}`, `{"seq":1,"event":{"kind":"revoked","digest":"AAEC"}}`, `{"seq":18446744073709551615,"event":{}}`,
		`{"seq":2,"event":{"kind":"records","workspace":"acme","names":["u\u0000a",""]}}`,
		`{"seq":3,"event":{"kind":"appended","workspace":"acme","conversation":"c","number":9}}`,
		`{"seq":4,"event":{"kind":"usage","usage":{"r":3}}}`, `{"seq":1,"event":{"kind":"?"}}`, "\xff", `{"seq":1e0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			return
		}
		if e := m.Event; e != nil {
			if !e.Remote || e.Kind == Missed || m.Number == 0 || len(e.Digest) > maxDigest && e.Kind == Revoked {
				t.Errorf("decode(%q) = %+v", b, e)
			}
			if e.Kind == Appended && parlance.CheckID("conversation", e.Conversation) != nil {
				t.Errorf("decode(%q) = %+v", b, e)
			}
		}
		again, err := m.encode()
		if err != nil {
			return // it grew beyond what is allowed
		}
		n, err := decode(again)
		if err != nil || n.Number != m.Number || (n.Event == nil) != (m.Event == nil) {
			t.Errorf("%q became %q: %+v, %v", b, again, n, err)
		}
		if m.Event != nil && (n.Event.Kind != m.Event.Kind || !bytes.Equal(n.Event.Digest, m.Event.Digest) || len(n.Event.Names) != len(m.Event.Names)) {
			t.Errorf("%q became %q", b, again)
		}
	})
}
