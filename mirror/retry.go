package mirror

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"parlance"
)

// How often in a row a stream's reading is tried again without a page in between.
const (
	maxTries  = 8   // when there is no answer
	maxBroken = 6   // when the answer is none, such as a page of a proxy's
	maxWaits  = 100 // when we are told to slow down: that is no failure
)

// A patience says how long to wait before what failed is tried again.
type patience struct {
	tries int // failures in a row
}

// next returns for how long to wait after err, or false if it is no use.
func (p *patience) next(err error) (time.Duration, bool) {
	p.tries++
	d := p.backoff()
	after := parlance.RetryAfter(err)
	switch parlance.KindOf(err) {
	case parlance.Limited, parlance.Unavailable:
		if after > 0 {
			// A little more, so that all who were refused don't come back at once.
			d = after + rand.N(after/10+time.Millisecond)
		}
		return d, p.tries <= maxTries || errors.Is(err, parlance.Limited) && p.tries <= maxWaits
	case parlance.Broken:
		return d, p.tries <= maxBroken
	}
	return 0, false
}

// backoff returns 1 s, 2 s, 4 s … 60 s, a half to the whole of it.
func (p *patience) backoff() time.Duration {
	d := min(time.Second<<min(p.tries-1, 6), time.Minute)
	return d/2 + rand.N(d/2)
}

// went says that something went well.
func (p *patience) went() { p.tries = 0 }

// persist does something that asks the upstream until it ends well or trying is of no use. It takes a
// new credential once where the old one is refused.
func (r *run) persist(ctx context.Context, do func() error) error {
	var p patience
	return r.persistWith(ctx, &p, do)
}

func (r *run) persistWith(ctx context.Context, p *patience, do func() error) error {
	for {
		used := r.asked()
		err := do()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if errors.Is(err, parlance.Unauthenticated) {
			if r.asked() != used {
				continue // another worker took a new credential meanwhile
			}
			renewed, e := r.renew(ctx, err)
			if e != nil {
				return e
			}
			if renewed {
				continue
			}
			return err
		}
		d, useful := p.next(err)
		if !useful {
			return err
		}
		if errors.Is(err, parlance.Limited) {
			r.budget.refused(d)
			continue // the next call waits
		}
		r.waiting(d)
		if err := r.m.o.Wait(ctx, d); err != nil {
			return err
		}
		r.waiting(0)
	}
}
