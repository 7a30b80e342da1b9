package cassandrastore

import (
	"fmt"
	"log/slog"
	"os"
	"testing"

	"parlance/internal/cassandratest"
	"parlance/store/driver"
	"parlance/store/driver/drivertest"
)

func config(hosts []string, keyspace string) Config {
	return Config{Hosts: hosts, Keyspace: keyspace, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
}

func openEngine(t testing.TB, c Config) *Engine {
	t.Helper()
	e, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The suite's tests name partitions of their own, so one keyspace does for all of a protocol, the newest or ScyllaDB's.
func TestSuite(t *testing.T) {
	for _, protocol := range []int{5, 4} {
		t.Run(fmt.Sprintf("protocol %d", protocol), func(t *testing.T) {
			hosts, keyspace := cassandratest.Keyspace(t)
			c := config(hosts, keyspace)
			c.Protocol = protocol
			drivertest.Run(t, func(t *testing.T) driver.Engine { return openEngine(t, c) })
		})
	}
}
