// Package cassandrastore is the distributed engine: it keeps a store's rows in a keyspace of
// Cassandra, where any number of processes may read and write them.
//
// # What is promised
//
// Reads and writes are acknowledged by a quorum of the local data centre's replicas, so what
// one process was told is stored, every other one reads. While a quorum of a
// row's replicas lives, nothing is lost and nothing stops; when it doesn't, calls fail with
// errors of kind parlance.Unavailable after the time-out.
//
// Claimed rows are only ever written by conditional statements, which are decided by Paxos among
// the local data centre's replicas; all processes must therefore use the same data
// centre. Derived rows are only ever written by plain statements whose timestamps are the
// batches' versions, so the highest version wins in whatever order they arrive.
//
// A claim and its ops are two steps. A batch is applied partition by partition: a reader may see one
// before the other, and a crash of the node that coordinates it may leave one without the other.
package cassandrastore

import (
	"bytes"
	"context"
	"sync"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	"golang.org/x/sync/errgroup"

	"parlance/store/driver"
)

// An Engine keeps rows in a keyspace of Cassandra. It implements [driver.Engine].
type Engine struct {
	session *gocql.Session
	tables  tables
	calls   sync.WaitGroup // methods under way
}

var _ driver.Engine = (*Engine)(nil)

const (
	// batchBytes leaves a fifth of what servers accept by default, 50 KiB.
	batchBytes = 40 << 10
	// partitionRows keeps partitions far below 100 MB, where Cassandra becomes slow.
	partitionRows = 100_000
	// getKeys is how many rows one statement of a Get asks for.
	getKeys = 100
	// getStatements is how many statements of a Get are under way at once.
	getStatements = 4
)

// Bounds says that partitions and batches are bounded, that a claim and its ops are two
// steps, and that other processes may write too.
func (e *Engine) Bounds() driver.Bounds {
	return driver.Bounds{Rows: partitionRows, BatchBytes: batchBytes}
}

// Close waits for calls under way and closes the connections.
func (e *Engine) Close() error {
	e.calls.Wait()
	e.session.Close()
	return nil
}

// Get returns the values under keys, a hundred to a statement. See [driver.Engine].
func (e *Engine) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	e.calls.Add(1)
	defer e.calls.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	table, err := e.tables.name(p.Table)
	if err != nil {
		return nil, err
	}
	// first is where each key is asked for first; wanted are these keys.
	first := make(map[string]int, len(keys))
	var wanted [][]byte
	for i, k := range keys {
		if _, twice := first[string(k)]; !twice {
			first[string(k)] = i
			wanted = append(wanted, notNil(k))
		}
	}
	values := make([][]byte, len(keys))
	if len(wanted) <= getKeys {
		err = e.get(ctx, table, p, wanted, first, values)
	} else {
		var g *errgroup.Group
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(getStatements)
		for len(wanted) > 0 {
			some := wanted[:min(getKeys, len(wanted))]
			wanted = wanted[len(some):]
			g.Go(func() error { return e.get(gctx, table, p, some, first, values) })
		}
		err = g.Wait()
	}
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		if at := first[string(k)]; at != i {
			values[i] = bytes.Clone(values[at])
		}
	}
	return values, nil
}

// get reads the rows under keys, which are all different, and puts each value where at says.
func (e *Engine) get(ctx context.Context, table string, p driver.Partition, keys [][]byte, at map[string]int, values [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	q := e.session.Query("SELECT key, value FROM "+table+" WHERE partition = ? AND key IN ?", []byte(p.Key), keys)
	iter := q.Idempotent(true).SetSpeculativeExecutionPolicy(hedged).IterContext(ctx)
	var key, value []byte
	for iter.Scan(&key, &value) {
		values[at[string(key)]] = value
		value = nil
	}
	return failure(ctx, iter.Close(), "read rows")
}

// notNil returns b, or an empty slice: the driver takes nil for a null.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
