package mirror

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parlance"
)

// A budget is how often one account may be asked, by all workers together. It adapts: told to slow down it halves its rate, and
// gains a tenth with every hundred calls that went well, up to what it began with.
type budget struct {
	now  func() parlance.Time
	wait func(context.Context, time.Duration) error

	mu      sync.Mutex
	limiter *rate.Limiter
	full    rate.Limit
	resume  parlance.Time // no call before; zero: none was refused
	well    int           // calls since the rate was changed
}

// gain is after how many calls that went well the rate grows.
const gain = 100

func newBudget(perSecond float64, now func() parlance.Time, wait func(context.Context, time.Duration) error) *budget {
	full := rate.Limit(perSecond)
	return &budget{now: now, wait: wait, full: full, limiter: rate.NewLimiter(full, max(1, int(perSecond)))}
}

// take waits until a call may be made. Waiting, if it isn't nil, is told when that takes a while, and that it is over.
func (b *budget) take(ctx context.Context, waiting func(d time.Duration)) error {
	for {
		b.mu.Lock()
		now := b.now()
		d := time.Duration(b.resume-now) * time.Millisecond
		if d <= 0 {
			d = b.limiter.ReserveN(now.Std(), 1).DelayFrom(now.Std())
			b.mu.Unlock()
			if d <= 0 {
				return nil
			}
			return b.wait(ctx, d)
		}
		b.mu.Unlock()
		waiting(d)
		if err := b.wait(ctx, d); err != nil {
			return err
		}
		waiting(0)
	}
}

// refused says that the account was told to slow down: nobody asks for d.
func (b *budget) refused(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.resume = max(b.resume, now+parlance.Time(d.Milliseconds()))
	b.limiter.SetLimitAt(now.Std(), max(b.limiter.Limit()/2, b.full/64))
	b.well = 0
}

// answered says that a call went well.
func (b *budget) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.well++; b.well%gain == 0 && b.limiter.Limit() < b.full {
		b.limiter.SetLimitAt(b.now().Std(), min(b.limiter.Limit()*1.1, b.full))
	}
}

// A meter counts the calls of one run, and lets each wait for the account's budget.
type meter struct {
	next    http.RoundTripper
	budget  *budget
	waiting func(d time.Duration)

	mu    sync.Mutex
	calls int
	heard bool // anything was ever answered
}

// callTime is how long a call may take, from when the budget allows it to the end of its answer.
const callTime = time.Minute

// RoundTrip makes a call when the budget allows it. One that is refused with the time to wait is made again after it, so that a walk needn't
// begin anew; a refusal that doesn't say is the caller's.
func (t *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		if err := t.budget.take(r.Context(), t.waiting); err != nil {
			return nil, fmt.Errorf("wait for the next call: %w", err)
		}
		resp, err := t.call(r)
		if err != nil || resp.StatusCode != http.StatusTooManyRequests {
			return resp, err
		}
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil || seconds < 0 || try == maxWaits || r.Body != nil && r.GetBody == nil {
			return resp, nil
		}
		resp.Body.Close()
		t.budget.refused(min(time.Duration(seconds)*time.Second, time.Hour) + rand.N(100*time.Millisecond))
		if r.Body != nil {
			again := r.Clone(r.Context())
			if again.Body, err = r.GetBody(); err != nil {
				return nil, fmt.Errorf("repeat a call: %w", err)
			}
			r = again
		}
	}
}

// call makes a call, which ends at its time.
func (t *meter) call(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	t.calls++
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), callTime)
	resp, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &timedBody{resp.Body, cancel}
	t.mu.Lock()
	t.heard = true
	t.mu.Unlock()
	if resp.StatusCode < 400 {
		t.budget.answered()
	}
	return resp, nil
}

// A timedBody is an answer's body whose call's time ends with it.
type timedBody struct {
	io.ReadCloser
	end context.CancelFunc
}

// Close closes the body.
func (b *timedBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// silent reports whether nothing was ever answered: then it isn't a platform having a bad moment, but most likely the wrong address.
func (t *meter) silent() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.heard
}

func (t *meter) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls
}

// budget returns the budget of c's account, whose platform bears so many calls a second.
func (m *Mirror) budget(c *Config, perSecond float64) *budget {
	if c.Rate > 0 {
		perSecond = c.Rate
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := fmt.Sprintf("%s %g", c.account(), perSecond)
	b := m.budgets[key]
	if b == nil {
		b = newBudget(perSecond, m.o.Now, m.o.Wait)
		m.budgets[key] = b
	}
	return b
}
