package store_test

import (
	"errors"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/pebblestore"
)

// What a platform gives again is stored only if it says something new, and never undoes what was done here.
func TestMirror(t *testing.T) {
	engine, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), engine, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ref := parlance.Ref{Workspace: "w", Conversation: "c"}
	if _, err := s.Create(t.Context(), ref.Workspace, parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	sameText := func(old, new *parlance.Message) bool { return old.Text == new.Text }
	m := parlance.Message{ID: "1", Sender: "a", Sent: 1, Created: 1, Text: "hello", SenderName: "Ann"}
	put := func(m parlance.Message) store.Result {
		t.Helper()
		out, err := s.Mirror(t.Context(), ref, sameText, m)
		if err != nil {
			t.Fatal(err)
		}
		return out[0].Result
	}
	check := func(what string, got, want store.Result) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	check("the first time", put(m), store.New)
	m.SenderName = "Anna"
	check("another name only", put(m), store.Same)
	m.Text = "hello!"
	check("another text", put(m), store.Changed)
	m.Missing = 5
	check("missing", put(m), store.Changed)
	m.Missing = 0
	check("there again", put(m), store.Changed)
	if _, err := s.Change(t.Context(), ref, "1", func(m *parlance.Message) error {
		m.Text = "changed here"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	check("the same after a change here", put(m), store.Same)
	m.Text = "edited there"
	check("edited there after it was edited here", put(m), store.Same)
	if e, err := s.Message(t.Context(), ref, "1"); err != nil || e.Message.Text != "changed here" {
		t.Errorf("what was edited here is %q, %v", e.Message.Text, err)
	}

	other := m
	other.ID, other.Text = "2", "hello"
	check("another message", put(other), store.New)
	if _, err := s.Change(t.Context(), ref, "2", func(m *parlance.Message) error {
		m.Reactions = append(m.Reactions, parlance.Reaction{Emoji: "x", Account: "b"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	other.Text = "edited there"
	check("edited there after a reaction here", put(other), store.Changed)

	if _, err := s.Change(t.Context(), ref, "1", func(m *parlance.Message) error {
		m.State = parlance.Deleted
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	m.Text = "edited there"
	check("edited there after it was deleted here", put(m), store.Same)
	if _, err := s.Message(t.Context(), ref, "1"); !errors.Is(err, parlance.NotFound) {
		t.Errorf("a deleted message came back: %v", err)
	}
}
