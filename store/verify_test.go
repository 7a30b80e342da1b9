package store_test

import (
	"runtime"
	"testing"

	"parlance/store"
)

// Verifying costs the same a message, however many ranges a timeline has.
func TestVerifyIsLinear(t *testing.T) {
	perMessage := func(messages int) float64 {
		s, _, ref := grown(t, messages)
		return float64(allocated(func() {
			if r, err := s.Verify(t.Context(), ref.Workspace, func(f store.Finding) { t.Error(f.Text) }, nil); err != nil || r.Messages != messages {
				t.Fatalf("verify: %+v, %v", r, err)
			}
		})) / float64(messages)
	}
	few, many := perMessage(2_000), perMessage(40_000)
	t.Logf("bytes allocated for a message: %.0f of 2,000, %.0f of 40,000", few, many)
	if many > 1.5*few {
		t.Errorf("a message costs %.0f bytes in a conversation of 2,000 and %.0f in one of 40,000", few, many)
	}
}

// allocated returns how many bytes were allocated in all while it did something.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Progress is told inside of a conversation too, never falls, and ends at what the report says.
func TestVerifyTellsItsProgress(t *testing.T) {
	const messages = 10_000
	s, _, ref := grown(t, messages)
	var told []store.VerifyReport
	r, err := s.Verify(t.Context(), ref.Workspace, func(f store.Finding) { t.Error(f.Text) }, func(at store.VerifyReport) { told = append(told, at) })
	if err != nil {
		t.Fatal(err)
	}
	if len(told) < messages/1000 {
		t.Errorf("progress was told %d times in %d messages", len(told), messages)
	}
	last := store.VerifyReport{}
	for _, at := range told {
		if at.Entries < last.Entries || at.Messages < last.Messages {
			t.Errorf("progress falls from %+v to %+v", last, at)
		}
		last = at
	}
	if last != r {
		t.Errorf("progress ends at %+v, the report says %+v", last, r)
	}
}
