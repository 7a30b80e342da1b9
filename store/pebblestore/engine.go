// Package pebblestore is the embedded engine: it keeps a store's rows in one folder,
// or in memory, by way of Pebble, an ordered key-value store with a write-ahead log.
//
// # What is promised
//
// One process owns the folder; a second one is told so. Every write is synced to the
// disk before it is acknowledged. A claim and its batch are one commit: nobody sees,
// and no crash leaves, the one without the other. Writers that wait at the same time
// share a sync.
//
// Reads may return rows whose sync is still under way. That doesn't weaken what an
// acknowledgement means, because the write-ahead log is one sequence: whatever was visible
// before a write is durable once that write is. So a caller that writes after it read
// can't be acknowledged on lost ground. A claim that finds its own rows standing syncs before it
// says so, and so does a Write without ops: it is the barrier for a caller that wants to
// acknowledge something on the strength of a read alone.
//
// # When the disk fails
//
// When the disk is full, writes fail with an error of kind parlance.Unavailable and reads go on.
// Nothing is lost, and writing resumes by itself once there is room. When the
// disk fails in another way, the engine stops writing for good: what was
// acknowledged is in the write-ahead log, and the next Open finds it. Neither
// ends the process.
//
// Damaged files are found by their sums: those of the tables when they are read, those of the
// log and the manifest when the store is opened. Their ends are held against notes: see the
// file SYNCED in docs/storage.md, which also says what remains out of reach.
//
// # Media that can only be read
//
// A folder that can't be written is opened all the same. Nothing in it changes, and writes fail
// as parlance.Unavailable.
package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"parlance"
	"parlance/store/driver"
)

// An Engine keeps rows in Pebble. It implements [driver.Engine].
//
// A row's key in Pebble is
//
//	table (1 byte) | length of the partition's key (unsigned varint) | partition's key | row's key
//
// The first three parts are prefix-free: no partition's are the beginning of another's.
// So a partition is one contiguous span, in the order of its rows' keys, and
// the value is the row's value as it is.
type Engine struct {
	dir   string
	db    *pebble.DB
	cache *pebble.Cache
	lock  io.Closer
	guard *guard
	log   *slog.Logger

	readOnly bool

	// stripes serialise the claims of a partition. A stripe is held from the
	// comparison until the rows are visible, not until they are synced.
	stripes [256]chan struct{}
	seed    maphash.Seed

	said struct { // of background work that failed
		sync.Mutex
		at map[string]time.Time // by text
	}

	calls   sync.WaitGroup // methods under way
	commits sync.WaitGroup // commits under way; one may outlive the call that began it
}

var _ driver.Engine = (*Engine)(nil)

// Bounds says that partitions and batches have no bounds, that a claim and
// its ops are one, and that nobody else can write.
//
// It also says if nothing can be written at all.
func (e *Engine) Bounds() driver.Bounds {
	return driver.Bounds{OneStep: true, Exclusive: true, ReadOnly: e.readOnly}
}

// A ReadOnlyError says that a folder can only be read. It is of kind [parlance.Unavailable].
type ReadOnlyError struct{ Dir string }

// Error says it in one sentence.
func (e *ReadOnlyError) Error() string {
	return fmt.Sprintf("the store in %s is on media that can only be read", e.Dir)
}

// Is reports whether target is the kind.
func (e *ReadOnlyError) Is(target error) bool { return target == parlance.Unavailable }

// As makes it a [parlance.Error] for those that ask for one.
func (e *ReadOnlyError) As(target any) bool {
	known, ok := target.(**parlance.Error)
	if ok {
		*known = &parlance.Error{Kind: parlance.Unavailable, Text: e.Error()}
	}
	return ok
}

// Compact writes all tables anew, so that no file has what was deleted any more but those of the log, which go once the
// engine is closed and opened again. It takes as long as copying the store does.
func (e *Engine) Compact(ctx context.Context) error {
	e.calls.Add(1)
	defer e.calls.Done()
	if err := e.db.Flush(); err != nil {
		return fmt.Errorf("compact the store: %w", e.readError(err))
	}
	if err := e.db.Compact(ctx, []byte{0}, []byte{0xff}, true); err != nil {
		return fmt.Errorf("compact the store: %w", e.readError(err))
	}
	return nil
}

// Get returns copies of the values under keys. See [driver.Engine].
func (e *Engine) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	e.calls.Add(1)
	defer e.calls.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, nil
	}
	values := make([][]byte, len(keys))
	prefix := appendPrefix(nil, p)
	if len(keys) == 1 {
		value, closer, err := e.db.Get(append(prefix, keys[0]...))
		if err == pebble.ErrNotFound {
			return values, nil
		}
		if err != nil {
			return nil, e.readError(err)
		}
		values[0] = bytes.Clone(value)
		return values, closer.Close()
	}

	it, err := e.iterator(ctx, prefix, after(prefix))
	if err != nil {
		return nil, e.readError(err)
	}
	valid, last := false, []byte(nil)
	key := prefix
	var all arena
	for i, k := range keys {
		key = append(key[:len(prefix)], k...)
		ascending := last != nil && bytes.Compare(last, k) <= 0
		last = k
		// The row wanted is nearly always the one under the iterator or the next.
		at := -1
		if ascending && !valid {
			continue // the iterator is past the last row
		}
		if ascending {
			if at = bytes.Compare(it.Key(), key); at < 0 {
				if valid = it.Next(); !valid {
					continue
				}
				at = bytes.Compare(it.Key(), key)
			}
		}
		if at < 0 {
			if valid = it.SeekGE(key); !valid {
				continue
			}
			at = bytes.Compare(it.Key(), key)
		}
		if at == 0 {
			value, err := it.ValueAndErr()
			if err != nil {
				it.Close()
				return nil, e.readError(err)
			}
			values[i] = all.clone(value)
		}
	}
	if err := it.Close(); err != nil {
		return nil, e.readError(err)
	}
	return values, nil
}

// An arena holds copies of values that are read together, and live about as long.
type arena struct{ free []byte }

// clone returns a copy of b that nothing else can grow into.
func (a *arena) clone(b []byte) []byte {
	if len(b) > len(a.free) {
		a.free = make([]byte, max(4096, len(b)))
	}
	n := copy(a.free, b)
	c := a.free[:n:n]
	a.free = a.free[n:]
	return c
}

// Scan streams the rows of r as they were when the loop over them began. See [driver.Engine].
func (e *Engine) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return func(yield func(driver.Row, error) bool) {
		e.calls.Add(1)
		defer e.calls.Done()
		if err := e.scan(ctx, p, r, yield); err != nil {
			yield(driver.Row{}, err)
		}
	}
}

func (e *Engine) scan(ctx context.Context, p driver.Partition, r driver.Range, yield func(driver.Row, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	prefix := appendPrefix(nil, p)
	from, to := append(bytes.Clone(prefix), r.From...), after(prefix)
	if r.To != nil {
		to = append(bytes.Clone(prefix), r.To...)
	}
	if bytes.Compare(from, to) >= 0 {
		return nil
	}
	it, err := e.iterator(ctx, from, to)
	if err != nil {
		return e.readError(err)
	}
	first, next := it.First, it.Next
	if r.Reverse {
		first, next = it.Last, it.Prev
	}
	defer it.Close() // its error is that of it.Error, or of no use any more
	n := 0
	for ok := first(); ok; ok = next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return e.readError(err)
		}
		if !yield(driver.Row{Key: it.Key()[len(prefix):], Value: value}, nil) {
			return nil
		}
		if n++; n == r.Limit {
			return nil
		}
	}
	if err := it.Error(); err != nil {
		return e.readError(err)
	}
	return nil
}

// Write applies ops in one synced commit. It keeps no versions, for it has no rivals.
// Without ops it makes sure that whatever can be read is durable. See [driver.Engine].
func (e *Engine) Write(ctx context.Context, ops []driver.Op, _ driver.Version) error {
	e.calls.Add(1)
	defer e.calls.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.readOnly {
		if len(ops) == 0 {
			return nil // all that can be read is durable
		}
		return &ReadOnlyError{e.dir}
	}
	b := e.db.NewBatch()
	if err := addOps(b, ops); err != nil {
		b.Close()
		return err
	}
	return e.commit(b, func() {})
}

// Claim compares and puts the claimed rows and applies ops, all in one synced
// commit. See [driver.Engine].
func (e *Engine) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, _ driver.Version) error {
	e.calls.Add(1)
	defer e.calls.Done()
	if p.Table != driver.Claimed {
		return parlance.Errorf(parlance.Invalid, "claim rows: table %d holds no claimed rows", p.Table)
	}
	if e.readOnly {
		return &ReadOnlyError{e.dir}
	}
	trouble, err := e.guard.state()
	if err != nil {
		return err
	}
	stripe := e.stripes[maphash.String(e.seed, p.Key)%uint64(len(e.stripes))]
	select {
	case stripe <- struct{}{}:
	case <-trouble:
		_, err := e.guard.state()
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
	release := func() { <-stripe }

	b, err := e.claimBatch(ctx, p, claims, ops)
	if err != nil {
		release()
		return err
	}
	return e.commit(b, release)
}

// claimBatch compares claims with what stands and returns the batch that puts
// the rows not put yet and applies ops.
func (e *Engine) claimBatch(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op) (*pebble.Batch, error) {
	keys := make([][]byte, len(claims))
	for i, c := range claims {
		keys[i] = c.Key
	}
	standing, err := e.Get(ctx, p, keys)
	if err != nil {
		return nil, err
	}
	for i, c := range claims {
		if !same(standing[i], c.Old) && !same(standing[i], c.Value) {
			return nil, refuse(keys, standing)
		}
	}
	b := e.db.NewBatch()
	key := appendPrefix(nil, p)
	prefix := len(key)
	for i, c := range claims {
		if same(standing[i], c.Value) {
			continue
		}
		key = append(key[:prefix], c.Key...)
		if err := addRow(b, key, c.Value, c.Value == nil); err != nil {
			b.Close()
			return nil, err
		}
	}
	if err := addOps(b, ops); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func refuse(keys, standing [][]byte) *driver.Refused {
	rows := make([]driver.Row, len(keys))
	for i, k := range keys {
		rows[i] = driver.Row{Key: bytes.Clone(k), Value: standing[i]}
	}
	return &driver.Refused{Standing: rows}
}

func addOps(b *pebble.Batch, ops []driver.Op) error {
	var key []byte
	for _, op := range ops {
		if op.Partition.Table != driver.Derived {
			return parlance.Errorf(parlance.Invalid, "write rows: table %d holds no derived rows", op.Partition.Table)
		}
		key = append(appendPrefix(key[:0], op.Partition), op.Key...)
		if err := addRow(b, key, op.Value, op.Delete); err != nil {
			return err
		}
	}
	return nil
}

func addRow(b *pebble.Batch, key, value []byte, remove bool) error {
	if remove {
		return b.Delete(key, nil)
	}
	if len(value) == 0 {
		return parlance.Errorf(parlance.Invalid, "write a row: its value is empty")
	}
	return b.Set(key, value, nil)
}

func (e *Engine) iterator(ctx context.Context, from, to []byte) (*pebble.Iterator, error) {
	return e.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: from, UpperBound: to})
}

// appendPrefix appends what the keys of p's rows begin with.
func appendPrefix(b []byte, p driver.Partition) []byte {
	b = append(b, byte(p.Table))
	b = binary.AppendUvarint(b, uint64(len(p.Key)))
	return append(b, p.Key...)
}

// after returns the least key that doesn't begin with prefix and lies above all that
// do. The table's byte is never 0xff, so there is one.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return end
}
