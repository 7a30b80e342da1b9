package search_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/search"
	"parlance/search/query"
	"parlance/store"
)

// TestLargeMessagesAreIndexedEarly stores few messages that are large: they aren't held in memory until there are thousands, but
// put into a block, and found before and after.
func TestLargeMessagesAreIndexedEarly(t *testing.T) {
	w := newWorld(t, 31)
	for i := range 40 {
		m := parlance.Message{
			ID: parlance.MessageID(fmt.Sprint("large", i)), Sender: "a", Text: "needle in " + fmt.Sprint(i),
			Native: parlance.Native{JSON: []byte(`"` + strings.Repeat("x", 900_000) + `"`)},
		}
		if _, err := w.store.Put(t.Context(), w.refs[0], store.Send, m); err != nil {
			t.Fatal(err)
		}
	}
	w.check(10)
	w.clock.now++
	if n, err := w.index.Build(t.Context(), "w", 4096, nil); n == 0 || err != nil {
		t.Errorf("%d entries were put into blocks, %v", n, err)
	}
	w.check(10)
	w.verify()
	// An answer ends where its messages reach its bound, and goes on from there.
	q, err := query.Parse("needle", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.index.Search(t.Context(), "w", search.Request{Query: q, Limit: 1000})
	if err != nil || !r.More || len(r.Hits) > 12 || len(r.Hits) < 8 {
		t.Errorf("%d messages of 900 kB come in one answer, more: %v, %v", len(r.Hits), r.More, err)
	}
}

// TestLongTail searches more than is held in memory and more than an answer reads: the walk finds all of it, once.
func TestLongTail(t *testing.T) {
	w := newWorld(t, 32)
	const messages = 5000
	for i := range messages / 500 {
		var ms []parlance.Message
		for j := range 500 {
			ms = append(ms, parlance.Message{ID: parlance.MessageID(fmt.Sprintf("m%d.%d", i, j)), Sender: "a", Text: "needle", Created: w.clock.now - parlance.Time(j*37%500)})
		}
		if _, err := w.store.Put(t.Context(), w.refs[i%len(w.refs)], store.Mirror, ms...); err != nil {
			t.Fatal(err)
		}
	}
	q, err := query.Parse("needle", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[search.Position]bool{}
	for r := (search.Request{Query: q, Limit: 70, Most: 300}); ; {
		found, err := w.index.Search(t.Context(), "w", r)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range found.Hits {
			if seen[h.Position()] {
				t.Fatalf("%v comes twice", h.Position())
			}
			seen[h.Position()] = true
		}
		if !found.More {
			break
		}
		r.After = found.Next
	}
	if len(seen) != messages {
		t.Errorf("%d of %d are found", len(seen), messages)
	}
}
