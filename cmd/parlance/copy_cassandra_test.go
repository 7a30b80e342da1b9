package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parlance/internal/cassandratest"
)

// TestCopyCassandra moves a demo's store to a cluster and from there to another folder: all three hold
// the same, and what each derived for itself is right.
func TestCopyCassandra(t *testing.T) {
	t.Parallel()
	hosts, keyspace := cassandratest.Keyspace(t)
	first, last := t.TempDir(), filepath.Join(t.TempDir(), "last")
	demo, _ := startDemo(t, "--data", first)
	demo.end(os.Interrupt)
	cluster := "cassandra:" + strings.Join(hosts, ",") + "/" + keyspace
	for _, args := range [][]string{
		{"copy", "--from", first, "--to", cluster, "--switch-over"},
		{"verify", "--engine", "cassandra", "--hosts", strings.Join(hosts, ","), "--keyspace", keyspace},
		{"copy", "--from", cluster, "--to", last, "--switch-over"},
		{"verify", "--data", last},
		{"verify", "--data", first, "--against", last},
		{"copy", "--thaw", "--from", cluster},
	} {
		p := start(t, append(args, "--json")...)
		if err := p.cmd.Wait(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, p.stderr)
		}
	}
}
