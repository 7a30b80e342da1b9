package cassandrastore

import (
	"bytes"
	"context"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
	"parlance/store/driver"
)

// Claim claims the rows with one conditional statement, or one batch of them, and then
// writes ops. See [driver.Engine].
func (e *Engine) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	e.calls.Add(1)
	defer e.calls.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.Table != driver.Claimed {
		return parlance.Errorf(parlance.Invalid, "claim rows: table %d holds no claimed rows", p.Table)
	}
	for _, c := range claims {
		if c.Value != nil && len(c.Value) == 0 {
			return parlance.Errorf(parlance.Invalid, "claim a row: its value is empty")
		}
	}
	if err := check(ops, v); err != nil {
		return err
	}
	if len(claims) > 0 {
		if err := e.claim(ctx, p, claims); err != nil {
			return err
		}
	}
	return e.write(ctx, ops, v)
}

// claimTries is how often a claim is made of which others have put some rows already.
const claimTries = 8

// claim puts the rows. A try that isn't applied shows what stands: rows that hold
// their new values already are expected to in the next try, so that the whole is
// still decided in one step.
func (e *Engine) claim(ctx context.Context, p driver.Partition, claims []driver.Claim) error {
	expected := make([][]byte, len(claims))
	for i, c := range claims {
		expected[i] = c.Old
	}
	for range claimTries {
		applied, standing, err := e.compareAndSet(ctx, p, claims, expected)
		if err != nil || applied {
			return err
		}
		held := 0
		for i, c := range claims {
			switch stands := standing[string(c.Key)]; {
			case same(stands, c.Value):
				expected[i] = c.Value
				held++
			case same(stands, c.Old):
				expected[i] = c.Old
			default:
				return refuse(claims, standing)
			}
		}
		if held == len(claims) {
			return nil
		}
	}
	return parlance.Errorf(parlance.Unavailable, "claim rows: others change them all the time")
}

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func refuse(claims []driver.Claim, standing map[string][]byte) *driver.Refused {
	rows := make([]driver.Row, len(claims))
	for i, c := range claims {
		rows[i] = driver.Row{Key: bytes.Clone(c.Key), Value: standing[string(c.Key)]}
	}
	return &driver.Refused{Standing: rows}
}

// compareAndSet puts all rows if each is as expected. Otherwise it returns those of the rows
// that stand, by key, which Paxos has read at the same time.
//
// These statements are never sent twice by the driver: after a time-out nobody knows
// whether they were done, and only the caller can tell by claiming again.
func (e *Engine) compareAndSet(ctx context.Context, p driver.Partition, claims []driver.Claim, expected [][]byte) (applied bool, standing map[string][]byte, err error) {
	var it *gocql.Iter
	if len(claims) == 1 {
		text, args := e.conditional(p, claims[0], expected[0])
		it = e.session.Query(text, args...).NoSkipMetadata().Idempotent(false).IterContext(ctx)
	} else {
		b := e.session.Batch(gocql.LoggedBatch)
		for i, c := range claims {
			text, args := e.conditional(p, c, expected[i])
			b.Entries = append(b.Entries, gocql.BatchEntry{Stmt: text, Args: args})
		}
		it = b.IterContext(ctx)
	}
	standing = map[string][]byte{}
	for {
		// Columns differ: the row's own are there if it stands, and the key's may be missing.
		row := map[string]any{}
		if !it.MapScan(row) {
			break
		}
		applied, _ = row["[applied]"].(bool)
		value, _ := row["value"].([]byte)
		key, ok := row["key"].([]byte)
		if !ok {
			key = claims[0].Key
		}
		if value != nil {
			standing[string(key)] = value
		}
	}
	return applied, standing, failure(ctx, it.Close(), "claim rows")
}

// conditional returns the statement that puts or deletes one row if it is as expected.
func (e *Engine) conditional(p driver.Partition, c driver.Claim, expected []byte) (text string, args []any) {
	partition, key := []byte(p.Key), notNil(c.Key)
	switch {
	case c.Value == nil && expected == nil: // absent, and to stay so
		return e.tables.claimAbsent, []any{partition, key}
	case c.Value == nil:
		return e.tables.claimDelete, []any{partition, key, expected}
	case expected == nil:
		return e.tables.claimInsert, []any{partition, key, c.Value}
	default:
		return e.tables.claimUpdate, []any{c.Value, partition, key, expected}
	}
}
