package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parlance"
	"parlance/fake"
	"parlance/mirror"
)

// unprovable are the faults by which a platform hides messages without leaving any sign of it, together with another one.
func unprovable(f fake.Faults) bool {
	return f.Has(fake.Seconds) && f.Has(fake.Millis) ||
		// A platform that gives other messages than asked for, and miscounts what it has, can't be caught.
		f.Has(fake.TotalWrong) && f.Has(fake.IgnoreAnchor, fake.AnchorByTime, fake.TieFlood)
}

// TestMirror has random upstreams with random faults mirrored by runs that are killed at random, and holds the archive against the
// upstream: it holds all that the upstream does, or the ledger names the gap; it never claims to be complete and isn't; a further run
// finds nothing, writes nothing and asks little.
func TestMirror(t *testing.T) {
	for _, platform := range fake.Platforms() {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { checkMirror(t, platform) })
		})
	}
}

func checkMirror(t *rapid.T, platform parlance.Dialect) {
	all := fake.FaultsOf(platform)
	var faults fake.Faults
	for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 5, rapid.ID).Draw(t, "faults") {
		if f != fake.Attachment404 && f != fake.AttachmentDead { // no files are kept here, see TestFiles
			faults = append(faults, f)
		}
	}
	if unprovable(faults) {
		t.Skip("no client can tell")
	}
	o := fake.Options{
		Platform: platform, Seed: rapid.Uint64Range(0, 1<<20).Draw(t, "seed"), Faults: faults,
		Messages: rapid.IntRange(0, 90).Draw(t, "messages"), Conversations: rapid.IntRange(1, 4).Draw(t, "conversations"),
		Page: rapid.IntRange(8, 30).Draw(t, "page"), Every: rapid.IntRange(2, 12).Draw(t, "every"),
	}
	w := newWorld(t, o)
	defer w.close()
	parallel := rapid.IntRange(1, 3).Draw(t, "parallel")

	for i, at := range rapid.SliceOfN(rapid.IntRange(1, 40), 0, 3).Draw(t, "kills") {
		before := w.stamps()
		report, err := w.run(mirror.RunOptions{Parallel: parallel}, at)
		w.tolerable(err)
		w.honest(fmt.Sprintf("killed run %d", i), &report, before)
	}
	before := w.stamps()
	report, err := w.run(mirror.RunOptions{Parallel: parallel}, 0)
	w.tolerable(err)
	w.honest("the first run", &report, before)

	w.up.Calm()
	// Two full runs, told or because it is time: the first finds what changed out of sight, the second what vanished.
	full := mirror.RunOptions{Full: rapid.Bool().Draw(t, "told"), Parallel: parallel, AcceptMissing: true}
	if !full.Full {
		w.fullEvery(24 * time.Hour)
		if _, err := w.run(full, 0); err != nil {
			t.Fatalf("the run that reads what is left: %v", err)
		}
	}
	for i := range 2 {
		w.pass(24 * time.Hour)
		if report, err = w.run(full, 0); err != nil {
			t.Fatalf("full run %d: %v", i, err)
		}
	}
	w.say("after the full runs", w.compare(&report, nil))
	w.checkVanished()

	logs := w.logs()
	again, err := w.run(mirror.RunOptions{Parallel: parallel}, 0)
	if err != nil {
		t.Fatalf("the last run: %v", err)
	}
	if faults.Has(fake.IgnoreAnchor, fake.AnchorByTime, fake.TieFlood) {
		return // where a platform doesn't go where it is told to, another place to begin at can bring something else, or another doubt
	}
	if again.New+again.Changed+again.Missing > 0 || w.logs() != logs {
		t.Errorf("a run with nothing to find wrote: %+v", again)
	}
	if report.State == mirror.Complete && again.State != mirror.Complete {
		t.Errorf("a run with nothing to find turned %s into %s: %v", report.State, again.State, again.Gaps)
	}
}

// tolerable fails if a run ended in a way that it may not, whatever the upstream does.
func (w *world) tolerable(err error) {
	w.Helper()
	switch {
	case err == nil, errors.Is(err, errKilled), errors.Is(err, context.Canceled):
	case errors.Is(err, parlance.Unavailable), errors.Is(err, parlance.Limited), errors.Is(err, parlance.Broken):
		// gave up: the upstream failed too often in a row
	default:
		w.Fatalf("the run ended with %v (%v)", err, parlance.KindOf(err))
	}
}

// honest checks that what isn't here of what was there, unmoved, while the run lasted is told by a gap.
func (w *world) honest(when string, r *mirror.Report, before map[string]parlance.Time) {
	w.Helper()
	if r.State == mirror.Complete && len(r.Gaps) > 0 {
		w.Errorf("%s: complete, with gaps %v", when, r.Gaps)
	}
	if w.up.Faults().Has(fake.LateDeep) {
		return // what comes in below what was read is found by full runs only
	}
	w.say(when, w.compare(r, before))
}

// say tells the first few of what is wrong.
func (w *world) say(when string, wrong []string) {
	w.Helper()
	for _, text := range wrong[:min(len(wrong), 3)] {
		w.Errorf("%s: %s", when, text)
	}
}

// checkVanished checks that what was here and vanished there is kept and marked missing, and nothing else is.
func (w *world) checkVanished() {
	w.Helper()
	here := w.archive()
	vanished := map[string]bool{}
	for _, c := range w.up.Truth().Conversations {
		for i := range c.Vanished {
			vanished[w.identity(&c, &c.Vanished[i])] = true
		}
	}
	for id, k := range here {
		if k.Message.Missing != 0 && !vanished[id] {
			w.Errorf("%s is marked missing and didn't vanish", id)
		}
	}
}

// logs returns how far each conversation's log goes, as text.
func (w *world) logs() (s string) {
	w.Helper()
	for c, err := range w.store.Conversations(context.Background(), workspace) {
		if err != nil {
			w.Fatal(err)
		}
		state, err := w.store.State(context.Background(), parlance.Ref{Workspace: workspace, Conversation: c.ID})
		if err != nil {
			w.Fatal(err)
		}
		s += fmt.Sprintf("%s %d\n", c.ID, state.Number)
	}
	return s
}
