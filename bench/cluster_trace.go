package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

// A server is what one replica read to answer.
type server struct{ rows, tombstones int }

func (s server) plus(t server) server { return server{s.rows + t.rows, s.tombstones + t.tombstones} }

// fetchRows is how many rows of a scan are fetched at a time, as the engine does.
const fetchRows = 500

// traced does the reads that do makes once more, each traced, and adds up what a replica says it read for them.
func (b *cluster) traced(ctx context.Context, p *process, do func() error) (sum server, err error) {
	reads, _, err := p.engine.record(do)
	if err != nil {
		return sum, err
	}
	for _, x := range reads {
		text, args := x.statement(b.keyspace)
		var ids traceIDs
		q := b.bare.Query(text, args...).Trace(&ids).PageSize(fetchRows)
		if x.bounds.Limit > 0 {
			q = q.PageSize(min(fetchRows, x.bounds.Limit))
		}
		var key, value []byte
		it := q.IterContext(ctx)
		// The caller took so many rows, and knew of the end if that was more than there are.
		for n := 0; it.Scan(&key, &value); {
			if n++; n == x.rows && x.keys == nil && x.bounds.Limit == 0 {
				break
			}
		}
		if err := it.Close(); err != nil {
			return sum, fmt.Errorf("trace a read: %w", err)
		}
		for _, id := range ids.get() {
			s, err := b.trace(ctx, id)
			if err != nil {
				return sum, err
			}
			sum = sum.plus(s)
		}
	}
	return sum, nil
}

// traceIDs collects the ids of traces.
type traceIDs struct {
	mu  sync.Mutex
	ids [][]byte
}

func (t *traceIDs) Trace(id []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids = append(t.ids, id)
}

func (t *traceIDs) get() [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids
}

var readEvent = regexp.MustCompile(`Read (\d+) live rows.* (\d+) tombstone`)

// trace returns what one replica read, the one that read most: on several nodes others read the same
// rows for their digests. The server writes traces a little later than it answers.
func (b *cluster) trace(ctx context.Context, id []byte) (server, error) {
	const patience = 500
	uuid, err := gocql.UUIDFromBytes(id)
	if err != nil {
		return server{}, err
	}
	for range patience {
		var took int
		var request string
		err := b.bare.Query("SELECT duration, request FROM system_traces.sessions WHERE session_id = ?", uuid).Consistency(gocql.One).ScanContext(ctx, &took, &request)
		if err == nil && strings.HasPrefix(request, "Prepar") {
			return server{}, nil // the statement was new to this node
		}
		if err == nil && took > 0 {
			if s, ok, err := b.events(ctx, uuid); err != nil || ok {
				return s, err
			}
		}
		select {
		case <-ctx.Done():
			return server{}, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return server{}, fmt.Errorf("trace %s tells of no read", hex.EncodeToString(id))
}

func (b *cluster) events(ctx context.Context, id gocql.UUID) (s server, ok bool, err error) {
	it := b.bare.Query("SELECT source, activity FROM system_traces.events WHERE session_id = ?", id).Consistency(gocql.One).IterContext(ctx)
	by := map[string]server{}
	var source, activity string
	for it.Scan(&source, &activity) {
		m := readEvent.FindStringSubmatch(activity)
		if m == nil {
			continue
		}
		rows, err1 := strconv.Atoi(m[1])
		dead, err2 := strconv.Atoi(m[2])
		if err1 != nil || err2 != nil {
			return s, false, fmt.Errorf("read the trace's %q", activity)
		}
		by[source] = by[source].plus(server{rows, dead})
		if t := by[source]; t.rows+t.tombstones >= s.rows+s.tombstones {
			s = t
		}
	}
	return s, len(by) > 0, it.Close()
}
