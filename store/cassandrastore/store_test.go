package cassandrastore

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"parlance"
	"parlance/store"
)

func openStore(t *testing.T, c Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), openEngine(t, c), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(n int) parlance.Message {
	return parlance.Message{
		ID: parlance.MessageID(fmt.Sprintf("m%04d", n)), Sender: "alice", Text: fmt.Sprint("text of ", n),
		Sent: parlance.Time(1_700_000_000_000 + 1000*n), Created: parlance.Time(1_700_000_000_000 + 1000*n),
	}
}

func create(t *testing.T, s *store.Store, ws parlance.WorkspaceID, id parlance.ConversationID) parlance.Ref {
	t.Helper()
	if _, err := s.Create(t.Context(), ws, parlance.Conversation{ID: id, Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	return parlance.Ref{Workspace: ws, Conversation: id}
}

// verify wants a workspace without contradictions and with so many messages.
func verify(t *testing.T, s *store.Store, ws parlance.WorkspaceID, messages int) {
	t.Helper()
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := s.Verify(t.Context(), ws, func(f store.Finding) { t.Errorf("%s: %s", f.Conversation, f.Text) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Messages != messages {
		t.Errorf("there are %d messages, want %d: %+v", report.Messages, messages, report)
	}
}

// A store is as good on this engine as on any other.
func testStore(t *testing.T, c Config) {
	const conversations, messages, page = 3, 300, 20
	var mu sync.Mutex
	trips := 0
	c.Observe = func(Statement) {
		mu.Lock()
		defer mu.Unlock()
		trips++
	}
	s := openStore(t, c)
	for n := range conversations {
		ref := create(t, s, "w", parlance.ConversationID(fmt.Sprint("room", n)))
		var ms []parlance.Message
		for i := range messages {
			ms = append(ms, message(i))
		}
		if _, err := s.Put(t.Context(), ref, store.Import, ms...); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(t.Context(), ref, store.Import, ms[:10]...); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Change(t.Context(), ref, "m0007", func(m *parlance.Message) error { m.Text = "changed"; return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Change(t.Context(), ref, "m0008", func(m *parlance.Message) error { m.State = parlance.Deleted; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openStore(t, c)
	defer s.Close()
	verify(t, s, "w", conversations*(messages-1))
	ref := parlance.Ref{Workspace: "w", Conversation: "room1"}
	var to *parlance.Position
	seen := 0
	for more := true; more; {
		before := trips
		p, count, err := s.PageCount(t.Context(), ref, store.Query{To: to, Limit: page})
		if err != nil {
			t.Fatal(err)
		}
		if to == nil && count != messages-1 {
			t.Errorf("the conversation counts %d messages, want %d", count, messages-1)
		}
		if trips-before > 8 {
			t.Errorf("a page took %d round trips", trips-before)
		}
		for _, e := range p.Entries {
			want := message(messages - 1 - seen)
			if seen++; seen == messages-8 {
				want = message(messages - 1 - seen) // one is deleted
				seen++
			}
			if e.Message.ID != want.ID || e.Message.Text != want.Text && want.ID != "m0007" {
				t.Fatalf("message %d is %q, want %q", seen, e.Message.ID, want.ID)
			}
			at := e.Message.Position(parlance.ByCreated)
			to = &at
		}
		more = p.More
	}
	if seen != messages {
		t.Errorf("the pages hold %d messages of %d", seen, messages)
	}
}

// Two stores that write to the same conversations at once leave them whole.
func testTwoStores(t *testing.T, c Config) {
	const messages = 20
	stores := []*store.Store{openStore(t, c), openStore(t, c)}
	shared := create(t, stores[0], "two", "shared")
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			for n := range messages {
				for try := 0; ; try++ {
					_, err := s.Put(t.Context(), shared, store.Send, message(n*len(stores)+i))
					if parlance.KindOf(err) == parlance.Unavailable && try < 20 {
						continue
					}
					if err != nil {
						t.Errorf("store %d, message %d: %v", i, n, err)
					}
					break
				}
			}
		})
	}
	wg.Wait()
	verify(t, stores[1], "two", len(stores)*messages)
	for _, s := range stores {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The largest message there may be is stored, changed and read again, and so are several at once.
func testLargest(t *testing.T, c Config) {
	s := openStore(t, c)
	defer s.Close()
	ref := create(t, s, "large", "room")
	var ms []parlance.Message
	for n := range 3 {
		m := message(n)
		m.Text = strings.Repeat("x", parlance.MaxMessage-200)
		ms = append(ms, m)
	}
	if _, err := s.Put(t.Context(), ref, store.Import, ms...); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(t.Context(), ref, "m0001", func(m *parlance.Message) error { m.State = parlance.Recalled; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, m := range ms {
		e, err := s.Message(t.Context(), ref, m.ID)
		if err != nil || e.Message.Text != m.Text {
			t.Errorf("%s: %d bytes, %v", m.ID, len(e.Message.Text), err)
		}
	}
	verify(t, s, "large", len(ms))
}
