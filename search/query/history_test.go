package query

import (
	"testing"
	"time"
)

// TestHistoryStandsBesideGroups takes in:history beside alternatives in parentheses, and refuses it among them.
func TestHistoryStandsBesideGroups(t *testing.T) {
	for _, text := range []string{"(a OR b) in:history", "in:history (a OR b)", "x (a OR b) in:history", "in:history -(a OR b)"} {
		if q, err := Parse(text, time.UTC); err != nil || !q.History() {
			t.Errorf("Parse(%q) = %v, %v", text, q, err)
		}
	}
	for _, text := range []string{"a OR b in:history", "in:history OR a", "(a OR in:history) b", "a OR b OR in:history"} {
		if q, err := Parse(text, time.UTC); err == nil {
			t.Errorf("Parse(%q) = %v", text, q)
		}
	}
}
