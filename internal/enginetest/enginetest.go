// Package enginetest gives tests an empty engine of the kind that they are asked to run on: the
// embedded one in memory, or a part of a real Cassandra. It hides that making a
// keyspace takes seconds, so that all tests of a process share one.
package enginetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"parlance/internal/cassandratest"
	"parlance/store/cassandrastore"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// Variable names the environment variable that says on which engine tests run that can run on any:
// "cassandra", or nothing for the embedded one.
const Variable = "PARLANCE_TEST_ENGINE"

// A fataler is a test, or what a property is checked with.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Open returns an empty engine that the test owns.
func Open(t testing.TB) driver.Engine {
	t.Helper()
	switch v := os.Getenv(Variable); v {
	case "":
		return Memory(t)
	case "cassandra":
		return Cassandra(t)
	default:
		t.Fatalf("%s=%s: there is no such engine", Variable, v)
		return nil
	}
}

// Memory returns an empty engine in memory.
func Memory(t fataler) driver.Engine {
	t.Helper()
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatalf("open an engine in memory: %v", err)
	}
	return e
}

// Cassandra returns an empty part of a keyspace on the nodes that tests may use; the test is
// skipped if there are none, see [cassandratest.Hosts].
func Cassandra(t testing.TB) driver.Engine {
	t.Helper()
	hosts := cassandratest.Hosts(t)
	e, err := keyspace(strings.Join(hosts, ","))
	if err != nil {
		t.Fatalf("open a keyspace: %v", err)
	}
	return Part(e)
}

var (
	mu     sync.Mutex
	shared = map[string]*cassandrastore.Engine{}
	parts  atomic.Uint64
)

// keyspace returns this process's keyspace, which goes when the servers do.
func keyspace(hosts string) (*cassandrastore.Engine, error) {
	mu.Lock()
	defer mu.Unlock()
	if e := shared[hosts]; e != nil {
		return e, nil
	}
	e, err := cassandrastore.Open(context.Background(), cassandrastore.Config{
		Hosts: strings.Split(hosts, ","), Keyspace: "tests_" + strings.ToLower(rand.Text()[:16]), Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		shared[hosts] = e
	}
	return e, err
}

// Part returns an engine whose partitions are some of e's that no other part has. Closing it leaves e open.
func Part(e driver.Engine) driver.Engine { return &part{e, fmt.Sprintf("%d/", parts.Add(1))} }

type part struct {
	driver.Engine
	prefix string
}

func (p *part) own(of driver.Partition) driver.Partition {
	of.Key = p.prefix + of.Key
	return of
}

func (p *part) ops(ops []driver.Op) []driver.Op {
	own := make([]driver.Op, len(ops))
	for i, op := range ops {
		op.Partition = p.own(op.Partition)
		own[i] = op
	}
	return own
}

func (p *part) Get(ctx context.Context, of driver.Partition, keys [][]byte) ([][]byte, error) {
	return p.Engine.Get(ctx, p.own(of), keys)
}

func (p *part) Scan(ctx context.Context, of driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return p.Engine.Scan(ctx, p.own(of), r)
}

func (p *part) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	return p.Engine.Write(ctx, p.ops(ops), v)
}

func (p *part) Claim(ctx context.Context, of driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	return p.Engine.Claim(ctx, p.own(of), claims, p.ops(ops), v)
}

func (*part) Close() error { return nil }
