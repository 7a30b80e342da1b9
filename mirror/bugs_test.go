package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/fake"
	"parlance/mirror"
)

// The bugs that tools of this kind suffer, B1 to B28 of our list, as far as they are the mirror's and not one dialect's; those are in
// the dialects' own tests: B1 to B4, B6, B17 and B22 in their walks.

// rarely is an Every at which an upstream changes only when a test steps it.
const rarely = 1 << 40

// ran is run for a run that must end well.
func (w *world) ran(o mirror.RunOptions) mirror.Report {
	w.Helper()
	report, err := w.run(o, 0)
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// killed is run for a run that is killed at a call.
func (w *world) killed(at int) {
	w.Helper()
	if _, err := w.run(mirror.RunOptions{Parallel: 1}, at); !errors.Is(err, errKilled) {
		w.Fatalf("the run that is killed at call %d ended with %v", at, err)
	}
}

// whole fails unless the report is of a complete archive and the archive is what the upstream is.
func (w *world) whole(when string, r mirror.Report) {
	w.Helper()
	if r.State != mirror.Complete {
		w.Errorf("%s: %s, gaps %v", when, r.State, r.Gaps)
	}
	w.say(when, w.compare(&r, nil))
}

func (w *world) ledgers() (all []mirror.Ledger) {
	w.Helper()
	for l, err := range w.mirror.Ledgers(context.Background(), source) {
		if err != nil {
			w.Fatal(err)
		}
		if l.Part == "" {
			all = append(all, l)
		}
	}
	return all
}

// everywhere runs a test on a world of each platform that has the faults.
func everywhere(t *testing.T, o fake.Options, test func(t *testing.T, w *world)) {
	for _, platform := range fake.Platforms() {
		if !slices.ContainsFunc(o.Faults, func(f fake.Fault) bool { return !slices.Contains(fake.FaultsOf(platform), f) }) {
			t.Run(string(platform), func(t *testing.T) {
				t.Parallel()
				o := o
				o.Platform = platform
				w := newWorld(t, o)
				defer w.close()
				test(t, w)
			})
		}
	}
}

// B7: who reads the newest page with a lower bound skips the middle. A head that was not read down to what is known is a hole.
func TestB7NewestPageSkipsTheMiddle(t *testing.T) {
	o := fake.Options{Seed: 7, Messages: 60, Conversations: 1, Page: 10, Every: rarely, Faults: fake.Faults{fake.Arrivals}}
	everywhere(t, o, func(t *testing.T, w *world) {
		w.whole("first", w.ran(mirror.RunOptions{}))
		first := w.calls
		for range 70 { // many pages, and far more than the window that is read again
			w.up.Step()
			w.up.Truth()
		}
		w.killed(first/2 + 1)
		status, err := w.mirror.Status(context.Background(), source)
		if err != nil {
			t.Fatal(err)
		}
		if status.State == mirror.Complete && len(w.archive()) < w.up.Truth().Messages {
			t.Error("complete, with a hole between the head and what is known")
		}
		w.whole("after the kill", w.ran(mirror.RunOptions{}))
	})
}

// B8: one cursor for two jobs. A reading that was stopped goes on below where it was, whatever came in above.
func TestB8HeadAndBackfillApart(t *testing.T) {
	o := fake.Options{Seed: 8, Messages: 300, Conversations: 1, Page: 10, Every: rarely, Faults: fake.Faults{fake.Arrivals}}
	everywhere(t, o, func(t *testing.T, w *world) {
		w.killed(20)
		before := w.ledgers()
		if len(before) != 1 || len(before[0].Spans) != 1 || before[0].Beginning != "" {
			t.Fatalf("after the kill: %+v", before)
		}
		backfill := before[0].Spans[0].Low.Time
		for range 3 {
			w.up.Step()
		}
		w.killed(6)
		if l := w.ledgers()[0]; l.Spans[len(l.Spans)-1].Low.Time > backfill {
			t.Errorf("new messages moved the backfill from %d up to %d", backfill, l.Spans[len(l.Spans)-1].Low.Time)
		}
		report := w.ran(mirror.RunOptions{})
		w.whole("at the end", report)
		if report.Read > 300-100 { // some 15 pages were stored
			t.Errorf("the last run was given %d messages again and new", report.Read)
		}
	})
}

// B9, B11: edits, and on IMKit reactions, on messages of any age, which no cursor by time of creation sees. What was said before is kept.
func TestB9B11EditsOfOldMessages(t *testing.T) {
	o := fake.Options{Seed: 9, Messages: 120, Page: 10, Every: rarely, Faults: fake.Faults{fake.Edits}}
	everywhere(t, o, func(t *testing.T, w *world) {
		w.ran(mirror.RunOptions{})
		before := w.archive()
		for range 12 {
			w.up.Step()
		}
		// By update time where the platform has it, and by reading everything again where it doesn't.
		full := w.up.Platform() != parlance.IMKit
		report := w.ran(mirror.RunOptions{Full: full})
		w.whole("after the edits", report)
		if report.Changed == 0 || report.New > 0 {
			t.Errorf("edits are %d new versions and %d new messages", report.Changed, report.New)
		}
		versions, reacted := 0, 0
		for id, k := range w.archive() {
			ref := parlance.Ref{Workspace: workspace, Conversation: k.conversation}
			all, err := w.store.Versions(context.Background(), ref, k.Message.ID)
			if err != nil {
				t.Fatal(err)
			}
			if len(k.Message.Reactions) > len(before[id].Message.Reactions) {
				reacted++
			}
			if versions += len(all) - 1; len(all) > 1 && !sameJSON(all[len(all)-1].Message.Native.JSON, before[id].Message.Native.JSON) {
				t.Errorf("%s: the first version isn't what was read first", id)
			}
		}
		if versions != report.Changed {
			t.Errorf("%d versions were kept of %d changes", versions, report.Changed)
		}
		if reacted == 0 && w.up.Platform() == parlance.IMKit {
			t.Error("no reaction came")
		}
	})
}

// B10: a row moves while its update time is scanned.
func TestB10RowsMoveDuringTheScan(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, fake.Options{
			Platform: parlance.IMKit, Seed: seed, Messages: 80, Page: 8, Every: 2, Faults: fake.Faults{fake.Edits, fake.Arrivals},
		})
		before := w.stamps()
		report := w.ran(mirror.RunOptions{})
		w.say("while rows moved", w.compare(&report, before))
		w.up.Calm()
		w.whole(fmt.Sprintf("seed %d, at rest", seed), w.ran(mirror.RunOptions{}))
		w.close()
	}
}

// B13: what comes late stands below the newest that was read.
func TestB13LateArrivals(t *testing.T) {
	o := fake.Options{Seed: 13, Messages: 60, Page: 10, Every: rarely, Faults: fake.Faults{fake.Late}}
	everywhere(t, o, func(t *testing.T, w *world) {
		w.whole("first", w.ran(mirror.RunOptions{}))
		for range 5 {
			w.up.Step()
		}
		report := w.ran(mirror.RunOptions{})
		w.whole("after the late ones", report)
		if report.New != 5 {
			t.Errorf("%d new messages, want 5", report.New)
		}
	})
}

// B14: one message dated in the future must not hide what comes until then.
func TestB14FutureTime(t *testing.T) {
	o := fake.Options{Seed: 14, Messages: 60, Conversations: 1, Page: 10, Every: rarely, Faults: fake.Faults{fake.ClockAhead, fake.Arrivals}}
	everywhere(t, o, func(t *testing.T, w *world) {
		w.ran(mirror.RunOptions{})
		for range 40 {
			w.up.Step()
		}
		report := w.ran(mirror.RunOptions{})
		w.whole("after the arrivals", report)
		if report.New != 40 {
			t.Errorf("%d new messages below one of the future, want 40", report.New)
		}
		if !slices.ContainsFunc(w.ledgers(), func(l mirror.Ledger) bool {
			return slices.ContainsFunc(l.Findings, func(f mirror.Finding) bool { return strings.Contains(f.Text, "future") })
		}) {
			t.Errorf("no finding tells of it: %+v", w.ledgers())
		}
	})
}

// B16: the checkpoint outruns the rows. Wherever a run is killed, all that the ledger calls read is here.
func TestB16CheckpointNeverOutrunsRows(t *testing.T) {
	o := fake.Options{Seed: 16, Messages: 90, Page: 10, Every: rarely}
	everywhere(t, o, func(t *testing.T, w *world) {
		for at := 1; ; at++ {
			_, err := w.run(mirror.RunOptions{Parallel: 1}, at)
			here := w.archive()
			truth := w.up.Truth()
			for _, l := range w.ledgers() {
				for i := range truth.Conversations {
					c := &truth.Conversations[i]
					if l.Conversation != "" && string(l.Conversation) != c.ID {
						continue
					}
					for j := range c.Messages {
						m := &c.Messages[j]
						time := m.Created
						if l.Order == parlance.ByUpdated {
							time = m.Updated
						}
						_, stored := here[w.identity(c, m)]
						for _, s := range l.Spans {
							if s.Low.Time < time && time <= s.High && !stored {
								t.Fatalf("killed at call %d: %s is within a span of %s and isn't here", at, m.ID, l.Stream)
							}
						}
					}
				}
			}
			if err == nil {
				return
			}
			if at > 100 {
				t.Fatal("no run comes to its end")
			}
		}
	})
}

// B16: one bad item is set aside, not fatal, and keeps its conversation from being complete.
func TestB16BadItemSetAside(t *testing.T) {
	o := fake.Options{Seed: 5, Messages: 60, Page: 10, Every: rarely, Faults: fake.Faults{fake.BadItem}}
	everywhere(t, o, func(t *testing.T, w *world) {
		report := w.ran(mirror.RunOptions{})
		bad := 0
		for _, c := range w.up.Truth().Conversations {
			for i := range c.Messages {
				if c.Messages[i].Bad {
					bad++
				}
			}
		}
		if bad == 0 {
			t.Fatal("the upstream has no bad item")
		}
		if report.State != mirror.Partial {
			t.Errorf("the state is %s with %d bad items", report.State, bad)
		}
		if n := len(w.archive()); n < w.up.Truth().Messages-bad {
			t.Errorf("%d of %d good messages are here", n, w.up.Truth().Messages-bad)
		}
		asides := 0
		for _, g := range report.Gaps {
			_, rest, ok := strings.Cut(g.Reason, "set aside as ")
			if !ok {
				continue
			}
			key, _, _ := strings.Cut(rest, ":")
			aside, err := w.mirror.Aside(context.Background(), source, key)
			if err != nil || len(aside.Raw) == 0 {
				t.Errorf("what was set aside as %s: %+v, %v", key, aside, err)
			}
			asides++
			if err := w.mirror.Acknowledge(context.Background(), source, g.ID); err != nil {
				t.Error(err)
			}
		}
		if asides == 0 {
			t.Errorf("nothing was set aside: %v", report.Gaps)
		}
		if report = w.ran(mirror.RunOptions{}); report.State != mirror.Complete {
			t.Errorf("all gaps were acknowledged: %s, %v", report.State, report.Gaps)
		}
	})
}

// B23: a success whose body is an error; B28: a body that is cut off. Neither brings a message, and neither ends a history.
func TestB23B28FalseAnswers(t *testing.T) {
	for _, f := range []fake.Fault{fake.ErrorIn200, fake.HTML, fake.Cut} {
		t.Run(string(f), func(t *testing.T) {
			o := fake.Options{Seed: 23, Messages: 90, Page: 10, Every: 3, Faults: fake.Faults{f}}
			everywhere(t, o, func(t *testing.T, w *world) {
				w.whole("at once", w.ran(mirror.RunOptions{}))
			})
		})
	}
}

// B24: a token dies in mid-run. The new one goes on where the old one stopped.
func TestB24DeadToken(t *testing.T) {
	o := fake.Options{Seed: 24, Messages: 200, Conversations: 1, Page: 10, Every: rarely, Faults: fake.Faults{fake.DeadToken}}
	everywhere(t, o, func(t *testing.T, w *world) {
		before := w.up.Credentials()
		report := w.ran(mirror.RunOptions{})
		w.whole("with two tokens", report)
		if w.up.Platform() != parlance.IMetaStore && w.up.Credentials() == before {
			t.Error("no token died")
		}
		if report.Read > 200+3*10 {
			t.Errorf("%d messages were read of 200: what was read before was read again", report.Read)
		}
	})
}
