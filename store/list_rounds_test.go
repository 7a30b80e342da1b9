package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// TestListRoundTrips counts how often who reads the first conversations of a list waits for an engine that
// is far away.
func TestListRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := memory(t)
		defer memory.Close()
		e := &distant{Engine: kept{memory}}
		clock := &clock{now: start}
		s := openOn(t, e, clock)
		ref := func(i int) parlance.Ref {
			return parlance.Ref{Workspace: "w", Conversation: parlance.ConversationID(fmt.Sprint("room", i))}
		}
		const rooms, shown = 40, 20
		for i := range rooms { // all in one hour
			clock.now += 66_000
			if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: ref(i).Conversation, Kind: parlance.Room}); err != nil {
				t.Fatal(err)
			}
			if err := s.AddMembers(t.Context(), ref(i), parlance.Member{Account: "a"}); err != nil {
				t.Fatal(err)
			}
			put(t, s, ref(i), store.Send, parlance.Message{Sender: "a"})
		}
		expect := func(what string, want int, s *store.Store, l store.List) {
			t.Helper()
			began, n := time.Now(), 0
			for _, err := range s.Recent(t.Context(), "w", l) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == shown {
					break
				}
			}
			if got := int(time.Since(began) / trip); n != shown || got != want {
				t.Errorf("%s: %d rooms in %d round trips, want %d", what, n, got, want)
			}
		}
		account, kind := store.List{Account: "a"}, store.List{Kind: parlance.Room}

		// The years or hours, the rows, and three for the newest messages of all rooms.
		first := openOn(t, e, clock)
		expect("an account's list, of which the process knows nothing", 5, first, account)
		expect("an account's list again", 2, first, account)
		time.Sleep(2 * time.Second)
		expect("an account's list after its years were forgotten", 3, first, account)
		put(t, s, ref(30), store.Send, parlance.Message{Sender: "a"})
		expect("an account's list after a message", 4, first, account)

		second := openOn(t, e, clock)
		expect("the list of all rooms, of which the process knows nothing", 5, second, kind)
		expect("the list of all rooms again", 3, second, kind)
		for _, s := range []*store.Store{s, first, second} {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestListsLeaveNothingDead finds that conversations that move in lists delete nothing, and overwrite
// their rows, so that a list costs the same after many moves.
func TestListsLeaveNothingDead(t *testing.T) {
	const rooms, moves = 50, 2000
	for _, step := range []time.Duration{time.Second, time.Minute, time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			c := &counting{Engine: memory(t), bounds: fixtures["shared"]}
			e := &undeleting{Engine: c, t: t}
			clock := &clock{now: start}
			s := openOn(t, e, clock)
			defer s.Close()
			for i := range rooms {
				ref := parlance.Ref{Workspace: "w", Conversation: parlance.ConversationID(fmt.Sprint("room", i))}
				if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
					t.Fatal(err)
				}
				if err := s.AddMembers(t.Context(), ref, parlance.Member{Account: "a"}); err != nil {
					t.Fatal(err)
				}
				clock.now += 120_000
				put(t, s, ref, store.Send, parlance.Message{Sender: "a"})
			}
			rows := func(l store.List) int64 {
				n := 0
				cost := c.cost(func() {
					for _, err := range s.Recent(t.Context(), "w", l) {
						if err != nil {
							t.Fatal(err)
						}
						if n++; n == 20 {
							break
						}
					}
				})
				return cost.rows
			}
			account, kind := store.List{Account: "a"}, store.List{Kind: parlance.Room}
			rows(account) // what is met for the first time costs more
			before, beforeKind := rows(account), rows(kind)
			ref := parlance.Ref{Workspace: "w", Conversation: "room0"}
			for range moves {
				clock.now += parlance.Time(step.Milliseconds())
				put(t, s, ref, store.Send, parlance.Message{Sender: "a"})
			}
			rows(account)
			if after := rows(account); after > before+1 {
				t.Errorf("the account's list reads %d rows, before it were %d", after, before)
			}
			// The hours that are looked into and the months since have two rows each: that there is one, and of the
			// room that moved. The month of the others is read whole.
			if after := rows(kind); after > beforeKind+2*16+2*4+rooms {
				t.Errorf("the list of all rooms reads %d rows, before it were %d", after, beforeKind)
			}
			newChecker(t, s).whole()
		})
	}
}

// An undeleting engine fails its test when a row of a list is deleted.
type undeleting struct {
	driver.Engine
	t *testing.T
}

func (u *undeleting) check(ops []driver.Op) {
	for _, op := range ops {
		if op.Delete && strings.ContainsAny(op.Partition.Key[:1], "bBqQ") {
			u.t.Errorf("row %q of %q is deleted", op.Key, op.Partition.Key)
		}
	}
}

func (u *undeleting) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	u.check(ops)
	return u.Engine.Claim(ctx, p, claims, ops, v)
}

func (u *undeleting) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	u.check(ops)
	return u.Engine.Write(ctx, ops, v)
}
