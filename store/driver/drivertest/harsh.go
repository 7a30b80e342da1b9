package drivertest

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"

	"parlance"
	"parlance/store/driver"
)

// The bounds of a [Harsh] engine.
const (
	HarshRows       = 64
	HarshBatchBytes = 2048
)

// A Fault is what a [Harsh] engine does to a Write or a Claim. Whatever it is, the
// call returns an error of kind parlance.Unavailable, as if an answer hadn't come in
// time. A claim that is refused is refused all the same, unless its answer doesn't come.
type Fault uint8

// The faults.
const (
	// None lets a call be.
	None Fault = iota
	// FailBefore does nothing at all.
	FailBefore
	// StopAfterClaim puts the claimed rows and doesn't write the ops, ever. A
	// Write does nothing.
	StopAfterClaim
	// LoseAnswer does everything.
	LoseAnswer
	// Late puts the claimed rows; the ops are written some time later, in another order
	// than they came, and the ops of each partition apart. See [Harsh.Deliver].
	Late
)

var faultNames = [...]string{"none", "fail before", "stop after claim", "lose answer", "late"}

// String returns the fault's name, for errors and test failures.
func (f Fault) String() string { return faultNames[f] }

// HarshOptions say how harsh a [Harsh] engine is. The zero value has no faults.
type HarshOptions struct {
	// Rate is the share of Writes and Claims, from 0 to 1, that meet one of
	// Faults at random; an empty Faults means all of them. While it is above 0, calls
	// also deliver late batches now and then.
	Rate   float64
	Faults []Fault
	// Seed is where the randomness starts from.
	Seed uint64

	// Fail is told when a caller exceeds the bounds; usually it is t.Errorf. It
	// may be nil: a batch that is too large is refused in any case.
	Fail func(format string, args ...any)
	// Bounded says which partitions may not hold more than [HarshRows] rows. Nil means none.
	Bounded func(driver.Partition) bool
}

// A Harsh engine makes a distributed engine out of any other, with the smallest
// bounds that a store must live with, and with the faults that distributed engines have:
//
//   - a claim and its ops are two steps, and the second may not come or come late;
//   - a batch becomes visible one partition after the other;
//   - rows carry versions, and so do deletes; the highest wins whatever the order of arrival;
//   - an answer may get lost.
//
// It can have several owners at once, as if each were a process of its own: see [Harsh.Share].
// Derived rows are kept in the inner engine with their versions, deleted ones
// too, so that engine can't be read past the wrapper.
type Harsh struct {
	*cluster
	o HarshOptions

	mu   sync.Mutex
	rand *rand.Rand
	next []Fault
}

var _ driver.Engine = (*Harsh)(nil)

// A cluster is what the owners of an inner engine share.
type cluster struct {
	inner driver.Engine
	write sync.Mutex // held from reading a derived row's version to replacing it

	mu     sync.Mutex
	owners int
	late   []delivery
}

// A delivery is a batch's ops for one partition.
type delivery struct {
	ops     []driver.Op
	version driver.Version
}

// NewHarsh wraps inner, which it closes when its last owner closes it.
func NewHarsh(inner driver.Engine, o HarshOptions) *Harsh {
	return (&cluster{inner: inner}).owner(o)
}

// Share returns another owner of the same rows with options of its own. Late batches
// are common to all owners.
func (h *Harsh) Share(o HarshOptions) *Harsh { return h.owner(o) }

func (c *cluster) owner(o HarshOptions) *Harsh {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owners++
	if len(o.Faults) == 0 {
		o.Faults = []Fault{FailBefore, StopAfterClaim, LoseAnswer, Late}
	}
	return &Harsh{cluster: c, o: o, rand: rand.New(rand.NewPCG(o.Seed, 0))}
}

// Next sets what the next Writes and Claims of this owner meet, one fault each, in
// their order, before chance takes over again.
func (h *Harsh) Next(faults ...Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = append(h.next, faults...)
}

// Waiting returns how many late batches, counted by partition, haven't been delivered.
func (h *Harsh) Waiting() int {
	h.cluster.mu.Lock()
	defer h.cluster.mu.Unlock()
	return len(h.late)
}

// Deliver writes one of the late batches, at random; it reports whether there was one.
func (h *Harsh) Deliver(ctx context.Context) (bool, error) {
	h.cluster.mu.Lock()
	if len(h.late) == 0 {
		h.cluster.mu.Unlock()
		return false, nil
	}
	i, last := h.pick(len(h.late)), len(h.late)-1
	d := h.late[i]
	h.late[i] = h.late[last]
	h.late = h.late[:last]
	h.cluster.mu.Unlock()
	return true, h.resolve(ctx, d)
}

// DeliverAll delivers until no late batch is left.
func (h *Harsh) DeliverAll(ctx context.Context) error {
	for {
		if some, err := h.Deliver(ctx); !some || err != nil {
			return err
		}
	}
}

// pick returns a random number below n.
func (h *Harsh) pick(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rand.IntN(n)
}

// fault returns what the next call meets, and whether it should deliver a late batch first.
func (h *Harsh) fault() (f Fault, deliver bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	deliver = h.o.Rate > 0 && h.rand.IntN(2) == 0
	switch {
	case len(h.next) > 0:
		f, h.next = h.next[0], h.next[1:]
	case h.rand.Float64() < h.o.Rate:
		f = h.o.Faults[h.rand.IntN(len(h.o.Faults))]
	}
	return f, deliver
}

// Bounds returns the smallest ones.
func (h *Harsh) Bounds() driver.Bounds {
	return driver.Bounds{Rows: HarshRows, BatchBytes: HarshBatchBytes}
}

// Get returns the values under keys. See [driver.Engine].
func (h *Harsh) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	values, err := h.inner.Get(ctx, p, keys)
	if err != nil || p.Table == driver.Claimed {
		return values, err
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		if values[i], err = readable(v); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// Scan returns the rows of r without the deleted ones. See [driver.Engine].
func (h *Harsh) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	if p.Table == driver.Claimed {
		return h.inner.Scan(ctx, p, r)
	}
	limit := r.Limit
	r.Limit = 0
	return func(yield func(driver.Row, error) bool) {
		n := 0
		for row, err := range h.inner.Scan(ctx, p, r) {
			if err == nil {
				row.Value, err = readable(row.Value)
			}
			if err != nil {
				yield(driver.Row{}, err)
				return
			}
			if row.Value == nil {
				continue
			}
			if !yield(row, nil) {
				return
			}
			if n++; n == limit {
				return
			}
		}
	}
}

// Write writes ops, unless it meets a fault. See [driver.Engine].
func (h *Harsh) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	return h.do(ctx, "write", ops, v, func() error { return nil })
}

// Claim claims and then writes ops, unless it meets a fault. See [driver.Engine].
func (h *Harsh) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	return h.do(ctx, "claim", ops, v, func() error {
		if err := h.inner.Claim(ctx, p, claims, nil, v); err != nil {
			return err
		}
		return h.checkRows(ctx, p)
	})
}

// do does claim and then writes ops, as far as the fault that it meets lets it.
func (h *Harsh) do(ctx context.Context, verb string, ops []driver.Op, v driver.Version, claim func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := h.checkBatch(verb, ops); err != nil {
		return err
	}
	fault, deliver := h.fault()
	if deliver {
		if _, err := h.Deliver(ctx); err != nil {
			return err
		}
	}
	unanswered := parlance.Errorf(parlance.Unavailable, "%s: no answer in time (harsh: %s)", verb, fault)
	if fault == FailBefore {
		return unanswered
	}
	if err := claim(); err != nil {
		if fault == LoseAnswer {
			return unanswered
		}
		return err
	}
	parts := h.split(ops, v)
	switch fault {
	case StopAfterClaim:
		return unanswered
	case Late:
		h.cluster.mu.Lock()
		defer h.cluster.mu.Unlock()
		h.late = append(h.late, parts...)
		return unanswered
	}
	for _, d := range parts {
		if err := h.resolve(ctx, d); err != nil {
			return err
		}
	}
	if fault == LoseAnswer {
		return unanswered
	}
	return nil
}

// split copies ops and sorts them by partition, the partitions in random order.
func (h *Harsh) split(ops []driver.Op, v driver.Version) []delivery {
	at := map[driver.Partition]int{}
	var parts []delivery
	for _, op := range ops {
		i, ok := at[op.Partition]
		if !ok {
			i = len(parts)
			at[op.Partition] = i
			parts = append(parts, delivery{version: v})
		}
		op.Key = append([]byte{}, op.Key...)
		op.Value = append([]byte{}, op.Value...)
		parts[i].ops = append(parts[i].ops, op)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rand.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return parts
}

func (h *Harsh) checkBatch(verb string, ops []driver.Op) error {
	size := 0
	for _, op := range ops {
		if op.Partition.Table != driver.Derived {
			return parlance.Errorf(parlance.Invalid, "%s: table %d holds no derived rows", verb, op.Partition.Table)
		}
		size += op.Size()
	}
	if size <= HarshBatchBytes {
		return nil
	}
	h.fail("%s: a batch of %d ops has %d bytes, at most %d are allowed", verb, len(ops), size, HarshBatchBytes)
	return parlance.Errorf(parlance.Invalid, "%s: a batch of %d bytes is too large", verb, size)
}

// checkRows fails the test if p should be bounded and isn't.
func (h *Harsh) checkRows(ctx context.Context, p driver.Partition) error {
	if h.o.Bounded == nil || !h.o.Bounded(p) {
		return nil
	}
	n := 0
	for _, err := range h.Scan(ctx, p, driver.Range{Limit: HarshRows + 1}) {
		if err != nil {
			return fmt.Errorf("count the rows of a partition: %w", err)
		}
		n++
	}
	if n > HarshRows {
		h.fail("partition %q of table %d has more than %d rows", p.Key, p.Table, HarshRows)
	}
	return nil
}

func (h *Harsh) fail(format string, args ...any) {
	if h.o.Fail != nil {
		h.o.Fail(format, args...)
	}
}

// Close ends this owner's part. The last owner's closes the inner engine; late
// batches that nobody delivered are lost then.
func (h *Harsh) Close() error {
	h.cluster.mu.Lock()
	defer h.cluster.mu.Unlock()
	if h.owners--; h.owners > 0 {
		return nil
	}
	return h.inner.Close()
}
