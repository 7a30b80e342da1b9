package cassandrastore

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parlance"
	"parlance/internal/cassandratest"
	"parlance/store/driver"
)

var (
	entries = driver.Partition{Table: driver.Claimed, Key: "entries"}
	about   = driver.Partition{Table: driver.Derived, Key: "about"}
)

func number(n int) []byte { return fmt.Appendf(nil, "%08d", n) }

func group(first, n int, text string) []driver.Claim {
	var claims []driver.Claim
	for i := range n {
		claims = append(claims, driver.Claim{Key: number(first + i), Value: fmt.Append(nil, text, " ", first+i)})
	}
	return claims
}

func value(t testing.TB, e *Engine, p driver.Partition, key []byte) string {
	t.Helper()
	v, err := e.Get(t.Context(), p, [][]byte{key})
	if err != nil {
		t.Fatal(err)
	}
	return string(v[0])
}

// TestEngine shares a keyspace among tests that have partitions of their own.
func TestEngine(t *testing.T) {
	hosts, keyspace := cassandratest.Keyspace(t)
	c := config(hosts, keyspace)
	for name, test := range map[string]func(*testing.T, Config){
		"LostAnswer": testLostAnswer,
		"SameClaim":  testSameClaim,
		"Observe":    testObserve,
		"TinyRows":   testTinyRows,
		"Refusals":   testRefusals,
		"Store":      testStore,
		"TwoStores":  testTwoStores,
		"Lists":      testLists,
		"Largest":    testLargest,
	} {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

// A forgetful network sends everything and, while it is deaf, brings nothing back.
type forgetful struct {
	deaf atomic.Bool
	mu   sync.Mutex
	lost []net.Conn // connections that aren't what they were
}

func (f *forgetful) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &forgetfulConn{Conn: conn, network: f}, err
}

// hear ends the deafness and the connections that suffered from it.
func (f *forgetful) hear() {
	f.deaf.Store(false)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.lost {
		c.Close()
	}
}

type forgetfulConn struct {
	net.Conn
	network *forgetful
	lost    bool
}

func (c *forgetfulConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.lost && !c.network.deaf.Load() {
			return n, err
		}
		if !c.lost {
			c.lost = true
			c.network.mu.Lock()
			c.network.lost = append(c.network.lost, c.Conn)
			c.network.mu.Unlock()
		}
	}
}

func testLostAnswer(t *testing.T, c Config) {
	other := openEngine(t, c)
	defer other.Close()
	var network forgetful
	var mu sync.Mutex
	asked := map[string]bool{}
	c.dialer, c.Timeout = &network, time.Second
	c.Observe = func(s Statement) {
		mu.Lock()
		defer mu.Unlock()
		asked[s.Host] = true
	}
	e := openEngine(t, c)
	defer e.Close()
	p := driver.Partition{Table: driver.Claimed, Key: "lost"}
	n := 0
	for ; ; n += 2 { // until each host knows the statement
		mu.Lock()
		hosts := len(asked)
		clear(asked)
		mu.Unlock()
		if n > 60 && hosts > 0 {
			break
		}
		if err := e.Claim(t.Context(), p, group(n, 2, "warm"), nil, 1); err != nil {
			t.Fatal(err)
		}
	}

	ops := []driver.Op{{Partition: about, Key: []byte("lost"), Value: []byte("found")}}
	network.deaf.Store(true)
	wantKind(t, e.Claim(t.Context(), p, group(n, 2, "mine"), ops, 1), parlance.Unavailable)
	if got, want := value(t, other, p, number(n)), fmt.Sprint("mine ", n); got != want {
		t.Fatalf("the claim without an answer left %q, want %q", got, want)
	}
	if got := value(t, other, about, []byte("lost")); got != "" {
		t.Fatalf("the ops were written before the claim was answered: %q", got)
	}
	network.hear()

	// Another one goes on from there; the claim is as good as before, and so is a refusal.
	if err := other.Claim(t.Context(), p, group(n+2, 1, "next"), nil, 1); err != nil {
		t.Fatal(err)
	}
	again := func(claims []driver.Claim) (err error) {
		for range 50 { // the driver connects again in its own time
			if err = e.Claim(t.Context(), p, claims, ops, 1); parlance.KindOf(err) != parlance.Unavailable {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
		return err
	}
	if err := again(group(n, 2, "mine")); err != nil {
		t.Fatal(err)
	}
	if got := value(t, e, about, []byte("lost")); got != "found" {
		t.Fatalf("after the claim was repeated its op is %q", got)
	}
	if r := driver.AsRefused(again(group(n, 2, "yours"))); r == nil || len(r.Standing) != 2 {
		t.Fatalf("another claim of the same rows is answered %v", r)
	}
}

// Several who claim the same rows for the same values all have them, whatever each
// finds done already.
func testSameClaim(t *testing.T, c Config) {
	const claimers = 4
	e := openEngine(t, c)
	defer e.Close()
	p := driver.Partition{Table: driver.Claimed, Key: "same"}
	var wg sync.WaitGroup
	for i := range claimers {
		wg.Go(func() {
			for n := range 10 {
				// Their groups overlap.
				for try := 0; ; try++ {
					err := e.Claim(t.Context(), p, group(n*claimers+i, 6, "same"), nil, 1)
					if parlance.KindOf(err) == parlance.Unavailable && try < 20 {
						continue
					}
					if err != nil {
						t.Error(err)
					}
					break
				}
			}
		})
	}
	wg.Wait()
	n := 0
	for row, err := range e.Scan(t.Context(), p, driver.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprint("same ", n); string(row.Value) != want {
			t.Fatalf("row %q is %q, want %q", row.Key, row.Value, want)
		}
		n++
	}
	if want := 9*claimers + claimers - 1 + 6; n != want {
		t.Errorf("there are %d rows, want %d", n, want)
	}
}

// What things cost in round trips is part of the promise.
func testObserve(t *testing.T, c Config) {
	var mu sync.Mutex
	var seen []Statement
	c.Observe = func(s Statement) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, s)
	}
	e := openEngine(t, c)
	defer e.Close()
	ctx := t.Context()
	log := driver.Partition{Table: driver.Claimed, Key: "observed"}
	rows := driver.Partition{Table: driver.Derived, Key: "observed"}
	op := func(n int) driver.Op { return driver.Op{Partition: rows, Key: number(n), Value: []byte("v")} }
	var ops []driver.Op
	for n := range pageRows + 100 {
		ops = append(ops, op(n))
	}
	var keys [][]byte
	for n := range 2*getKeys + 1 {
		keys = append(keys, number(n))
	}
	scan := func(r driver.Range) error {
		for _, err := range e.Scan(ctx, rows, r) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	tests := []struct {
		what        string
		do          func() error
		trips, rows int
	}{
		{"fill", func() error { return e.Write(ctx, ops, 1) }, 1, 0},
		{"one write", func() error { return e.Write(ctx, ops[:1], 1) }, 1, 0},
		{"nothing", func() error { return e.Write(ctx, nil, 1) }, 0, 0},
		{"a claim", func() error { return e.Claim(ctx, log, group(0, 1, "one"), nil, 1) }, 1, 1},
		{"a claim of a group, with its ops", func() error { return e.Claim(ctx, log, group(1, 20, "more"), ops[:5], 1) }, 2, 0},
		{"the same again", func() error { return e.Claim(ctx, log, group(1, 20, "more"), ops[:5], 1) }, 2, 0},
		{"get", func() error { _, err := e.Get(ctx, rows, keys[:getKeys]); return err }, 1, getKeys},
		{"get many", func() error { _, err := e.Get(ctx, rows, keys); return err }, 3, len(keys)},
		{"get nothing", func() error { _, err := e.Get(ctx, rows, nil); return err }, 0, 0},
		{"a page", func() error { return scan(driver.Range{Limit: 20, Reverse: true}) }, 1, 20},
		{"all", func() error { return scan(driver.Range{}) }, 2, len(ops)},
	}
	for _, tt := range tests {
		mu.Lock()
		seen = nil
		mu.Unlock()
		if err := tt.do(); err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		mu.Lock()
		got := 0
		for _, s := range seen {
			if got += s.Rows; s.Err != nil || s.Host == "" || s.Text == "" {
				t.Errorf("%s: %+v", tt.what, s)
			}
		}
		if len(seen) != tt.trips || got != tt.rows {
			t.Errorf("%s took %d round trips for %d rows, want %d for %d", tt.what, len(seen), got, tt.trips, tt.rows)
		}
		mu.Unlock()
	}
}

// A batch of the largest size that is declared passes, be its rows ever so small.
func testTinyRows(t *testing.T, c Config) {
	e := openEngine(t, c)
	defer e.Close()
	// Servers are strict with batches of several partitions.
	p, other := driver.Partition{Table: driver.Derived, Key: "t"}, driver.Partition{Table: driver.Derived, Key: "u"}
	var ops []driver.Op
	for n, size := 0, 0; ; n++ {
		op := driver.Op{Partition: p, Key: fmt.Append(nil, n), Value: []byte("v")}
		if n%2 == 1 {
			op.Partition = other
		}
		if size += op.Size(); size > e.Bounds().BatchBytes {
			break
		}
		ops = append(ops, op)
	}
	if err := e.Write(t.Context(), ops, 1); err != nil {
		t.Fatalf("write %d tiny rows: %v", len(ops), err)
	}
	n := 0
	for _, p := range []driver.Partition{p, other} {
		for _, err := range e.Scan(t.Context(), p, driver.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	if n != len(ops) {
		t.Errorf("%d of %d rows are there", n, len(ops))
	}
	// A row larger than a batch goes alone.
	large := driver.Op{Partition: p, Key: []byte("large"), Value: bytes.Repeat([]byte("v"), 1<<20)}
	if err := e.Write(t.Context(), []driver.Op{large}, 1); err != nil {
		t.Fatal(err)
	}
	if got := value(t, e, p, []byte("large")); len(got) != 1<<20 {
		t.Errorf("a large row came back with %d bytes", len(got))
	}
}

func testRefusals(t *testing.T, c Config) {
	e := openEngine(t, c)
	defer e.Close()
	ctx := t.Context()
	op := driver.Op{Partition: about, Key: []byte("refused"), Value: []byte("v")}
	empty, claimed := op, op
	empty.Value, claimed.Partition = nil, entries
	for what, err := range map[string]error{
		"version 0":             e.Write(ctx, []driver.Op{op}, 0),
		"a version too high":    e.Write(ctx, []driver.Op{op}, maxVersion+1),
		"an empty value":        e.Write(ctx, []driver.Op{op, empty}, 1),
		"a claimed row":         e.Write(ctx, []driver.Op{op, claimed}, 1),
		"a claim on derived":    e.Claim(ctx, about, group(1, 1, "v"), nil, 1),
		"a claim of no value":   e.Claim(ctx, entries, []driver.Claim{{Key: []byte("refused"), Value: []byte{}}}, nil, 1),
		"a claim with such ops": e.Claim(ctx, entries, []driver.Claim{{Key: []byte("refused"), Value: []byte("v")}}, []driver.Op{empty}, 1),
	} {
		if parlance.KindOf(err) != parlance.Invalid {
			t.Errorf("%s: got error %v, want an invalid one", what, err)
		}
	}
	if a, b := value(t, e, about, []byte("refused")), value(t, e, entries, []byte("refused")); a+b != "" {
		t.Errorf("what was refused is there: %q, %q", a, b)
	}
}
