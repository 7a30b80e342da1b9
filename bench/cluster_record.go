package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"parlance/store"
	"parlance/store/cassandrastore"
	"parlance/store/driver"
)

// A process is a store with connections of its own, whose round trips are counted while count is under way.
type process struct {
	store  *store.Store
	engine *recorder

	mu    sync.Mutex
	on    bool
	trips []trip
}

// A trip is one round trip to a node.
type trip struct {
	start, end time.Time
	rows       int
}

func (p *process) observe(s cassandrastore.Statement) {
	end := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on {
		p.trips = append(p.trips, trip{end.Add(-s.Duration), end, s.Rows})
	}
}

// A count is what one call cost.
type count struct {
	statements int
	inSequence int // how many of them waited for one another
	rows       int // returned
}

// count counts what do costs.
func (p *process) count(do func() error) (count, error) {
	p.mu.Lock()
	p.on, p.trips = true, nil
	p.mu.Unlock()
	err := do()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = false
	return countOf(p.trips), err
}

// countOf adds up trips. Those that wait for one another are the most that don't overlap.
func countOf(trips []trip) count {
	c := count{statements: len(trips)}
	slices.SortFunc(trips, func(a, b trip) int { return a.end.Compare(b.end) })
	var last time.Time
	for _, t := range trips {
		c.rows += t.rows
		if !t.start.Before(last) {
			c.inSequence++
			last = t.end
		}
	}
	return c
}

// A recorder is an engine that remembers what was read and written while record is under way.
type recorder struct {
	*cassandrastore.Engine
	mu     sync.Mutex
	on     bool
	reads  []*read
	writes []written
}

// A read is one Get or Scan.
type read struct {
	partition driver.Partition
	keys      [][]byte     // of a Get; nil for a Scan
	bounds    driver.Range // of a Scan
	rows      int          // that the caller took
}

// A written is one Write, or Claim with its ops.
type written struct {
	claims []driver.Claim
	ops    []driver.Op
}

// record returns what do reads and writes.
func (r *recorder) record(do func() error) (reads []*read, writes []written, err error) {
	r.mu.Lock()
	r.on, r.reads, r.writes = true, nil, nil
	r.mu.Unlock()
	err = do()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = false
	return r.reads, r.writes, err
}

func (r *recorder) add(x *read) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on {
		r.reads = append(r.reads, x)
	}
}

func (r *recorder) wrote(w written) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on {
		r.writes = append(r.writes, w)
	}
}

func (r *recorder) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	x := &read{partition: p, keys: make([][]byte, len(keys))}
	for i, k := range keys {
		x.keys[i] = append([]byte{}, k...)
	}
	r.add(x)
	return r.Engine.Get(ctx, p, keys)
}

func (r *recorder) Scan(ctx context.Context, p driver.Partition, b driver.Range) iter.Seq2[driver.Row, error] {
	return func(yield func(driver.Row, error) bool) {
		x := &read{partition: p, bounds: driver.Range{From: bytes.Clone(b.From), To: bytes.Clone(b.To), Reverse: b.Reverse, Limit: b.Limit}}
		r.add(x)
		for row, err := range r.Engine.Scan(ctx, p, b) {
			x.rows++
			if !yield(row, err) {
				return
			}
		}
	}
}

func (r *recorder) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	r.wrote(written{ops: slices.Clone(ops)})
	return r.Engine.Write(ctx, ops, v)
}

func (r *recorder) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	r.wrote(written{claims: slices.Clone(claims), ops: slices.Clone(ops)})
	return r.Engine.Claim(ctx, p, claims, ops, v)
}

// statement returns the read as the engine sends it.
func (x *read) statement(keyspace string) (text string, args []any) {
	table := keyspace + ".claimed"
	if x.partition.Table == driver.Derived {
		table = keyspace + ".derived"
	}
	text, args = fmt.Sprintf("SELECT key, value FROM %s WHERE partition = ?", table), []any{[]byte(x.partition.Key)}
	if x.keys != nil {
		return text + " AND key IN ?", append(args, x.keys)
	}
	if x.bounds.From != nil {
		text, args = text+" AND key >= ?", append(args, x.bounds.From)
	}
	if x.bounds.To != nil {
		text, args = text+" AND key < ?", append(args, x.bounds.To)
	}
	if x.bounds.Reverse {
		text += " ORDER BY key DESC"
	}
	if x.bounds.Limit > 0 {
		text, args = text+" LIMIT ?", append(args, x.bounds.Limit)
	}
	return text, args
}
