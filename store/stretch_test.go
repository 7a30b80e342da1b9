package store_test

import (
	"fmt"
	"testing"

	"parlance/store"
)

// A page's memory is its space and a few copies for each scan: a message by itself allocates nothing.
// (The engine here has partitions of 64 rows, so that 200 messages take several scans.)
func TestAPageAllocatesNothingPerMessage(t *testing.T) {
	s, _, ref := grown(t, 1000)
	space := store.NewSpace()
	defer space.Free()
	allocations := func(limit int) float64 {
		return testing.AllocsPerRun(50, func() {
			p, err := s.Page(t.Context(), ref, store.Query{Limit: limit, Space: space})
			if err != nil || len(p.Entries) != limit {
				t.Fatal(len(p.Entries), err)
			}
		})
	}
	allocations(200) // makes the space large enough
	if few, many := allocations(20), allocations(200); many-few >= 180 {
		t.Errorf("a page of 20 makes %v allocations, one of 200 %v", few, many)
	}
}

// A stretch of the log that is read by scans is what asking for each message gives, in either
// direction, with a bound of bytes and across partitions.
func TestStretchesHoldTheSameMessages(t *testing.T) {
	s, _, ref := grown(t, 200)
	for _, ascending := range []bool{false, true} {
		for _, limit := range []int{1, 2, 31, 32, 33, 130, 200} {
			for _, bytes := range []int{0, 1, 500, 1 << 20} {
				name := fmt.Sprintf("limit %d, bytes %d, ascending %t", limit, bytes, ascending)
				p, err := s.Page(t.Context(), ref, store.Query{Limit: limit, Bytes: bytes, Ascending: ascending})
				if err != nil || len(p.Entries) == 0 {
					t.Fatal(name, len(p.Entries), err)
				}
				size := 0
				for i := range p.Entries {
					e := &p.Entries[i]
					if bytes > 0 && size >= bytes {
						t.Fatalf("%s: message %d lies beyond the bound", name, i)
					}
					size += e.Size()
					alone, err := s.Message(t.Context(), ref, e.Message.ID)
					if err != nil || alone.Number != e.Number || string(alone.Content) != string(e.Content) {
						t.Fatalf("%s: message %d is entry %d, alone it is %d, %v", name, i, e.Number, alone.Number, err)
					}
				}
				if whole := len(p.Entries) == limit; !whole && (bytes == 0 || size < bytes || !p.More) {
					t.Errorf("%s: %d messages, %d bytes, more %t", name, len(p.Entries), size, p.More)
				}
			}
		}
	}
}
