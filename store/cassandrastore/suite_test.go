package cassandrastore

import (
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

// The suite's tests name partitions of their own, so one keyspace does for all.
func TestSuite(t *testing.T) {
	hosts, keyspace := cassandratest.Keyspace(t)
	drivertest.Run(t, func(t *testing.T) driver.Engine { return openEngine(t, config(hosts, keyspace)) })
}
