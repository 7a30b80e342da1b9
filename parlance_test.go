package parlance_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parlance"
)

func TestTimeIsWrittenAsPackageTimeWritesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(int64(parlance.MinTime)-1e12, int64(parlance.MaxTime)+1e12).Draw(t, "ms")
		got := parlance.Time(ms).String()
		if want := time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Fatalf("%d is written %s, want %s", ms, got, want)
		}
	})
}

func TestSecondsRoundDown(t *testing.T) {
	for ms, want := range map[parlance.Time]int64{0: 0, 999: 0, 1000: 1, -1: -1, -1000: -1, -1001: -2, 1734443056999: 1734443056} {
		if got := ms.Seconds(); got != want {
			t.Errorf("%d ms are %d s, want %d", ms, got, want)
		}
	}
}

func TestNothingLiesBetweenAPositionAndTheNext(t *testing.T) {
	id := rapid.StringMatching(`[a-c]{0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) parlance.Position {
			return parlance.Position{Time: parlance.Time(rapid.IntRange(0, 3).Draw(t, label)), ID: parlance.MessageID(id.Draw(t, label))}
		}
		p, q := draw("p"), draw("q")
		if p.Compare(*p.Next()) >= 0 {
			t.Fatalf("%v is not below its next", p)
		}
		if p.Compare(q) < 0 && p.Next().Compare(q) > 0 {
			t.Fatalf("%v lies between %v and its next", q, p)
		}
		if p.Compare(q) != -q.Compare(p) {
			t.Fatalf("%v and %v compare differently from both sides", p, q)
		}
	})
}

func TestErrorKinds(t *testing.T) {
	cause := errors.New("disk on fire")
	err := fmt.Errorf("read: %w", parlance.Wrap(parlance.Corrupt, cause, "row %d is damaged", 7))
	if !errors.Is(err, parlance.Corrupt) || errors.Is(err, parlance.NotFound) || !errors.Is(err, cause) {
		t.Errorf("the kind or cause of %v is lost", err)
	}
	if parlance.KindOf(err) != parlance.Corrupt || parlance.KindOf(cause) != parlance.Internal {
		t.Error("KindOf is wrong")
	}
	var e *parlance.Error
	if !errors.As(err, &e) || strings.Contains(e.Text, "fire") || !strings.Contains(err.Error(), "fire") {
		t.Errorf("the cause belongs into the error and not into its text: %v", err)
	}
}

func TestObjectIDs(t *testing.T) {
	ids := parlance.NewObjectIDs()
	var all []string
	for range 1000 {
		id := ids.At(1_602_817_267_923)
		if len(id) != 24 || !strings.HasPrefix(id, "5f890cf3") {
			t.Fatalf("id %q does not begin with its second", id)
		}
		all = append(all, id)
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != 1000 {
		t.Error("an id repeats")
	}
}

func TestIDsThatCannotBe(t *testing.T) {
	for _, id := range []string{"", "a\x00b", "\xff", strings.Repeat("x", parlance.MaxID+1)} {
		if err := parlance.CheckID("message id", id); !errors.Is(err, parlance.Invalid) {
			t.Errorf("CheckID(%.10q) = %v", id, err)
		}
	}
	for _, ws := range []string{"", "A", "a b", "ä", strings.Repeat("x", 65)} {
		if err := parlance.CheckWorkspace(parlance.WorkspaceID(ws)); !errors.Is(err, parlance.Invalid) {
			t.Errorf("CheckWorkspace(%.10q) = %v", ws, err)
		}
	}
}
