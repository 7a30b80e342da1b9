package timeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// rows are an engine's, by partition and key.
type rows map[driver.Partition]map[string][]byte

func (r rows) write(ops []driver.Op) {
	for _, op := range ops {
		p := r[op.Partition]
		if p == nil {
			p = map[string][]byte{}
			r[op.Partition] = p
		}
		if op.Delete {
			delete(p, string(op.Key))
		} else {
			p[string(op.Key)] = op.Value
		}
	}
}

// closed reads the rows of the closed ranges, ascending.
func (r rows) closed(t *rapid.T, ref parlance.Ref) (ranges []format.Range) {
	p := r[format.HeadPartition(ref)]
	for _, k := range slices.Sorted(maps.Keys(p)) {
		x, err := format.DecodeRange(p[k])
		if err != nil {
			t.Fatal(err)
		}
		ranges = append(ranges, x)
	}
	return ranges
}

// TestTimelineIsASortedList changes a timeline by random groups, with its closed ranges read or unread before each, and compares it
// with a sorted list: each pointer is where the ranges say, and ranges count what they hold.
func TestTimelineIsASortedList(t *testing.T) {
	ref := parlance.Ref{Workspace: "w", Conversation: "c"}
	rapid.Check(t, func(t *rapid.T) {
		const size = 4
		var l format.Timeline
		want, stored := map[string]format.Pointer{}, rows{}
		var number uint64
		for range rapid.IntRange(1, 12).Draw(t, "groups") {
			if l.Count > 0 && rapid.Bool().Draw(t, "unread") {
				l.Closed = nil
			}
			before := l
			u := Change(l, ref, 0, size)
			for range rapid.IntRange(1, 12).Draw(t, "steps") {
				key := fmt.Sprintf("%02d", rapid.IntRange(0, 60).Draw(t, "key"))
				old, had := want[key]
				if u.Needs(key) {
					u.Read(stored.closed(t, ref))
				}
				if had && rapid.Bool().Draw(t, "remove") {
					u.Remove(key, old.Private)
					delete(want, key)
					continue
				}
				number++
				private := rapid.Bool().Draw(t, "private")
				u.Put(key, number, private, had, had && old.Private)
				want[key] = format.Pointer{Number: number, Private: private}
			}
			if !slices.Equal(before.Closed, l.Closed) {
				t.Fatal("the timeline that the update is made from changed")
			}
			stored.write(u.Ops)
			if l = *u.Timeline; l.Unread() {
				l.Closed = stored.closed(t, ref)
			}
			check(t, ref, &l, stored, want)
		}
	})
}

func check(t *rapid.T, ref parlance.Ref, l *format.Timeline, stored rows, want map[string]format.Pointer) {
	t.Helper()
	if got := stored.closed(t, ref); !slices.Equal(got, l.Closed) {
		t.Fatalf("rows of closed ranges %+v, want %+v", got, l.Closed)
	}
	found := 0
	for i, r := range append(slices.Clone(l.Closed), l.Top) {
		p := stored[format.TimelinePartition(ref, 0, r.ID)]
		private := 0
		for key, row := range p {
			got, err := format.DecodePointer(row)
			if err != nil || got != want[key] {
				t.Fatalf("%s points to %+v (%v), want %+v", key, got, err, want[key])
			}
			if l.Holding(key).ID != r.ID {
				t.Fatalf("%s stands in range %d, the timeline looks in %d", key, r.ID, l.Holding(key).ID)
			}
			if got.Private {
				private++
			}
		}
		if r.Live != len(p) || r.Private != private {
			t.Fatalf("range %d of %d counts %d pointers, %d private; it has %d and %d", i, l.Count, r.Live, r.Private, len(p), private)
		}
		found += len(p)
	}
	if found != len(want) {
		t.Fatalf("%d pointers, want %d", found, len(want))
	}
	for key := range want {
		if strings.Compare(key, l.Low) < 0 || strings.Compare(key, l.High) > 0 {
			t.Fatalf("%s lies outside of %s to %s", key, l.Low, l.High)
		}
	}
}
