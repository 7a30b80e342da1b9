package cassandrastore

import (
	"context"
	"fmt"
	"iter"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// testLists counts the tombstones that lie in what readers of lists cross after one of an account's rooms was written to
// many times, on a made-up clock: below a hundred for ten thousand times, whatever lies between two of them.
// PARLANCE_TEST_MOVES sets how often; few by default, with a bound in proportion.
func testLists(t *testing.T, c Config) {
	const rooms = 30
	moves := 500
	if n, err := strconv.Atoi(os.Getenv("PARLANCE_TEST_MOVES")); err == nil {
		moves = n
	}
	var clock atomic.Int64
	clock.Store(int64(parlance.TimeOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))))
	e := &listReads{Engine: openEngine(t, c)}
	s, err := store.Open(t.Context(), e, store.Options{Now: func() parlance.Time { return parlance.Time(clock.Load()) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	send := func(ref parlance.Ref, step time.Duration) {
		t.Helper()
		clock.Add(step.Milliseconds())
		if _, err := s.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "alice", Text: "text"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []time.Duration{time.Second, time.Minute} {
		ws := parlance.WorkspaceID("lists " + step.String())
		for i := range rooms {
			ref := create(t, s, ws, parlance.ConversationID(fmt.Sprint("room", i)))
			if err := s.AddMembers(t.Context(), ref, parlance.Member{Account: "alice"}); err != nil {
				t.Fatal(err)
			}
			send(ref, 2*time.Minute)
		}
		for range moves {
			send(parlance.Ref{Workspace: ws, Conversation: "room0"}, step)
		}
		for _, l := range []store.List{{Account: "alice"}, {Kind: parlance.Room}} {
			e.partitions.Store(&[]driver.Partition{})
			n := 0
			for _, err := range s.Recent(t.Context(), ws, l) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == 20 {
					break
				}
			}
			read, dead := *e.partitions.Load(), 0
			for _, p := range read {
				dead += tombstones(t, e.Engine, p)
			}
			t.Logf("after %d messages %s apart, the first %d of %+v: %d partitions, %d tombstones", moves, step, n, l, len(read), dead)
			if limit := 100 * moves / 10_000; n != 20 || len(read) == 0 || dead > limit {
				t.Errorf("that are more than %d tombstones, or %d rooms instead of 20", limit, n)
			}
		}
	}
}

// listReads knows which partitions of lists were read.
type listReads struct {
	*Engine
	partitions atomic.Pointer[[]driver.Partition]
}

func (e *listReads) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	if strings.ContainsAny(p.Key[:1], "bBqQ") && p.Table == driver.Derived {
		for old := e.partitions.Load(); old != nil; old = e.partitions.Load() {
			next := append((*old)[:len(*old):len(*old)], p)
			if e.partitions.CompareAndSwap(old, &next) {
				break
			}
		}
	}
	return e.Engine.Scan(ctx, p, r)
}

var readEvent = regexp.MustCompile(`Read \d+ live rows.* (\d+) tombstone`)

// tombstones returns how many replicas cross that read a whole partition, counted for all of them together. A server writes
// traces a little later than it answers, and forgets some when it is busy.
func tombstones(t *testing.T, e *Engine, p driver.Partition) (dead int) {
	t.Helper()
	for range 10 {
		var id traceID
		if err := e.session.Query("SELECT key, value FROM "+e.tables.derived+" WHERE partition = ?", []byte(p.Key)).Trace(&id).ExecContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			time.Sleep(20 * time.Millisecond)
			it := e.session.Query("SELECT activity FROM system_traces.events WHERE session_id = ?", gocql.UUID(id)).Consistency(gocql.One).IterContext(t.Context())
			told := false
			dead = 0
			for activity := ""; it.Scan(&activity); {
				if m := readEvent.FindStringSubmatch(activity); m != nil {
					n, err := strconv.Atoi(m[1])
					if err != nil {
						t.Fatal(err)
					}
					told, dead = true, dead+n
				}
			}
			if err := it.Close(); err == nil && told {
				return dead
			}
		}
	}
	t.Fatalf("no trace tells of reading %q", p.Key)
	return 0
}

// A traceID is that of the last trace.
type traceID gocql.UUID

func (t *traceID) Trace(id []byte) { copy(t[:], id) }
