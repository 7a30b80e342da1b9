package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// A bareWriter writes rows of the sizes that a message of ours has, with nothing around it.
type bareWriter struct {
	*cluster
	entry []byte        // the log's row
	ops   []driver.Op   // what is derived from one message
	count atomic.Uint64 // of claims

	derived atomic.Uint64 // messages of which hundredWhole made derived rows
}

// newBareWriter looks at what p writes for one message to r.
func (b *cluster) newBareWriter(ctx context.Context, p *process, r *room) (*bareWriter, error) {
	if err := b.put(ctx, p, r, 1); err != nil {
		return nil, err
	}
	_, writes, err := p.engine.record(func() error { return b.put(ctx, p, r, 1) })
	if err != nil {
		return nil, err
	}
	w := &bareWriter{cluster: b}
	for _, x := range writes {
		for _, c := range x.claims {
			w.entry = c.Value
		}
		w.ops = append(w.ops, x.ops...)
	}
	if w.entry == nil || len(w.ops) == 0 {
		return nil, errors.New("a message claims nothing")
	}
	return w, nil
}

// fresh returns a key like k that ends in n. Short ones stay: their rows are written again and again.
func fresh(k []byte, n uint64) []byte {
	if len(k) < 8 {
		return append([]byte{}, k...)
	}
	return binary.BigEndian.AppendUint64(append([]byte{}, k[:len(k)-8]...), n)
}

// message inserts one row conditionally and then the derived ones, as a logged batch. Each worker
// has partitions of its own, so nobody disputes a row.
func (w *bareWriter) message(ctx context.Context, worker int) (int, error) {
	const segment = 1000
	n := w.count.Add(1)
	partition := fmt.Appendf(nil, "bare %d %d", worker, n/segment)
	applied, err := w.bare.Query("INSERT INTO "+w.bareKeyspace+".claimed (partition, key, value) VALUES (?, ?, ?) IF NOT EXISTS", partition, fresh(make([]byte, 8), n), w.entry).
		MapScanCASContext(ctx, map[string]any{})
	if err != nil || !applied {
		return 0, errors.Join(err, fmt.Errorf("insert a row: applied %t", applied))
	}
	batch := w.bare.Batch(gocql.LoggedBatch)
	for _, op := range w.ops {
		w.derive(batch, op, worker, n, n/segment)
	}
	return 1, batch.ExecContext(ctx)
}

// hundred inserts a hundred rows in one conditional batch.
func (w *bareWriter) hundred(ctx context.Context, worker int) (int, error) {
	const together, segment = 100, 40
	n := w.count.Add(1)
	partition := fmt.Appendf(nil, "bulk %d %d", worker, n/segment)
	batch := w.bare.Batch(gocql.LoggedBatch)
	for i := range together {
		batch.Query("INSERT INTO "+w.bareKeyspace+".claimed (partition, key, value) VALUES (?, ?, ?) IF NOT EXISTS", partition, fresh(make([]byte, 8), n*together+uint64(i)), w.entry)
	}
	applied, it, err := batch.MapExecCASContext(ctx, map[string]any{})
	if err != nil || !applied {
		return 0, errors.Join(err, fmt.Errorf("insert rows: applied %t", applied))
	}
	return together, it.Close()
}

// hundredWhole does what hundred does and then writes as many derived rows as ours are, in logged batches that servers accept.
func (w *bareWriter) hundredWhole(ctx context.Context, worker int) (int, error) {
	const limit, segment = 40 << 10, 1000
	together, err := w.hundred(ctx, worker)
	if err != nil {
		return 0, err
	}
	batch, size := w.bare.Batch(gocql.LoggedBatch), 0
	for range together {
		n := w.derived.Add(1)
		for _, op := range w.ops {
			if size+op.Size() > limit {
				if err := batch.ExecContext(ctx); err != nil {
					return 0, fmt.Errorf("write rows: %w", err)
				}
				batch, size = w.bare.Batch(gocql.LoggedBatch), 0
			}
			w.derive(batch, op, worker, n, n/segment)
			size += op.Size()
		}
	}
	return together, batch.ExecContext(ctx)
}

// derive adds a row like op to the batch.
func (w *bareWriter) derive(batch *gocql.Batch, op driver.Op, worker int, n, segment uint64) {
	partition := fmt.Appendf(nil, "%s %d %d", op.Partition.Key, worker, segment)
	if op.Delete {
		batch.Query("DELETE FROM "+w.bareKeyspace+".derived USING TIMESTAMP ? WHERE partition = ? AND key = ?", int64(n), partition, fresh(op.Key, n))
		return
	}
	batch.Query("INSERT INTO "+w.bareKeyspace+".derived (partition, key, value) VALUES (?, ?, ?) USING TIMESTAMP ?", partition, fresh(op.Key, n), op.Value, int64(n))
}

// ingest measures messages sent one by one.
func (b *cluster) ingest(ctx context.Context) (rows []row, err error) {
	p, err := b.again(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	bare, err := b.newBareWriter(ctx, p, b.many[0])
	if err != nil {
		return nil, err
	}
	for i, what := range []string{"rows derived from a message", "bytes of a log row"} {
		rows = append(rows, row{Group: b.name, Scenario: "durable message", Unit: what, Ours: float64([]int{len(bare.ops), len(bare.entry)}[i])})
	}
	send := func(n int) func(context.Context, int) (int, error) {
		return func(ctx context.Context, worker int) (int, error) { return 1, b.put(ctx, p, b.many[worker%n], 1) }
	}
	for _, c := range concurrencies {
		cs := []contender{{"a bare conditional insert and a batch", bare.message}, {"durable message, one conversation", send(1)}}
		if c > 1 {
			cs = append(cs, contender{fmt.Sprintf("durable message, %d conversations", c), send(c)})
		}
		rs, err := match(ctx, b.turn(c), cs...)
		if err != nil {
			return rows, err
		}
		for _, r := range rs[1:] {
			rows = append(rows, r.against(rs[0], b.name, fmt.Sprintf("%s, %d senders", r.name, c), "messages/s"))
		}
	}
	return rows, nil
}

// bulk measures an import.
func (b *cluster) bulk(ctx context.Context) (rows []row, err error) {
	p, err := b.again(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	bare, err := b.newBareWriter(ctx, p, b.many[0])
	if err != nil {
		return nil, err
	}
	const together = 500
	var rooms []*room
	var sent [maxWorkers]int
	for i := range maxWorkers {
		rooms = append(rooms, newRoom(workspaceID, 100+i, 0, 0))
		_, err := p.store.Create(ctx, workspaceID, parlance.Conversation{ID: rooms[i].ref.Conversation, Kind: parlance.Shop, Customer: rooms[i].buyer})
		if err != nil {
			return nil, err
		}
	}
	start := parlance.TimeOf(time.Now()) - 365*24*3600_000
	load := func(ctx context.Context, worker int) (int, error) {
		r := rooms[worker]
		ms := make([]parlance.Message, together)
		for i := range ms {
			n := sent[worker]
			sent[worker]++
			ms[i] = parlance.Message{
				ID: parlance.MessageID(fmt.Sprintf("%024x", worker<<32|n)), Sender: r.buyer, Role: parlance.Customer, Type: parlance.TypeText,
				Text: b.texts[n%len(b.texts)], Sent: start + parlance.Time(n)*1000,
			}
		}
		_, err := p.store.Put(ctx, r.ref, store.Import, ms...)
		return together, err
	}
	for _, c := range []int{1, 4} {
		rs, err := match(ctx, b.turn(c), contender{"import", load},
			contender{"bare conditional batches of 100 rows", bare.hundred},
			contender{"the same, and batches of as many derived rows", bare.hundredWhole})
		if err != nil {
			return rows, err
		}
		for _, rival := range rs[1:] {
			rows = append(rows, rs[0].against(rival, b.name, fmt.Sprintf("bulk import, %d conversations at once", c), "messages/s"))
		}
	}
	return rows, p.store.Settle(ctx)
}
