package mirror_test

import (
	"net/http"
	"testing"
	"time"

	"parlance"
	"parlance/mirror"
)

// A run reads a conversation in full when what is known of it is as old as the upstream's settings say, and not before: then it
// finds edits that the platform tells nobody of, and what vanished.
func TestFullEvery(t *testing.T) {
	s := newShop(t, 60)
	s.fullEvery(7 * 24 * time.Hour)
	s.ran(mirror.RunOptions{})
	s.rows[30].text = "edited"
	gone := s.rows[20].id
	s.rows[20].id = ""

	asOf := func() parlance.Time {
		status, err := s.mirror.Status(t.Context(), source)
		if err != nil {
			t.Fatal(err)
		}
		return status.AsOf
	}
	first := asOf()
	if first == 0 || s.now()-first > 60_000 {
		t.Errorf("as of %s, and it is %s", first, s.now())
	}
	// Its turn comes somewhere in the week.
	var r mirror.Report
	for ; s.now()-first <= 7*24*3_600_000 && asOf() == first; r = s.ran(mirror.RunOptions{}) {
		if r.Changed != 0 {
			t.Errorf("at %s, not in full: %+v", s.now(), r)
		}
		s.pass(3 * time.Hour)
	}
	if r.Changed != 1 || s.message(s.rows[30].id).Text != "edited" || r.Missing != 0 || s.now()-asOf() > 60_000 {
		t.Errorf("within a week: %+v, as of %s", r, asOf())
	}
	again := asOf()
	s.pass(6 * 24 * time.Hour)
	if r := s.ran(mirror.RunOptions{}); r.Read >= 60 || asOf() != again {
		t.Errorf("six days after it was read in full: %+v, as of %s", r, asOf())
	}
	s.pass(25 * time.Hour)
	if r := s.ran(mirror.RunOptions{}); r.Missing != 1 || s.message(gone).Missing == 0 {
		t.Errorf("after two weeks: %+v", r)
	}
	if r := s.ran(mirror.RunOptions{}); r.State != mirror.Complete || r.New+r.Changed+r.Missing > 0 {
		t.Errorf("in the end: %+v", r)
	}
}

// A full reading that is due and breaks on what the platform gives doesn't take the place of the usual ones.
func TestFullEveryStuck(t *testing.T) {
	s := newShop(t, 60)
	s.fullEvery(24 * time.Hour)
	s.ran(mirror.RunOptions{})
	s.before = func(w http.ResponseWriter, r *http.Request, n int) bool {
		end, err := time.Parse(time.RFC3339, r.URL.Query().Get("end"))
		broken := err == nil && parlance.TimeOf(end) < shopTime(30)
		if broken {
			w.WriteHeader(http.StatusForbidden)
		}
		return broken
	}
	for range 24 { // its turn comes somewhere in the day
		s.pass(time.Hour)
		if r := s.ran(mirror.RunOptions{}); r.State != mirror.Complete {
			break
		}
	}
	if state := s.status().State; state == mirror.Complete {
		t.Errorf("what couldn't be read in full is %s", state)
	}
	for i := range 3 {
		s.pass(time.Hour)
		s.rows = append(s.rows, shopRow{id: "f" + s.rows[i].id[1:], text: "new"})
		if r := s.ran(mirror.RunOptions{}); r.State != mirror.Complete || r.New != 1 || r.Read > 20 {
			t.Errorf("an hour later: %+v", r)
		}
	}
	s.before = nil
	s.rows[10].text = "edited"
	s.pass(25 * time.Hour)
	if r := s.ran(mirror.RunOptions{}); r.Changed != 1 || r.State != mirror.Complete {
		t.Errorf("a day later, in full: %+v", r)
	}
}

// Settings can be changed to what could have been added, and what is known stays.
func TestChange(t *testing.T) {
	s := newShop(t, 60)
	s.ran(mirror.RunOptions{})
	settings, err := s.mirror.Change(t.Context(), source, func(o *mirror.Settings) { o.Every, o.Rate = time.Hour, 3 })
	if err != nil || settings.Every != time.Hour || settings.Rate != 3 || settings.URL == "" {
		t.Errorf("changed to %+v, %v", settings, err)
	}
	for _, change := range []func(*mirror.Settings){
		func(o *mirror.Settings) { o.Every = -1 },
		func(o *mirror.Settings) { o.FullEvery = -1 },
		func(o *mirror.Settings) { o.Retention = -1 },
		func(o *mirror.Settings) { o.Rate = -1 },
	} {
		if s, err := s.mirror.Change(t.Context(), source, change); parlance.KindOf(err) != parlance.Invalid {
			t.Errorf("changed to %+v, %v, want Invalid", s, err)
		}
	}
	if _, err := s.mirror.Change(t.Context(), "other", func(*mirror.Settings) {}); parlance.KindOf(err) != parlance.NotFound {
		t.Errorf("an upstream that isn't there: %v, want NotFound", err)
	}
	c, err := s.mirror.Upstream(t.Context(), source)
	if err != nil || c.Settings != settings || c.Last == nil {
		t.Errorf("it is %+v, %v; want the settings %+v, and what was known", c, err, settings)
	}
	if r := s.ran(mirror.RunOptions{}); r.State != mirror.Complete || r.New > 0 {
		t.Errorf("after the change: %+v", r)
	}
}
