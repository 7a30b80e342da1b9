package store_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
	rows "parlance/store/internal/format"
	"parlance/store/pebblestore"
)

// FuzzListRows puts any row among those of an account's list and of a kind's, in any year and bucket. Reading the lists ends, at
// a bounded cost, with a conversation shown once at most, or an error that says that the store is damaged.
func FuzzListRows(f *testing.F) {
	f.Add(uint32(2023), true, []byte("c"), []byte{0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(uint32(0), false, []byte("c"), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add(uint32(1<<32-1), true, []byte("d\x00\xff"), []byte{1})
	f.Add(uint32(17_747_000), false, []byte("\xff"), []byte("12345678"))
	f.Fuzz(func(t *testing.T, number uint32, hour bool, key, value []byte) {
		if len(key) == 0 {
			return // no engine has such a row
		}
		e, err := pebblestore.OpenMemory()
		if err != nil {
			t.Fatal(err)
		}
		clock := &clock{now: 1_700_000_000_000}
		s, err := store.Open(t.Context(), e, store.Options{Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ref := parlance.Ref{Workspace: "w", Conversation: "c"}
		if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
			t.Fatal(err)
		}
		if err := s.AddMembers(t.Context(), ref, parlance.Member{Account: "a"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "a", Text: "hi"}); err != nil {
			t.Fatal(err)
		}
		bucket := rows.TimeBucket{Unit: rows.Month, Number: number}
		if hour {
			bucket.Unit = rows.Hour
		}
		ops := []driver.Op{
			{Partition: rows.JoinedYears("w", "a"), Key: rows.Number4(number), Value: value},
			{Partition: rows.JoinedPartition("w", "a", number), Key: key, Value: value},
			{Partition: rows.KindBuckets("w", parlance.Room), Key: bucket.Key(), Value: value},
			{Partition: rows.KindPartition("w", parlance.Room, bucket), Key: key, Value: value},
		}
		if err := e.Write(t.Context(), ops, 0); err != nil {
			t.Skip(err) // larger than a row may be
		}
		for _, l := range []store.List{{Account: "a"}, {Kind: parlance.Room}} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			shown := map[parlance.ConversationID]int{}
			for sum, err := range s.Recent(t.Context(), "w", l) {
				if err != nil {
					if !errors.Is(err, parlance.Corrupt) && !errors.Is(err, parlance.NotFound) && !errors.Is(err, parlance.Invalid) {
						t.Errorf("%+v: %v", l, err)
					}
					break
				}
				if shown[sum.Conversation.ID]++; shown[sum.Conversation.ID] > 1 {
					t.Fatalf("%+v: %s is shown again", l, sum.Conversation.ID)
				}
			}
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if bytes := after.TotalAlloc - before.TotalAlloc; bytes > uint64(16<<20+100*(len(key)+len(value))) || took > 2*time.Second {
				t.Errorf("%+v: a row of %d bytes took %d bytes of memory and %s", l, len(key)+len(value), bytes, took)
			}
		}
	})
}
