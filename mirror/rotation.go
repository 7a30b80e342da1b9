package mirror

import (
	"hash/fnv"
	"time"

	"parlance"
	"parlance/history"
)

// Streams that the platform's list shows unchanged rest, and take turns: each has a moment of its own in every interval, which
// follows from its id, and is looked at in the first run after it. So what the list doesn't tell is found within the interval and the
// time between two runs, and each run has its share of the looks. Full readings take turns in the same way.

const (
	// leastRotation is the shortest rotation: where all could be looked at in less, all are in each run.
	leastRotation = 15 * time.Minute
	// quiet is how long before it was looked at a stream must have been quiet in order to rest: what came
	// shortly before may be followed by what is dated earlier. It is long, since clocks differ.
	quiet parlance.Time = 60 * 60 * 1000
)

// rotation returns within what time streams that the list shows unchanged are looked at, where there are so many; 0: all are in each run.
func rotation(t history.Traits, streams int) time.Duration {
	rest := t.Rest
	if t.RestEach > 0 {
		rest = min(rest, time.Duration(streams)*t.RestEach)
	}
	if rest < leastRotation {
		return 0
	}
	return rest
}

// hasTurn reports whether the moment that a stream has in each interval lies after since and not after now.
func hasTurn(id history.StreamID, every time.Duration, since, now parlance.Time) bool {
	ms := every.Milliseconds()
	if ms <= 0 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	phase := int64(h.Sum64() % uint64(ms))
	nth := func(t parlance.Time) int64 { return (int64(t) - phase + ms) / ms } // phase < ms, so it isn't below 0
	return nth(now) > nth(since)
}

// rests reports whether a stream needn't be asked: the platform's list shows it unchanged since it was looked at, nothing that a look could fill
// is missing, it had been quiet for a while then, and it hasn't its turn.
func (r *run) rests(t *task) bool {
	b := t.book
	return len(r.o.Conversations) == 0 && r.rotation > 0 && // who names conversations wants them read
		t.stream.Hint != "" && t.stream.Hint == b.Hint && t.stream.Hint != b.Doubt &&
		b.settled() && b.Checked-max(b.Spans[0].High, b.Changed) > quiet && !r.hasTurn(b)
}

// hasTurn reports whether a stream's turn has come since it was last looked at.
func (r *run) hasTurn(b *book) bool {
	return r.rotation > 0 && hasTurn(b.Stream, r.rotation, b.Checked, r.m.o.Now())
}

// settled reports whether nothing is known to be missing that a reading from the newest message down would bring.
func (l *Ledger) settled() bool {
	return l.Beginning != "" && len(l.Spans) == 1 && l.Failure == "" && l.Gone == 0 && (l.Total == nil || l.lacks() <= 0)
}

// looked notes that a stream was looked at when the list showed it with a hint; before is how many of its messages were here then.
func (r *run) looked(b *book, hint string, before Held) {
	if hint != "" && hint == b.Hint && b.Held.Messages > before.Messages {
		b.Doubt = hint // either the message came in between, and the hint will be another one, or the list doesn't tell
	}
	b.Hint = hint
	// The time alone is no reason to write, unless a turn goes by it.
	if now := r.m.o.Now(); now-b.Checked > checkedEvery || b.changed() || r.hasTurn(b) {
		b.Checked = now
	}
}

// checkedEvery is how exactly a ledger knows when its head was read last.
const checkedEvery = 60 * 60 * 1000
