package cassandrastore

import (
	"context"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
	"parlance/store/driver"
)

// maxVersion is the highest version that makes a timestamp.
const maxVersion = 1 << 62

// Write writes ops at their version: one as it is, several as a batch. Without
// ops there is nothing to do, for whatever could be read before was written at a quorum. See [driver.Engine].
func (e *Engine) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	e.calls.Add(1)
	defer e.calls.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := check(ops, v); err != nil {
		return err
	}
	return e.write(ctx, ops, v)
}

// check reports ops that can't be written, before anything is.
func check(ops []driver.Op, v driver.Version) error {
	if len(ops) > 0 && (v == 0 || v > maxVersion) {
		return parlance.Errorf(parlance.Invalid, "write rows: version %d is not from 1 to 2^62", v)
	}
	for _, op := range ops {
		switch {
		case op.Partition.Table != driver.Derived:
			return parlance.Errorf(parlance.Invalid, "write rows: table %d holds no derived rows", op.Partition.Table)
		case len(op.Value) == 0 && !op.Delete:
			return parlance.Errorf(parlance.Invalid, "write a row: its value is empty")
		}
	}
	return nil
}

func (e *Engine) write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	switch len(ops) {
	case 0:
		return nil
	case 1:
		// Alone, a row may be larger than a batch.
		text, args := e.statement(ops[0], v)
		return failure(ctx, e.session.Query(text, args...).Idempotent(true).SetSpeculativeExecutionPolicy(hedged).ExecContext(ctx), "write a row")
	}
	// Cassandra could log the batch first and so apply all of it in the end. The store writes what is
	// missing anyway, and the log stops all writing for as long as one of the nodes that hold it is silent.
	b := e.session.Batch(gocql.UnloggedBatch).SpeculativeExecutionPolicy(hedged)
	for _, op := range ops {
		text, args := e.statement(op, v)
		b.Entries = append(b.Entries, gocql.BatchEntry{Stmt: text, Args: args, Idempotent: true})
	}
	return failure(ctx, b.ExecContext(ctx), "write rows")
}

func (e *Engine) statement(op driver.Op, v driver.Version) (text string, args []any) {
	partition, key := []byte(op.Partition.Key), notNil(op.Key)
	if op.Delete {
		return e.tables.remove, []any{int64(v), partition, key}
	}
	return e.tables.put, []any{partition, key, op.Value, int64(v)}
}
