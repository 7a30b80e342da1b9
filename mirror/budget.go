package mirror

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"parlance"
	"parlance/internal/upstream"
)

// A budget is how often one account may be asked, by all workers together: in no second, wherever it begins, are more calls made than it allows. It
// adapts: told to slow down it halves its rate, and gains a tenth with every hundred calls that went well, up to what it began with.
type budget struct {
	now  func() parlance.Time
	wait func(context.Context, time.Duration) error

	mu     sync.Mutex
	rate   float64          // calls a second
	full   float64          // what rate may grow to
	wanted map[*run]float64 // what each run that is under way may ask for
	made   []parlance.Time  // when the last calls were made, oldest first, as far as they count
	resume parlance.Time    // no call before; zero: none was refused
	well   int              // calls since the rate was changed
}

// gain is after how many calls that went well the rate grows.
const gain = 100

// slack is how much longer than a second the calls of one second take: what is sent in time may be held up on its way, and what was sent
// before may not.
const slack = 50 * time.Millisecond

func newBudget(perSecond float64, now func() parlance.Time, wait func(context.Context, time.Duration) error) *budget {
	return &budget{now: now, wait: wait, rate: perSecond, full: perSecond, wanted: map[*run]float64{}}
}

// begin says that a run bears so many calls a second, until the function that it returns is called. Where several runs share the account, the one
// that bears least decides.
func (b *budget) begin(r *run, perSecond float64) (end func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted[r] = perSecond
	b.refill()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.wanted, r)
		b.refill()
	}
}

// refill finds the full rate. The caller holds b.mu.
func (b *budget) refill() {
	if len(b.wanted) == 0 {
		return // what was learned is kept for the next run
	}
	full := slices.Min(slices.Collect(maps.Values(b.wanted)))
	b.rate, b.full = min(b.rate*full/b.full, full), full
}

// window returns how many calls may be made in which time, at least a second.
func (b *budget) window() (calls int, in parlance.Time) {
	calls = int(max(1, min(b.rate, 1e6)))
	d := max(time.Second, time.Duration(float64(calls)/b.rate*float64(time.Second)))
	return calls, parlance.Time((d + slack).Milliseconds())
}

// next returns for how long to wait before another call may be made; if that is now, it counts as made. The caller holds b.mu.
func (b *budget) next() time.Duration {
	now := b.now()
	calls, in := b.window()
	// A clock that was set back must not stop all calls until it is there again.
	b.made = slices.DeleteFunc(b.made, func(t parlance.Time) bool { return t <= now-in || t > now })
	if n := len(b.made); n >= calls {
		return time.Duration(b.made[n-calls]+in-now) * time.Millisecond
	}
	b.made = append(b.made, now)
	return 0
}

// take waits until a call may be made. Waiting, if it isn't nil, is told when that takes a while, and that it is over.
func (b *budget) take(ctx context.Context, waiting func(d time.Duration)) error {
	for {
		b.mu.Lock()
		now := b.now()
		refused := time.Duration(b.resume-now) * time.Millisecond
		var full time.Duration
		if refused <= 0 {
			full = b.next()
		}
		b.mu.Unlock()
		switch {
		case refused > 0:
			waiting(refused)
			if err := b.wait(ctx, refused); err != nil {
				return err
			}
			waiting(0)
		case full > 0: // and then look again: somebody else may have been faster
			if err := b.wait(ctx, full); err != nil {
				return err
			}
			if b.now() <= now {
				return nil // the clock stands still or was set back: the waiting has to do
			}
		default:
			return nil
		}
	}
}

// refused says that the account was told to slow down: nobody asks for d.
func (b *budget) refused(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.resume = max(b.resume, b.now()+parlance.Time(d.Milliseconds()))
	b.rate = max(b.rate/2, b.full/64)
	b.well = 0
}

// answered says that a call went well.
func (b *budget) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.well++; b.well%gain == 0 {
		b.rate = min(b.rate*1.1, b.full)
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
		after, given := upstream.RetryAfter(resp.Header, t.budget.now())
		if !given || try == maxWaits || r.Body != nil && r.GetBody == nil {
			return resp, nil
		}
		resp.Body.Close()
		t.budget.refused(after + rand.N(100*time.Millisecond))
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
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(callTime, func() { cancel(fmt.Errorf("no whole answer after %v: %w", callTime, context.DeadlineExceeded)) })
	resp, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		timer.Stop()
		cancel(nil)
		return nil, err
	}
	resp.Body = &heldBody{ReadCloser: resp.Body, ctx: r.Context(), timer: timer, end: func() { cancel(nil) }, holding: holdingOf(r.Context())}
	t.mu.Lock()
	t.heard = true
	t.mu.Unlock()
	if resp.StatusCode < 400 {
		t.budget.answered()
	}
	return resp, nil
}

// A heldBody is an answer's body. The time of its call ends with it, and stands still while it waits for room in memory.
type heldBody struct {
	io.ReadCloser
	ctx     context.Context
	timer   *time.Timer
	end     func()
	holding *holding // nil: none
	read    int
}

// Read reads. What lies beyond the size of a small answer is read when there is room for it.
func (b *heldBody) Read(p []byte) (int, error) {
	if b.holding != nil && b.read >= parlance.SmallAnswer {
		stopped := b.timer.Stop()
		if err := b.holding.take(b.ctx); err != nil {
			return 0, err
		}
		if stopped {
			b.timer.Reset(callTime)
		}
		b.holding = nil
	}
	n, err := b.ReadCloser.Read(p)
	b.read += n
	return n, err
}

// Close closes the body.
func (b *heldBody) Close() error {
	b.timer.Stop()
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
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.budgets[c.account()]
	if b == nil {
		b = newBudget(perSecond, m.o.Now, m.o.Wait)
		m.budgets[c.account()] = b
	}
	return b
}
