package mirror_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"parlance"
	"parlance/fake"
	"parlance/history"
	"parlance/mirror"
)

// quietWorld is a world of many conversations in which nothing happens but when told to.
func quietWorld(t *testing.T, platform parlance.Dialect, conversations int, changes ...fake.Fault) *world {
	t.Helper()
	var w *world
	now := func() parlance.Time {
		if w == nil {
			return fake.Epoch
		}
		return w.now()
	}
	w = newWorld(t, fake.Options{Platform: platform, Conversations: conversations, Messages: 3 * conversations, Faults: changes, Now: now, Seed: 1})
	w.up.Calm()
	if _, err := w.mirror.Change(t.Context(), source, func(s *mirror.Settings) { s.Rate = 1e6 }); err != nil {
		t.Fatal(err)
	}
	w.pass(3 * time.Hour) // what was written last was written a while ago
	return w
}

// ranOf makes a run of w and returns what it did, and how many calls went to messages.
func (w *world) ranOf(o mirror.RunOptions, call string) (mirror.Report, int) {
	w.Helper()
	before := w.up.Calls()[call]
	r, err := w.run(o, 0)
	if err != nil {
		w.Fatal(err)
	}
	if r.State != mirror.Complete {
		w.Fatalf("the run ended %s: %+v", r.State, r.Gaps)
	}
	return r, w.up.Calls()[call] - before
}

func (w *world) status() mirror.Status {
	w.Helper()
	s, err := w.mirror.Status(context.Background(), source)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

const between = 15 * time.Minute // two runs

// A run of an upstream in which nothing happened asks for its list, and looks at a share of its conversations.
func TestQuietRunLooksAtItsShare(t *testing.T) {
	for _, c := range []struct {
		platform parlance.Dialect
		call     string // of messages
		perPage  int    // conversations on a page of the list, those that the pages share left out
		rotation time.Duration
	}{
		{parlance.IMKit, "GET /rooms/{id}/messages/v3", 90, 2000 * 2 * time.Second},
		{parlance.Shopline, "GET /v1/conversations/{id}/messages", 50, 24 * time.Hour},
	} {
		t.Run(string(c.platform), func(t *testing.T) {
			const n = 2000
			w := quietWorld(t, c.platform, n)
			defer w.close()
			w.ranOf(mirror.RunOptions{}, c.call)
			w.pass(between)
			r, looks := w.ranOf(mirror.RunOptions{}, c.call)
			share := int(n * between / c.rotation)
			if most := 2*share + share/2 + 10; looks > most || looks < share/2 {
				t.Errorf("%d calls for messages, want one or two for about %d conversations", looks, share)
			}
			if most := 2*n/c.perPage + 10 + looks; r.Calls > most || r.New+r.Changed > 0 {
				t.Errorf("it made %d calls, want %d at most; %d new, %d changed", r.Calls, most, r.New, r.Changed)
			}
			if s := w.status(); s.Rotation != c.rotation {
				t.Errorf("status says that each is looked at within %v, want %v", s.Rotation, c.rotation)
			}
		})
	}
}

// What the list tells is read in the next run; what it doesn't tell, such as an edit of an old message, within the rotation and the
// time between two runs. By then each conversation was looked at, and status says so.
func TestRotationFindsWhatTheListDoesNotTell(t *testing.T) {
	const n = 600
	w := quietWorld(t, parlance.IMKit, n, fake.Arrivals, fake.Edits)
	defer w.close()
	w.ranOf(mirror.RunOptions{}, "")
	began := w.now()
	w.pass(between)
	before := w.stamps()
	for range 30 {
		w.up.Step()
	}
	changed := map[string]parlance.Time{} // what was edited
	arrived := 0
	for id, at := range w.stamps() {
		switch old, was := before[id]; {
		case !was:
			arrived++
		case old != at:
			changed[id] = at
		}
	}
	behind := func() (n int) {
		here := w.archive()
		for id, at := range changed {
			if here[id].Message.Updated != at {
				n++
			}
		}
		return n
	}
	if r, _ := w.ranOf(mirror.RunOptions{}, ""); r.New != arrived || arrived == 0 {
		t.Errorf("the run after it brought %d of %d new messages", r.New, arrived)
	}
	if behind() == 0 {
		t.Fatal("all edits were told by the list: this test shows nothing")
	}
	rotation := w.status().Rotation
	for w.now()-began <= parlance.Time((rotation + between).Milliseconds()) {
		w.pass(between)
		w.ranOf(mirror.RunOptions{}, "")
	}
	if n := behind(); n > 0 {
		t.Errorf("after %v, %d of %d edits weren't found", rotation+between, n, len(changed))
	}
	if s := w.status(); s.Now-s.Looked > parlance.Time((rotation+between+time.Hour).Milliseconds()) || s.Looked == 0 {
		t.Errorf("at %s the one that wasn't looked at for longest was looked at %s; the rotation is %v", s.Now, s.Looked, rotation)
	}
}

// A list that doesn't change although messages come is not believed any more.
func TestListThatTellsNothing(t *testing.T) {
	s := newShop(t, 60)
	s.last = `{"id":"630000000000000000000001","created_at":"2025-01-01T00:00:00.000Z","value":"the same for ever"}`
	s.pass(24 * time.Hour)
	s.ran(mirror.RunOptions{})
	asked := s.asked
	s.pass(5 * time.Minute)
	s.ran(mirror.RunOptions{})
	if s.asked != asked {
		t.Error("it was asked although the list shows it unchanged")
	}
	add := func() { s.rows = append(s.rows, shopRow{id: "f" + s.rows[len(s.rows)-60].id[1:], text: "new"}) }
	add()
	s.pass(25 * time.Hour) // its turn comes
	if r := s.ran(mirror.RunOptions{}); r.New != 1 {
		t.Errorf("a day later: %+v", r)
	}
	for range 3 {
		add()
		s.pass(2 * time.Hour)
		if r := s.ran(mirror.RunOptions{}); r.New != 1 {
			t.Errorf("two hours later: %+v", r)
		}
	}
}

// Full readings that fall due together are spread over their interval, and each comes once in it.
func TestFullReadingsAreSpread(t *testing.T) {
	const n, day = 700, 24 * time.Hour
	w := quietWorld(t, parlance.Shopline, n)
	defer w.close()
	w.ranOf(mirror.RunOptions{}, "")
	w.fullEvery(7 * day)
	began := w.now()
	since := began
	for range 7 {
		w.pass(day)
		w.ranOf(mirror.RunOptions{}, "")
		full := 0
		for l, err := range w.mirror.Ledgers(t.Context(), source) {
			if err != nil {
				t.Fatal(err)
			}
			if l.Spans[0].Began > since {
				full++
			}
		}
		if full < n/7/2 || full > n/7*3/2 {
			t.Errorf("in a day %d of %d conversations were read in full, want about a seventh", full, n)
		}
		since = w.now()
	}
	if s := w.status(); s.AsOf <= began {
		t.Errorf("after %v the oldest was read %s, when it all began", 7*day, s.AsOf)
	}
}

// The moment of a stream is the same in every interval.
func TestTurns(t *testing.T) {
	for _, id := range []history.StreamID{"a", "b", "*", "room/1"} {
		const hour = 3_600_000
		turns, last := 0, parlance.Time(0)
		for now := fake.Epoch; now < fake.Epoch+50*hour; now += hour / 6 {
			if mirror.HasTurn(id, 10*time.Hour, now-hour/6, now) {
				turns++
				if last != 0 && now-last != 10*hour {
					t.Errorf("%s had a turn after %v ms", id, now-last)
				}
				last = now
			}
		}
		if turns != 5 {
			t.Errorf("%s had %d turns in five intervals", id, turns)
		}
	}
}

// A conversation that the platform doesn't have any more is complete if all of it was read, and status says that it is gone. If
// something was missing, that is a gap which can be acknowledged.
func TestGoneConversation(t *testing.T) {
	for _, read := range []bool{true, false} {
		s := newShop(t, 60)
		vanished := func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if read || n > 2 {
				w.WriteHeader(http.StatusNotFound)
				w.Write([]byte(`{"error_code":"not_found","message":"not found"}`))
				return true
			}
			return false
		}
		if read {
			s.ran(mirror.RunOptions{})
			s.pass(time.Hour)
		}
		s.before = vanished
		since := s.now()
		want := mirror.Complete
		if !read {
			want = mirror.Partial
		}
		for range 3 {
			if r, err := s.run(mirror.RunOptions{}); err != nil || r.State != want {
				t.Fatalf("read before %t: %v; %s, want %s: %+v", read, err, r.State, want, r.Gaps)
			}
			s.pass(time.Hour)
		}
		status := s.status()
		if status.Gone != 1 || status.GoneSince < since || status.GoneSince > since+60_000 {
			t.Errorf("read before %t: %d gone since %s, want 1 since %s", read, status.Gone, status.GoneSince, since)
		}
		for _, g := range status.Gaps {
			if err := s.mirror.Acknowledge(t.Context(), source, g.ID); err != nil {
				t.Error(err)
			}
		}
		if status := s.status(); status.State != mirror.Complete {
			t.Errorf("read before %t, acknowledged: %s, %+v", read, status.State, status.Gaps)
		}
		s.before = nil
		s.pass(time.Hour)
		if r := s.ran(mirror.RunOptions{}); r.State != mirror.Complete || r.Messages != 60 || s.status().Gone != 0 {
			t.Errorf("it is there again: %+v", r)
		}
	}
}
