package mirror

import (
	"sync"
	"time"

	"parlance"
)

// A Progress is how far a run has come.
type Progress struct {
	Source  Name `json:"source"`
	Streams int  `json:"streams"` // that the run reads, as far as is known
	Done    int  `json:"done"`    // of them
	Read    int  `json:"read"`    // messages that the platform gave
	New     int  `json:"new"`     // of them new here
	Changed int  `json:"changed"`
	Missing int  `json:"missing"` // marked so

	// Oldest is the oldest time reached by what is being read.
	Oldest parlance.Time `json:"oldest_ms,omitempty"`
	// Expected is how many messages the run will read, by what the platform said of the streams begun; 0 if it didn't.
	Expected int `json:"expected,omitempty"`
	// Waiting is why nothing is being asked now, and Until when that ends, by our clock; empty if something is.
	Waiting string        `json:"waiting,omitempty"`
	Until   parlance.Time `json:"until_ms,omitempty"`
}

// A board is a run's progress, which many workers change.
type board struct {
	mu   sync.Mutex
	p    Progress
	tell func(Progress)
}

// change changes the progress and tells it.
func (b *board) change(f func(*Progress)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.p)
	if b.tell != nil {
		b.tell(b.p)
	}
}

func (b *board) now() Progress {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.p
}

// waiting shows that nothing is asked for d; 0: that this is over.
func (r *run) waiting(d time.Duration) {
	r.board.change(func(p *Progress) {
		p.Waiting, p.Until = "", 0
		if d > 0 {
			p.Waiting, p.Until = "the platform asked to wait, or didn't answer", r.m.o.Now()+parlance.Time(d.Milliseconds())
		}
	})
}
