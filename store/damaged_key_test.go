package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
	rows "parlance/store/internal/format"
	"parlance/store/pebblestore"
)

// TestKeysOfAnyLengthAreRead puts rows under keys of every length among those whose keys say where to read on. Reading says that
// the store is damaged.
func TestKeysOfAnyLengthAreRead(t *testing.T) {
	recent := func(l store.List) func(context.Context, *store.Store) error {
		return func(ctx context.Context, s *store.Store) error {
			for _, err := range s.Recent(ctx, "w", l) {
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	for _, c := range []struct {
		what string
		at   driver.Partition
		must []byte // what the key begins with, so that it is come by
		good []int  // lengths that it may have
		read func(context.Context, *store.Store) error
	}{
		{"the years of an account's list", rows.JoinedYears("w", "a"), nil, []int{4}, recent(store.List{Account: "a"})},
		{"the hours of a kind's list", rows.KindBuckets("w", parlance.Room), []byte{byte(rows.Hour)}, []int{5}, recent(store.List{Kind: parlance.Room})},
		{"the periods across conversations", rows.AcrossPeriods("w"), nil, []int{4}, func(ctx context.Context, s *store.Store) error {
			_, err := s.Across(ctx, "w", store.Query{Limit: 10})
			return err
		}},
		{"the timeline of a conversation", rows.TimelinePartition(parlance.Ref{Workspace: "w", Conversation: "c"}, 0, 0), []byte{0x80, 0, 0, 1}, []int{8, 9, 10, 11, 12, 13, 14, 15}, func(ctx context.Context, s *store.Store) error {
			// It is older than what is there, so a free time is looked for.
			_, err := s.Put(ctx, parlance.Ref{Workspace: "w", Conversation: "c"}, store.Import, parlance.Message{ID: "older", Sender: "a", Sent: 1})
			return err
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			for n := range 12 {
				e, err := pebblestore.OpenMemory()
				if err != nil {
					t.Fatal(err)
				}
				s, err := store.Open(t.Context(), e, store.Options{})
				if err != nil {
					t.Fatal(err)
				}
				ref := parlance.Ref{Workspace: "w", Conversation: "c"}
				if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
					t.Fatal(err)
				}
				if err := s.AddMembers(t.Context(), ref, parlance.Member{Account: "a"}); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					put(t, s, ref, store.Send, parlance.Message{Sender: "a", Text: "hi"})
				}
				key := append(append([]byte(nil), c.must...), make([]byte, n)...)
				if err := e.Write(t.Context(), []driver.Op{{Partition: c.at, Key: key, Value: []byte{1}}}, 0); err != nil {
					t.Fatal(err)
				}
				err = c.read(t.Context(), s)
				if good := slices.Contains(c.good, len(key)); good == errors.Is(err, parlance.Corrupt) || good && err != nil {
					t.Errorf("with a key of %d bytes: %v", len(key), err)
				}
				s.Close()
			}
		})
	}
}
