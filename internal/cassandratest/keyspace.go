package cassandratest

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"
)

// HostsVariable names the environment variable that lists the nodes for tests,
// separated by commas.
const HostsVariable = "PARLANCE_CASSANDRA"

// Hosts returns the nodes that tests may use. Without any the test is skipped, or
// fails where the environment variable CI is true.
func Hosts(t testing.TB) []string {
	t.Helper()
	list := os.Getenv(HostsVariable)
	if list == "" {
		const why = "no Cassandra: " + HostsVariable + " is not set (go run ./internal/cassandratest/run -- go test …)"
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	return strings.Split(list, ",")
}

// Keyspace returns the nodes and the name of a keyspace that nobody used before; the test
// makes it, and it is dropped when the test ends. Making one takes seconds, so
// tests that can live beside each other share one.
func Keyspace(t testing.TB) (hosts []string, keyspace string) {
	t.Helper()
	hosts = Hosts(t)
	keyspace = "test_" + strings.ToLower(rand.Text()[:16])
	t.Cleanup(func() {
		s, err := connect(hosts[0], "", "")
		if err != nil {
			t.Errorf("drop keyspace %s: %v", keyspace, err)
			return
		}
		defer s.Close()
		if err := s.Query("DROP KEYSPACE IF EXISTS " + keyspace).Exec(); err != nil {
			t.Errorf("drop keyspace %s: %v", keyspace, err)
		}
	})
	return hosts, keyspace
}
