package mirror

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"parlance"
	"parlance/internal/upstream"
)

// How often in a row a stream's reading is tried again without a page in between.
const (
	maxTries  = 8   // when there is no answer
	maxBroken = 6   // when the answer is none, such as a page of a proxy's
	maxWaits  = 100 // when we are told to slow down: that is no failure
	maxSilent = 3   // when nothing was ever answered
	maxAgain  = 3   // when it failed in the last run too
)

// A patience says how long to wait before what failed is tried again.
type patience struct {
	tries int  // failures in a row
	short bool // it failed the last time already
}

// next returns for how long to wait after err, or false if it is no use.
func (p *patience) next(err error) (time.Duration, bool) {
	p.tries++
	d := p.backoff()
	if upstream.Lasting(err) || p.short && p.tries > maxAgain && !errors.Is(err, parlance.Limited) {
		return 0, false
	}
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
	case parlance.Unauthenticated:
		return d, p.tries == 1 // a token may die twice in a row, a credential stays dead
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

// An ownError is one of our store's or disk's: asking the platform again is of no use.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }

func own(err error) error {
	if err == nil {
		return nil
	}
	return ownError{err}
}

// persist does something that asks the upstream until it ends well or trying is of no use. It takes a
// new credential where the old one is refused.
func (r *run) persist(ctx context.Context, do func() error) error {
	var p patience
	return r.persistWith(ctx, &p, do)
}

func (r *run) persistWith(ctx context.Context, p *patience, do func() error) error {
	for {
		used := r.asked()
		err := r.retry(ctx, p, do)
		if !errors.Is(err, parlance.Unauthenticated) || ctx.Err() != nil {
			return err
		}
		renewed, e := r.renew(ctx, used, err)
		if e != nil {
			return e
		}
		if renewed {
			continue
		}
		d, useful := p.next(err)
		if !useful {
			return err
		}
		if err := r.pause(ctx, d); err != nil {
			return err
		}
	}
}

// retry is persist with the credential as it is.
func (r *run) retry(ctx context.Context, p *patience, do func() error) error {
	for {
		err := do()
		if err == nil || ctx.Err() != nil || errors.Is(err, parlance.Unauthenticated) {
			return err
		}
		var ours ownError
		if errors.As(err, &ours) {
			return err
		}
		d, useful := p.next(err)
		if !useful || r.meter.silent() && p.tries >= maxSilent {
			return err
		}
		if errors.Is(err, parlance.Limited) {
			r.budget.refused(d)
			continue // the next call waits
		}
		if err := r.pause(ctx, d); err != nil {
			return err
		}
	}
}

// pause waits, and shows that it does.
func (r *run) pause(ctx context.Context, d time.Duration) error {
	r.waiting(d)
	defer r.waiting(0)
	return r.m.o.Wait(ctx, d)
}
