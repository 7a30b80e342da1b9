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
