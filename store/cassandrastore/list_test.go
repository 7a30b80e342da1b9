package cassandrastore

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
	"parlance/store"
)

// testLists counts the tombstones that readers of lists cross after one of an account's rooms was written to many
// times, on a made-up clock: below a hundred for ten thousand times, whatever lies between two of them. PARLANCE_TEST_MOVES
// sets how often; few by default, with a bound in proportion.
func testLists(t *testing.T, c Config) {
	const rooms = 30
	moves := 500
	if n, err := strconv.Atoi(os.Getenv("PARLANCE_TEST_MOVES")); err == nil {
		moves = n
	}
	var clock atomic.Int64
	clock.Store(int64(parlance.TimeOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))))
	e := openEngine(t, c)
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
		room := parlance.Ref{Workspace: ws, Conversation: "room0"}
		for range moves {
			send(room, step)
		}
		for _, l := range []store.List{{Account: "alice"}, {Kind: parlance.Room}} {
			n, reads, dead := readTraced(t, c, e, ws, l)
			t.Logf("after %d messages %s apart, the first %d of %+v: %d reads, %d tombstones", moves, step, n, l, reads, dead)
			if limit := 100 * moves / 10_000; n != 20 || reads < n || dead > limit {
				t.Errorf("that are more than %d tombstones, or %d rooms instead of 20", limit, n)
			}
		}
	}
}

// readTraced reads the first 20 conversations of a list as a process that knows nothing of them. It returns how many there
// were, how many reads that took, and how many tombstones the replicas crossed for them in all.
func readTraced(t *testing.T, c Config, e *Engine, ws parlance.WorkspaceID, l store.List) (shown, reads, dead int) {
	t.Helper()
	for range 5 { // a busy server drops parts of traces
		var ids traces
		reader := openTraced(t, c, &ids)
		shown = 0
		for _, err := range reader.Recent(t.Context(), ws, l) {
			if err != nil {
				t.Fatal(err)
			}
			if shown++; shown == 20 {
				break
			}
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
		var whole bool
		if reads, dead, whole = ids.tombstones(t, e); whole {
			return shown, reads, dead
		}
	}
	t.Fatal("no trace is whole")
	return 0, 0, 0
}

// openTraced opens a store whose reads are all traced.
func openTraced(t *testing.T, c Config, ids *traces) *store.Store {
	t.Helper()
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	g := c.cluster()
	g.Keyspace, g.Tracer = c.Keyspace, ids
	session, err := connect(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), &Engine{session: session, tables: tablesOf(c.Keyspace)}, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// traces collects the ids of traces.
type traces struct {
	mu  sync.Mutex
	ids [][]byte
}

func (t *traces) Trace(id []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids = append(t.ids, id)
}

var readEvent = regexp.MustCompile(`Read \d+ live rows.* (\d+) tombstone`)

// tombstones returns how many reads were traced, and how many tombstones the replicas crossed for them in all; whole says
// that all traces tell. A server writes traces a little later than it answers.
func (t *traces) tombstones(tb testing.TB, e *Engine) (reads, dead int, whole bool) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	patience := 500
	for _, id := range t.ids {
		n, done := traced(tb, e, id)
		for ; !done && patience > 0; patience-- {
			time.Sleep(20 * time.Millisecond)
			n, done = traced(tb, e, id)
		}
		if !done {
			tb.Logf("trace %x tells of no read", id)
			return 0, 0, false
		}
		dead += n
		reads++
	}
	return reads, dead, true
}

func traced(tb testing.TB, e *Engine, id []byte) (dead int, done bool) {
	tb.Helper()
	uuid, err := gocql.UUIDFromBytes(id)
	if err != nil {
		tb.Fatal(err)
	}
	var took int
	var request string
	q := e.session.Query("SELECT duration, request FROM system_traces.sessions WHERE session_id = ?", uuid).Consistency(gocql.One)
	err = q.ScanContext(context.Background(), &took, &request)
	if err == nil && strings.HasPrefix(request, "Prepar") {
		return 0, true // the statement was new to this node
	}
	if err != nil || took == 0 {
		return 0, false
	}
	it := e.session.Query("SELECT activity FROM system_traces.events WHERE session_id = ?", uuid).Consistency(gocql.One).IterContext(context.Background())
	var activity string
	for it.Scan(&activity) {
		if m := readEvent.FindStringSubmatch(activity); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				tb.Fatal(err)
			}
			dead, done = dead+n, true
		}
	}
	if err := it.Close(); err != nil {
		return 0, false
	}
	if !done {
		dead = 0
	}
	return dead, done
}
