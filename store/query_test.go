package store_test

import (
	"errors"
	"math"
	"testing"

	"parlance"
	"parlance/store"
)

// TestBadQueries finds that queries which can't be are refused.
func TestBadQueries(t *testing.T) {
	s, _, ref := openRoom(t)
	put(t, s, ref, store.Send, parlance.Message{Sender: "a"})
	for _, q := range []store.Query{{}, {Limit: -1}, {Limit: store.MaxLimit + 1}, {Limit: 1, Timeline: 3}, {Limit: 1, Timeline: 255}} {
		if _, err := s.Page(t.Context(), ref, q); !errors.Is(err, parlance.Invalid) {
			t.Errorf("Page(%+v): %v", q, err)
		}
		if _, _, err := s.PageCount(t.Context(), ref, q); !errors.Is(err, parlance.Invalid) {
			t.Errorf("PageCount(%+v): %v", q, err)
		}
		if _, err := s.Across(t.Context(), "w", q); !errors.Is(err, parlance.Invalid) {
			t.Errorf("Across(%+v): %v", q, err)
		}
		if _, err := s.Merged(t.Context(), "w", nil, q); !errors.Is(err, parlance.Invalid) {
			t.Errorf("Merged(%+v): %v", q, err)
		}
	}
	if _, err := s.Across(t.Context(), "w", store.Query{Limit: 1, Timeline: parlance.BySent}); !errors.Is(err, parlance.Invalid) {
		t.Errorf("Across by sent: %v", err)
	}
	for _, tl := range []parlance.Timeline{3, 255} {
		if _, err := s.Count(t.Context(), ref, tl, nil, nil, true); !errors.Is(err, parlance.Invalid) {
			t.Errorf("Count(%d): %v", tl, err)
		}
	}
}

// TestFarBounds finds that bounds may lie beyond all times that there are.
func TestFarBounds(t *testing.T) {
	s, _ := open(t)
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "shop", Kind: parlance.Shop}); err != nil {
		t.Fatal(err)
	}
	ref := parlance.Ref{Workspace: "w", Conversation: "shop"}
	times := []parlance.Time{parlance.MinTime, -1, 1, parlance.MaxTime}
	for i, at := range times {
		put(t, s, ref, store.Import, parlance.Message{ID: parlance.MessageID(rune('a' + i)), Sender: "a", Sent: at})
	}
	for _, ascending := range []bool{false, true} {
		q := store.Query{Limit: 10, Ascending: ascending, From: parlance.At(math.MinInt64), To: parlance.At(math.MaxInt64)}
		p, n, err := s.PageCount(t.Context(), ref, q)
		if err != nil || len(p.Entries) != len(times) || n != len(times) {
			t.Errorf("PageCount = %d entries, %d, %v", len(p.Entries), n, err)
		}
		a, err := s.Across(t.Context(), "w", q)
		if err != nil || len(a.Entries) != len(times) {
			t.Errorf("Across = %d entries, %v", len(a.Entries), err)
		}
	}
}

// TestLastTime finds that no time is given that the dialects can't write, and that a
// change can't make one.
func TestLastTime(t *testing.T) {
	s, _, ref := openRoom(t)
	put(t, s, ref, store.Mirror, parlance.Message{ID: "last", Sender: "a", Created: parlance.MaxTime})
	out, err := s.Change(t.Context(), ref, "last", func(m *parlance.Message) error { m.Text = "x"; return nil })
	if err != nil || out.Entry.Message.Updated != parlance.MaxTime {
		t.Errorf("Change = %+v, %v", out.Entry.Message.Updated, err)
	}
	for name, change := range map[string]func(*parlance.Message){
		"time":   func(m *parlance.Message) { m.Updated = parlance.MaxTime + 1 },
		"sender": func(m *parlance.Message) { m.Sender = "" },
	} {
		_, err := s.Change(t.Context(), ref, "last", func(m *parlance.Message) error { change(m); return nil })
		if !errors.Is(err, parlance.Invalid) {
			t.Errorf("Change of the %s = %v", name, err)
		}
	}
	if _, err := s.Put(t.Context(), ref, store.Import, parlance.Message{ID: "later", Sender: "a", Sent: parlance.MaxTime}); !errors.Is(err, parlance.Invalid) {
		t.Errorf("Put after the last time = %v", err)
	}
}
