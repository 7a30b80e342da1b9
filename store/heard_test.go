package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"parlance"
	"parlance/live"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/driver/drivertest"
)

// openNode opens a store whose clock stands still, and has it tell bus what it changes and hear from
// it what others change. heard gets an event once the store has taken it in.
func openNode(t *testing.T, e driver.Engine, bus *live.Bus) (s *store.Store, heard chan live.Event) {
	t.Helper()
	s, err := store.Open(t.Context(), e, store.Options{
		Now: func() parlance.Time { return start },
		Announce: func(ws parlance.WorkspaceID, names []string) {
			bus.Publish(live.Event{Kind: live.Records, Workspace: ws, Names: names})
		},
		Appended: func(ref parlance.Ref, number uint64) {
			bus.Publish(live.Event{Kind: live.Appended, Workspace: ref.Workspace, Conversation: ref.Conversation, Number: number})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	heard = make(chan live.Event, 1000)
	bus.Subscribe(func(e live.Event) {
		if !e.Remote {
			return
		}
		if e.Kind == live.Records {
			s.Heard(e.Workspace, e.Names)
		}
		heard <- e
	}, live.Records, live.Appended)
	return s, heard
}

func embedded(t *testing.T, routes ...string) *live.Bus {
	t.Helper()
	b, err := live.Embedded(t.Context(), "127.0.0.1:0", routes, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(context.Background()) })
	return b
}

// find waits until b hears a: what is published before is lost.
func find(t *testing.T, a, b *live.Bus) {
	t.Helper()
	found := make(chan struct{}, 1)
	cancel := b.Subscribe(func(live.Event) {
		select {
		case found <- struct{}{}:
		default:
		}
	}, live.Usage)
	defer cancel()
	deadline := time.After(20 * time.Second)
	for {
		a.Publish(live.Event{Kind: live.Usage, Usage: map[string]int{"probe": 1}})
		select {
		case <-found:
			return
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatal("the nodes don't find each other")
		}
	}
}

// next returns the next event of a kind.
func next(t *testing.T, heard <-chan live.Event, kind live.Kind) live.Event {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e := <-heard:
			if e.Kind == kind {
				return e
			}
		case <-deadline:
			t.Fatalf("no event of kind %q was heard", kind)
		}
	}
}

// TestHeard finds that what one node changes is seen on another as soon as it hears of it, although
// its clock stands still.
func TestHeard(t *testing.T) {
	busA := embedded(t)
	busB := embedded(t, busA.Status().Listen)
	e := drivertest.NewHarsh(memory(t), harsh(t, 1, 0))
	a, _ := openNode(t, e, busA)
	b, heard := openNode(t, e.Share(harsh(t, 2, 0)), busB)
	ctx := t.Context()
	find(t, busA, busB)
	ref := parlance.Ref{Workspace: "w", Conversation: "room"}
	if _, err := a.Create(ctx, "w", parlance.Conversation{ID: "room", Kind: parlance.Room, Title: "old"}); err != nil {
		t.Fatal(err)
	}
	next(t, heard, live.Records)
	name := func(s string) func(*parlance.Account) error {
		return func(a *parlance.Account) error { a.Name = s; return nil }
	}
	if _, err := a.UpdateAccount(ctx, "w", "alice", name("Alice")); err != nil {
		t.Fatal(err)
	}
	next(t, heard, live.Records)
	if got, err := b.Account(ctx, "w", "alice"); err != nil || got.Name != "Alice" {
		t.Fatalf("Account = %+v, %v", got, err)
	}
	if got, err := b.Conversation(ctx, ref); err != nil || got.Title != "old" {
		t.Fatalf("Conversation = %+v, %v", got, err)
	}
	if _, err := b.Members(ctx, ref); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Hidden(ctx, ref, "alice"); err != nil {
		t.Fatal(err)
	}
	epoch := b.Epoch("w")
	moved := func(what string) {
		t.Helper()
		if next(t, heard, live.Records); b.Epoch("w") == epoch {
			t.Errorf("%s: the epoch is the same", what)
		}
		epoch = b.Epoch("w")
	}

	if _, err := a.UpdateAccount(ctx, "w", "alice", name("Alice B.")); err != nil {
		t.Fatal(err)
	}
	moved("an account")
	if got, err := b.Account(ctx, "w", "alice"); err != nil || got.Name != "Alice B." {
		t.Errorf("a renamed account: %+v, %v", got, err)
	}
	_, err := a.UpdateConversation(ctx, ref, func(c *parlance.Conversation) error { c.Title = "new"; return nil })
	if err != nil {
		t.Fatal(err)
	}
	moved("a conversation")
	if got, err := b.Conversation(ctx, ref); err != nil || got.Title != "new" {
		t.Errorf("a renamed conversation: %+v, %v", got, err)
	}
	if err := a.AddMembers(ctx, ref, parlance.Member{Account: "alice"}); err != nil {
		t.Fatal(err)
	}
	moved("members")
	if got, err := b.Members(ctx, ref); err != nil || len(got) != 1 {
		t.Errorf("a new member: %+v, %v", got, err)
	}
	if err := a.Hide(ctx, ref, "alice", "m"); err != nil {
		t.Fatal(err)
	}
	moved("a hidden message")
	if got, err := b.Hidden(ctx, ref, "alice"); err != nil || len(got) != 1 {
		t.Errorf("a hidden message: %v, %v", got, err)
	}
	// How far somebody has read moves no answer, but can be read.
	_, err = a.UpdateMember(ctx, ref, "alice", func(m *parlance.Member) error { m.LastRead.Time = start; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if next(t, heard, live.Records); b.Epoch("w") != epoch {
		t.Error("reading moved the epoch")
	}
	if got, err := b.Member(ctx, ref, "alice"); err != nil || got.LastRead.Time != start {
		t.Errorf("a member who has read: %+v, %v", got, err)
	}
	put(t, a, ref, store.Send, parlance.Message{Sender: "alice"})
	if e := next(t, heard, live.Appended); e.Conversation != "room" || e.Number != 1 {
		t.Errorf("appended: %+v", e)
	}
	if err := a.RemoveMember(ctx, ref, "alice"); err != nil {
		t.Fatal(err)
	}
	moved("a member who left")
	if _, err := b.Member(ctx, ref, "alice"); !errors.Is(err, parlance.NotFound) {
		t.Errorf("a member who left: %v", err)
	}
}

// TestMissed finds that a store which may have missed changes reads everything anew, and that
// hearing of a change announces nothing.
func TestMissed(t *testing.T) {
	e := drivertest.NewHarsh(memory(t), harsh(t, 1, 0))
	var announced []string
	open := func(e driver.Engine) *store.Store {
		s, err := store.Open(t.Context(), e, store.Options{
			Now:      func() parlance.Time { return start },
			Announce: func(ws parlance.WorkspaceID, names []string) { announced = append(announced, string(ws)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	a, b := open(e), open(e.Share(harsh(t, 2, 0)))
	for _, name := range []string{"Alice", "Alice B."} {
		_, err := a.UpdateAccount(t.Context(), "w", "alice", func(a *parlance.Account) error { a.Name = name; return nil })
		if err != nil {
			t.Fatal(err)
		}
		epoch := b.Epoch("w")
		b.Missed()
		b.Heard("elsewhere", []string{"of no store"})
		if b.Epoch("w") == epoch {
			t.Error("the epoch is the same")
		}
		if got, err := b.Account(t.Context(), "w", "alice"); err != nil || got.Name != name {
			t.Errorf("Account = %+v, %v; want %q", got, err, name)
		}
	}
	if !slices.Equal(announced, []string{"w", "w"}) {
		t.Errorf("announced in %q", announced)
	}
}
