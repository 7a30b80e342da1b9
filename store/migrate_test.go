package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// fixtureWorkspaces are those of all fixtures.
func fixtureWorkspaces(context.Context, *store.Store) iter.Seq2[parlance.WorkspaceID, error] {
	return func(yield func(parlance.WorkspaceID, error) bool) {
		_ = yield("v", nil) && yield("w", nil)
	}
}

var migrating = store.Options{Now: (&clock{now: start + 60*day}).Now, Workspaces: fixtureWorkspaces}

// checkFixture holds a store against the lists that its fixture had.
func checkFixture(t *testing.T, s *store.Store, lists []fixtureList) {
	t.Helper()
	for _, l := range lists {
		if got := fmt.Sprintf("%q", recentIDs(t, s, l.ws, l.of)); got != l.ids {
			t.Errorf("Recent(%s, %+v) = %s, want %s", l.ws, l.of, got, l.ids)
		}
	}
	for ws := range fixtureLists {
		c := newChecker(t, s)
		c.ws = ws
		c.whole()
	}
}

// TestOlderFormats opens stores as earlier versions wrote them: the lists are what they were, also after more was written.
func TestOlderFormats(t *testing.T) {
	for version := 1; version < store.FormatVersion; version++ {
		for name, bounds := range fixtures {
			t.Run(fmt.Sprint(version, " ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { // programs of that format are given time to end
					e := &keeping{Engine: bounded{memory(t), bounds}, rows: map[driver.Partition]map[string]string{}}
					defer e.Engine.Close()
					lists := loadFixture(t, fmt.Sprintf("format%d-%s.txt", version, name), e)
					if len(lists) != 9 {
						t.Fatalf("the fixture has %d lists", len(lists))
					}
					if _, err := store.Open(t.Context(), kept{e}, store.Options{}); !errors.Is(err, parlance.Invalid) {
						t.Errorf("Open by who doesn't know the workspaces = %v", err)
					}
					s, err := store.Open(t.Context(), kept{e}, migrating)
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					checkFixture(t, s, lists)
					put(t, s, parlance.Ref{Workspace: "w", Conversation: "direct"}, store.Send, parlance.Message{Sender: "bob"})
					want := []parlance.ConversationID{"direct", "busy", "empty", "imported"}
					if got := recentIDs(t, s, "w", store.List{Account: "alice"}); !slices.Equal(got, want) {
						t.Errorf("after a message the list is %q, want %q", got, want)
					}
					// Opened once more, and by who doesn't know the workspaces, it is as it is.
					again, err := store.Open(t.Context(), kept{e}, store.Options{})
					if err != nil {
						t.Fatal(err)
					}
					defer again.Close()
					newChecker(t, again).whole()
					if !bounds.Exclusive {
						return
					}
					for p, rows := range e.rows {
						if slices.Contains([]byte("akmK"), p.Key[0]) && len(rows) > 0 && p.Key[:6] != "aw\x00bob" {
							t.Errorf("rows of format 1 are left in %q: %q", p.Key, slices.Sorted(maps.Keys(rows)))
						}
					}
				})
			})
		}
	}
}

// A halting engine does so many writes and claims, and no more.
type halting struct {
	driver.Engine
	left atomic.Int64
}

var errHalted = errors.New("the machine stops here")

func (h *halting) step() error {
	if h.left.Add(-1) < 0 {
		return errHalted
	}
	return nil
}

func (h *halting) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	if err := h.step(); err != nil {
		return err
	}
	return h.Engine.Claim(ctx, p, claims, ops, v)
}

func (h *halting) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	if err := h.step(); err != nil {
		return err
	}
	return h.Engine.Write(ctx, ops, v)
}

// TestMigrationStops stops the migration after each of its writes: it goes on the next time, and
// ends with the same lists.
func TestMigrationStops(t *testing.T) {
	for name, bounds := range fixtures {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for after, done := 0, false; !done; after++ {
					e := &halting{Engine: bounded{memory(t), bounds}}
					e.left.Store(1 << 20)
					lists := loadFixture(t, "format1-"+name+".txt", e)
					e.left.Store(int64(after))
					s, err := store.Open(t.Context(), kept{e}, migrating)
					if done = err == nil; !done && !errors.Is(err, errHalted) {
						t.Fatal(err)
					}
					if done {
						s.Close()
					}
					e.left.Store(1 << 20)
					s, err = store.Open(t.Context(), kept{e}, migrating)
					if err != nil {
						t.Fatalf("open again after %d writes: %v", after, err)
					}
					checkFixture(t, s, lists)
					s.Close()
					e.Engine.Close()
				}
			})
		})
	}
}

// TestFrozenStaysFrozen finds that a store that was frozen by an older program is frozen after the
// migration, for the same reason, until it is thawed; and that programs of format 1 find it frozen for ever where
// they may share the engine.
func TestFrozenStaysFrozen(t *testing.T) {
	for name, bounds := range fixtures {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := bounded{memory(t), bounds}
				defer e.Close()
				loadFixture(t, "format1-"+name+".txt", e)
				old := []byte("frozen")
				if err := e.Claim(t.Context(), format, []driver.Claim{{Key: old, Value: []byte("it moves")}}, nil, 1); err != nil {
					t.Fatal(err)
				}
				s, err := store.Open(t.Context(), kept{e}, migrating)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if why, err := s.Frozen(t.Context()); why != "it moves" || err != nil {
					t.Errorf("Frozen = %q, %v", why, err)
				}
				ref := parlance.Ref{Workspace: "w", Conversation: "direct"}
				if _, err := s.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "bob"}); !errors.Is(err, parlance.Unavailable) {
					t.Errorf("Put = %v", err)
				}
				if err := s.Thaw(t.Context()); err != nil {
					t.Fatal(err)
				}
				put(t, s, ref, store.Send, parlance.Message{Sender: "bob"})
				v, err := e.Get(t.Context(), format, [][]byte{old})
				if err != nil || (v[0] == nil) != bounds.Exclusive {
					t.Errorf("a program of format 1 finds %q, %v", v[0], err)
				}
			})
		})
	}
}
