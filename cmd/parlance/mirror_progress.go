package main

import (
	"strings"
	"sync"
	"time"

	"parlance"
	"parlance/internal/progress"
	"parlance/mirror"
)

// A runShow shows how far a run has come.
type runShow struct {
	p     *program
	meter *progress.Meter // nil: as JSON, or not at all
	json  bool

	mu   sync.Mutex
	last mirror.Progress
	told time.Time
}

// showRun begins to show a run: as a bar on a terminal or a line now and then (auto), as lines of JSON (json) or not at all.
func (p *program) showRun(n mirror.Name, how string) *runShow {
	s := &runShow{p: p, json: how == "json"}
	if how == "auto" {
		s.meter = progress.Start(p.stderr, progress.Options{What: "mirror " + string(n), Terminal: p.terminal(), Note: s.note})
	}
	return s
}

// set takes a run's progress.
func (s *runShow) set(at mirror.Progress) {
	s.mu.Lock()
	tell := s.json && (time.Since(s.told) >= time.Second || at.Waiting != s.last.Waiting)
	if s.last = at; tell {
		s.told = time.Now()
	}
	s.mu.Unlock()
	if s.meter != nil {
		s.meter.SetTotal(int64(max(at.Expected, at.Read)))
		s.meter.Set(at.Read, int64(at.Read))
	}
	if tell {
		_ = writeLine(s.p.stderr, at) // who doesn't read it misses nothing else
	}
}

// note returns what a meter can't know.
func (s *runShow) note() string {
	s.mu.Lock()
	at := s.last
	s.mu.Unlock()
	parts := []string{progress.Number(at.Done) + " of " + progress.Number(at.Streams) + " conversations"}
	if at.New > 0 {
		parts = append(parts, progress.Number(at.New)+" new")
	}
	if at.Oldest != 0 {
		parts = append(parts, "back to "+at.Oldest.Std().Format(time.DateTime)+"Z")
	}
	if at.Waiting != "" {
		left := time.Duration(at.Until-parlance.TimeOf(time.Now())) * time.Millisecond
		parts = append(parts, "waiting "+max(left, 0).Round(time.Second).String()+": "+at.Waiting)
	}
	return strings.Join(parts, ", ")
}

// stop ends it.
func (s *runShow) stop() {
	if s.meter != nil {
		s.meter.Stop()
		return
	}
	if s.json {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = writeLine(s.p.stderr, s.last)
	}
}
