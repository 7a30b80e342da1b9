package store_test

import (
	"testing"

	"parlance"
	"parlance/store"
)

// put stores messages and fails the test if that doesn't work.
func put(t testing.TB, s *store.Store, ref parlance.Ref, mode store.Mode, ms ...parlance.Message) []store.Outcome {
	t.Helper()
	out, err := s.Put(t.Context(), ref, mode, ms...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// openRoom opens a store with one room.
func openRoom(t testing.TB) (*store.Store, *clock, parlance.Ref) {
	t.Helper()
	s, clock := open(t)
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "room", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	return s, clock, parlance.Ref{Workspace: "w", Conversation: "room"}
}

// TestWrongClock finds that a source whose clock is wrong doesn't pull our times along,
// neither by its messages nor by what is done to them here.
func TestWrongClock(t *testing.T) {
	s, clock, ref := openRoom(t)
	far := clock.now + 10*365*day
	put(t, s, ref, store.Mirror, parlance.Message{ID: "far", Sender: "a", Created: far})
	out, err := s.Change(t.Context(), ref, "far", func(m *parlance.Message) error {
		m.Reactions = []parlance.Reaction{{Emoji: "+", Account: "a"}}
		return nil
	})
	if err != nil || out.Entry.Message.Updated <= far {
		t.Fatalf("Change = %+v, %v; want an Updated above the one before", out, err)
	}
	for i := range 3 {
		m := put(t, s, ref, store.Send, parlance.Message{Sender: "a"})[0].Entry.Message
		if want := clock.now + parlance.Time(i); m.Created != want {
			t.Errorf("message %d: Created is %s, want %s", i, m.Created, want)
		}
	}
}

// TestSlowClock finds that times rise even when the machine's clock goes back, and
// above those of a source whose clock is somewhat ahead.
func TestSlowClock(t *testing.T) {
	s, clock, ref := openRoom(t)
	last := clock.now + day
	put(t, s, ref, store.Mirror, parlance.Message{ID: "ahead", Sender: "a", Created: last})
	for range 5 {
		m := put(t, s, ref, store.Send, parlance.Message{Sender: "a"})[0].Entry.Message
		if m.Created <= last {
			t.Errorf("Created is %s after %s", m.Created, last)
		}
		last = m.Created
		out, err := s.Change(t.Context(), ref, m.ID, func(m *parlance.Message) error { m.Text += "!"; return nil })
		if err != nil || out.Entry.Message.Updated <= last {
			t.Errorf("Updated is %s after %s, %v", out.Entry.Message.Updated, last, err)
		}
		last = out.Entry.Message.Updated
		clock.now -= 2 * day
	}
}

// TestMoved finds that a message which its source gave another time counts at that one.
func TestMoved(t *testing.T) {
	s, clock, ref := openRoom(t)
	put(t, s, ref, store.Mirror, parlance.Message{ID: "a", Sender: "a", Created: clock.now})
	put(t, s, ref, store.Mirror, parlance.Message{ID: "a", Sender: "a", Created: clock.now + 5000})
	m := put(t, s, ref, store.Send, parlance.Message{Sender: "a"})[0].Entry.Message
	if m.Created <= clock.now+5000 {
		t.Errorf("Created is %s, not above that of every message", m.Created)
	}
	out := put(t, s, ref, store.Import, parlance.Message{ID: "b", Sender: "a", Sent: clock.now + 5000})
	if got := out[0].Entry.Message.Created; got != clock.now+5002 {
		t.Errorf("imported at %s, want the first free time above", got)
	}
}
