package store_test

import (
	"errors"
	"strings"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver/drivertest"
)

// writes is one call of each kind that writes.
func writes(t *testing.T, s *store.Store) map[string]error {
	t.Helper()
	ref := parlance.Ref{Workspace: "w", Conversation: "c"}
	did := map[string]error{}
	_, did["put"] = s.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "a"})
	_, did["change"] = s.Change(t.Context(), ref, "m", func(m *parlance.Message) error { m.Text += "x"; return nil })
	_, did["create"] = s.Create(t.Context(), "w", parlance.Conversation{ID: "c", Kind: parlance.Room})
	_, did["update conversation"] = s.UpdateConversation(t.Context(), ref, func(c *parlance.Conversation) error { c.Title += "x"; return nil })
	did["add members"] = s.AddMembers(t.Context(), ref, parlance.Member{Account: "a"})
	_, did["update member"] = s.UpdateMember(t.Context(), ref, "a", func(m *parlance.Member) error { m.Name += "x"; return nil })
	did["remove member"] = s.RemoveMember(t.Context(), ref, "a")
	_, did["update account"] = s.UpdateAccount(t.Context(), "w", "a", func(a *parlance.Account) error { a.Name += "x"; return nil })
	_, did["number"] = s.Number(t.Context(), "w", "a")
	did["hide"] = s.Hide(t.Context(), ref, "a", "m")
	old, _ := s.Record(t.Context(), "one", "key")
	did["record"] = s.SwapRecord(t.Context(), "one", "key", old, append(old, 'x'))
	return did
}

// TestFreeze finds that a frozen store takes no writes of any kind, says so when it is opened
// again, can be read, and that another process on a shared engine notices within a second.
func TestFreeze(t *testing.T) {
	clock := &clock{now: start}
	engine := kept{memory(t)}
	s := openOn(t, engine, clock)
	other := openOn(t, bounded{engine, drivertest.NewHarsh(engine, drivertest.HarshOptions{}).Bounds()}, clock)
	ref := parlance.Ref{Workspace: "w", Conversation: "c"}
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	put(t, s, ref, store.Send, parlance.Message{ID: "m", Sender: "a"})

	if err := s.Freeze(t.Context(), ""); !errors.Is(err, parlance.Invalid) {
		t.Errorf("Freeze without a reason: %v", err)
	}
	for _, why := range []string{"it moves", "it moves to secret-host"} {
		if err := s.Freeze(t.Context(), why); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.SwapRecord(t.Context(), "other", "key", nil, []byte("x")); err != nil {
		t.Errorf("a write within a second, on a shared engine: %v", err)
	}
	clock.now += 1000
	again := openOn(t, engine, clock)
	for name, s := range map[string]*store.Store{"itself": s, "opened again": again, "another process": other} {
		for what, err := range writes(t, s) {
			var e *parlance.Error
			if !errors.As(err, &e) || e.Kind != parlance.Unavailable || strings.Contains(e.Text, "secret-host") || !strings.Contains(err.Error(), "secret-host") {
				t.Errorf("%s: %s in a frozen store: %v", name, what, err)
			}
		}
		if _, err := s.Message(t.Context(), ref, "m"); err != nil {
			t.Errorf("%s: read from a frozen store: %v", name, err)
		}
		if why, err := s.Frozen(t.Context()); why != "it moves to secret-host" || err != nil {
			t.Errorf("%s: Frozen = %q, %v", name, why, err)
		}
	}
	if _, err := other.CopyTo(t.Context(), s, everything); !errors.Is(err, parlance.Unavailable) {
		t.Errorf("copy to a frozen store: %v", err)
	}
	for range 2 {
		if err := s.Thaw(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for what, err := range writes(t, s) {
		if err != nil {
			t.Errorf("%s after the thaw: %v", what, err)
		}
	}
	clock.now += 1000
	if err := other.SwapRecord(t.Context(), "other", "key", []byte("x"), nil); err != nil {
		t.Errorf("a write a second after the thaw, on a shared engine: %v", err)
	}
}

// TestFreezeWaits finds that Freeze returns only once no write is under way.
func TestFreezeWaits(t *testing.T) {
	s, _ := open(t)
	ref := parlance.Ref{Workspace: "w", Conversation: "c"}
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	put(t, s, ref, store.Send, parlance.Message{ID: "m", Sender: "a"})
	inside, goOn := make(chan bool), make(chan bool)
	changed, frozen := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := s.Change(t.Context(), ref, "m", func(m *parlance.Message) error {
			inside <- true
			<-goOn
			m.Text = "changed"
			return nil
		})
		changed <- err
	}()
	<-inside
	go func() { frozen <- s.Freeze(t.Context(), "it moves") }()
	for why := ""; why == ""; { // until it waits
		var err error
		if why, err = s.Frozen(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-frozen:
		t.Errorf("Freeze returned while a write was under way: %v", err)
	default:
	}
	close(goOn)
	if err := <-changed; err != nil {
		t.Errorf("the write under way: %v", err)
	}
	if err := <-frozen; err != nil {
		t.Errorf("Freeze: %v", err)
	}
	if e, err := s.Message(t.Context(), ref, "m"); err != nil || e.Message.Text != "changed" {
		t.Errorf("Message = %+v, %v", e, err)
	}
}

// TestFreezeSlowWrite finds that on a shared engine a write that began before another process froze the
// store, and took more than a second, isn't acknowledged.
func TestFreezeSlowWrite(t *testing.T) {
	clock := &clock{now: start}
	e := drivertest.NewHarsh(memory(t), harsh(t, 1, 0))
	s, other := openOn(t, e, clock), openOn(t, e.Share(harsh(t, 2, 0)), clock)
	defer s.Close()
	defer other.Close()
	ref := parlance.Ref{Workspace: "w", Conversation: "c"}
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	put(t, s, ref, store.Send, parlance.Message{ID: "m", Sender: "a"})
	_, err := s.Change(t.Context(), ref, "m", func(m *parlance.Message) error {
		if err := other.Freeze(t.Context(), "it moves"); err != nil {
			t.Error(err)
		}
		clock.now += 1000
		m.Text = "changed"
		return nil
	})
	if !errors.Is(err, parlance.Unavailable) {
		t.Errorf("the slow write: %v", err)
	}
}
