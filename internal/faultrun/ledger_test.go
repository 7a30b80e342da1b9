package faultrun

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
)

// A record is what is known of one message. Its versions count from 1, and its text tells which one
// a reader sees.
type record struct {
	room  string
	id    string // "" while no answer told it
	acked int    // the highest version that was acknowledged; 0: none
	tried int    // the highest version that was asked for
	seen  int    // the highest version that a reader found; 0: none
}

// floor is the version that every later reader must find, or a higher one.
func (r *record) floor() int { return max(r.acked, r.seen) }

// A ledger keeps what writers were told and what readers saw. Messages are known by a token.
type ledger struct {
	mu      sync.Mutex
	records map[string]*record
	totals  map[string]int // the highest one that a reader saw, by room
}

func newLedger() *ledger { return &ledger{records: map[string]*record{}, totals: map[string]int{}} }

// text returns what version v of a message says.
func text(token string, v int) string { return fmt.Sprintf("%s v%d", token, v) }

// tries notes, before it is asked for, that version v may come into being.
func (l *ledger) tries(token, room string, v int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.records[token] == nil {
		l.records[token] = &record{room: room}
	}
	l.records[token].tried = v
}

// acknowledged notes that version v was.
func (l *ledger) acknowledged(token, id string, v int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[token]
	r.acked = v
	r.id = cmp.Or(r.id, id)
}

// A row is a message as a reader found it.
type row struct {
	id      string // "" in a dialect that doesn't tell
	text    string
	created int64 // in the dialect's unit; 0 if it doesn't tell
}

// A walk is a whole history, newest first. Total is what the first page claimed; -1 if it claimed nothing.
type walk struct {
	total int
	rows  []row
}

// A promise is what a reader may rely on when it begins.
type promise struct {
	room   string
	floors map[string]int // by token
	total  int
}

// promised returns what a walk that begins now must find.
func (l *ledger) promised(room string) promise {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := promise{room, map[string]int{}, l.totals[room]}
	for token, r := range l.records {
		if r.room == room && r.floor() > 0 {
			p.floors[token] = r.floor()
		}
	}
	return p
}

// Mistakes are what a walk shows to be wrong.
type mistakes struct{ lost, doubled, other []string }

func (m *mistakes) all() []string { return append(append(m.lost, m.doubled...), m.other...) }

// check holds a walk against what was promised when it began and what may be there by now, and
// notes what it saw.
func (l *ledger) check(p promise, w walk) (m mistakes) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[string]int{}
	for i, row := range w.rows {
		token, rest, _ := strings.Cut(row.text, " v")
		r := l.records[token]
		var v int
		if _, err := fmt.Sscan(rest, &v); err != nil || r == nil || r.room != p.room {
			m.other = append(m.other, fmt.Sprintf("%s: nobody wrote %q", p.room, row.text))
			continue
		}
		if _, twice := found[token]; twice {
			m.doubled = append(m.doubled, fmt.Sprintf("%s: %s is there twice", p.room, token))
		}
		found[token] = v
		if floor := p.floors[token]; v < floor || v > r.tried {
			m.lost = append(m.lost, fmt.Sprintf("%s: %s is of version %d, want %d to %d", p.room, token, v, floor, r.tried))
		}
		if row.id != "" && r.id != "" && row.id != r.id {
			m.doubled = append(m.doubled, fmt.Sprintf("%s: %s has the id %s, and was acknowledged as %s", p.room, token, row.id, r.id))
		}
		if i > 0 && row.created != 0 && row.created >= w.rows[i-1].created {
			m.other = append(m.other, fmt.Sprintf("%s: %s of time %d comes after one of %d", p.room, token, row.created, w.rows[i-1].created))
		}
		r.seen = max(r.seen, v)
		r.id = cmp.Or(r.id, row.id)
	}
	for token, floor := range p.floors {
		if _, ok := found[token]; !ok {
			m.lost = append(m.lost, fmt.Sprintf("%s: %s of version %d isn't there", p.room, token, floor))
		}
	}
	if w.total >= 0 {
		if w.total != len(w.rows) {
			m.other = append(m.other, fmt.Sprintf("%s: the total is %d and a walk found %d", p.room, w.total, len(w.rows)))
		}
		if w.total < p.total {
			m.other = append(m.other, fmt.Sprintf("%s: the total went from %d to %d", p.room, p.total, w.total))
		}
	}
	l.totals[p.room] = max(l.totals[p.room], w.total, len(w.rows))
	return m
}
