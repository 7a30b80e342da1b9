package mirror

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parlance"
)

// In no second, wherever it begins, are more calls made than the budget allows: not in the first, nor after a rest, nor with several workers,
// nor while the rate goes down and up. And it isn't much slower than it may be.
func TestBudgetIsKeptInEverySecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.OneOf(rapid.Float64Range(0.05, 3), rapid.Float64Range(1, 60), rapid.SampledFrom([]float64{1, 2, 5, 10, 12, 2.5, 0.5})).Draw(t, "rate")
		now := parlance.Time(1_750_000_000_000)
		late := rapid.Int64Range(0, 40)
		b := newBudget(rate, func() parlance.Time { return now }, func(_ context.Context, d time.Duration) error {
			now += parlance.Time(d.Milliseconds()) + parlance.Time(late.Draw(t, "late")) // a worker may wake late
			return nil
		})
		var made []parlance.Time
		began, idle := now, parlance.Time(0)
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			switch rapid.IntRange(0, 12).Draw(t, "what") {
			case 0:
				d := parlance.Time(rapid.Int64Range(0, 5000).Draw(t, "rest"))
				now, idle = now+d, idle+d
			case 1:
				b.refused(time.Duration(rapid.Int64Range(0, 2000).Draw(t, "refused")) * time.Millisecond)
				idle = math.MaxInt64 / 2
			case 2:
				for range gain {
					b.answered()
				}
			default:
				if err := b.take(context.Background(), func(time.Duration) {}); err != nil {
					t.Fatal(err)
				}
				made = append(made, now)
			}
		}
		window := parlance.Time(max(1000, 1000/rate))
		for i := range made {
			n := 0
			for _, at := range made[i:] {
				if at < made[i]+window {
					n++
				}
			}
			if allowed := max(1, int(rate)); n > allowed {
				t.Fatalf("%d calls within %d ms of %d; %g a second are allowed", n, window, made[i], rate)
			}
		}
		// Whole calls of each window, with the slack, and how late each waiting was: 40 ms at most.
		if took := now - began - idle; idle < math.MaxInt64/4 && len(made) > 1 {
			calls := max(1, int(rate))
			most := (len(made)/calls + 1) * (int(math.Ceil(max(1000, 1000*float64(calls)/rate))) + 50 + 42)
			if int(took) > most {
				t.Fatalf("%d calls took %d ms; %g a second are allowed", len(made), took, rate)
			}
		}
	})
}

// Two runs of one account share what the more careful one may ask for, and what was learned of the platform stays.
func TestBudgetOfTwoRuns(t *testing.T) {
	var now parlance.Time = 1_750_000_000_000
	m := &Mirror{budgets: map[string]*budget{}, o: Options{Now: func() parlance.Time { return now }, Wait: func(context.Context, time.Duration) error { return nil }}}
	c := Config{Name: "a", Settings: Settings{URL: "https://up.example"}}
	d := Config{Name: "b", Settings: Settings{URL: "https://up.example/"}}
	b := m.budget(&c, 10)
	if m.budget(&d, 4) != b {
		t.Fatal("one account has two budgets")
	}
	end := b.begin(&run{}, 10)
	end2 := b.begin(&run{}, 4)
	if b.rate != 4 {
		t.Errorf("together %g calls a second, want 4", b.rate)
	}
	b.refused(0)
	end2()
	if b.rate != 5 {
		t.Errorf("after a refusal, alone again: %g calls a second, want 5", b.rate)
	}
	end()
	if b.begin(&run{}, 10); b.rate != 5 {
		t.Errorf("in the next run: %g calls a second, want 5", b.rate)
	}
	// A clock that is set back doesn't stop calls for long.
	for range 5 {
		b.next()
	}
	now -= 3_600_000
	if d := b.next(); d > 0 {
		t.Error(fmt.Sprint("after the clock was set back an hour, a call waits ", d))
	}
}
