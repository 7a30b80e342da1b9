package cassandrastore

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
	"parlance/internal/cassandratest"
	"parlance/store/driver"
)

func wantKind(t testing.TB, err error, kind parlance.ErrorKind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want one of kind %q", err, kind)
	}
}

// session connects without an engine.
func session(t testing.TB, hosts []string) *gocql.Session {
	t.Helper()
	c := config(hosts, "any")
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	s, err := c.cluster().CreateSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func exec(t testing.TB, s *gocql.Session, text string) {
	t.Helper()
	if err := s.Query(text).Exec(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// definitions returns the keyspace's tables and when they were made.
func definitions(t testing.TB, s *gocql.Session, keyspace string) map[string]string {
	t.Helper()
	it := s.Query("SELECT table_name, id FROM system_schema.tables WHERE keyspace_name = ?", keyspace).Iter()
	tables, name, id := map[string]string{}, "", gocql.UUID{}
	for it.Scan(&name, &id) {
		tables[name] = id.String()
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return tables
}

func TestConfig(t *testing.T) {
	good := Config{Hosts: []string{"localhost"}, Keyspace: "k"}
	tests := map[string]func(*Config){
		"no hosts":             func(c *Config) { c.Hosts = nil },
		"no keyspace":          func(c *Config) { c.Keyspace = "" },
		"keyspace of capitals": func(c *Config) { c.Keyspace = "Parlance" },
		"keyspace in quotes":   func(c *Config) { c.Keyspace = `k" WITH` },
		"long keyspace":        func(c *Config) { c.Keyspace = strings.Repeat("k", 49) },
		"replication":          func(c *Config) { c.Replication = -1 },
		"protocol":             func(c *Config) { c.Protocol = 3 },
		"time-out":             func(c *Config) { c.Timeout = -1 },
	}
	for name, spoil := range tests {
		c := good
		spoil(&c)
		_, err := Open(t.Context(), c)
		if !errors.Is(err, parlance.Invalid) {
			t.Errorf("%s: got error %v, want an invalid one", name, err)
		}
	}
}

// What never answers, or isn't a server, is told from a mistake, and soon.
func TestNobodyThere(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() }) // until then its connections are made, and nothing ever comes
	tests := map[string]Config{
		"nobody listens": {Hosts: []string{"127.0.0.1:1"}},
		"no such host":   {Hosts: []string{"host.invalid"}},
		"silence":        {Hosts: []string{silent.Addr().String()}},
		"not encrypted":  {Hosts: []string{"127.0.0.1:1"}, TLS: &tls.Config{MinVersion: tls.VersionTLS12}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Keyspace, c.Timeout, c.Password, c.User = "k", 2*time.Second, "the password", "somebody"
			c.Logger = config(nil, "").Logger
			began := time.Now()
			_, err := Open(t.Context(), c)
			wantKind(t, err, parlance.Unavailable)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %s to find that out", took)
			}
			if !strings.Contains(err.Error(), c.Hosts[0]) || strings.Contains(err.Error(), "the password") {
				t.Errorf("the error says %q", err)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Open(ctx, Config{Hosts: []string{silent.Addr().String()}, Keyspace: "k", Timeout: time.Minute, Logger: config(nil, "").Logger})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("under a context that ends: %v", err)
	}
}

// Many who make the same keyspace at once end with one, and what each writes there is read by all.
func TestOpenAtOnce(t *testing.T) {
	hosts, keyspace := cassandratest.Keyspace(t)
	const openers = 6
	engines := make([]*Engine, openers)
	p := driver.Partition{Table: driver.Claimed, Key: "p"}
	var wg sync.WaitGroup
	for i := range engines {
		wg.Go(func() {
			c := config([]string{hosts[i%len(hosts)]}, keyspace)
			e, err := Open(t.Context(), c)
			if err != nil {
				t.Error(err)
				return
			}
			engines[i] = e
			// The claims meet in one partition, so some may have to be made again.
			claim := []driver.Claim{{Key: []byte{byte(i)}, Value: []byte("here")}}
			err = e.Claim(t.Context(), p, claim, nil, 1)
			for try := 0; errors.Is(err, parlance.Unavailable) && try < 20; try++ {
				err = e.Claim(t.Context(), p, claim, nil, 1)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, e := range engines {
		if e == nil {
			continue
		}
		n := 0
		for _, err := range e.Scan(t.Context(), p, driver.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != openers {
			t.Errorf("opener %d sees the rows of %d of %d", i, n, openers)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestForeignKeyspace(t *testing.T) {
	hosts, keyspace := cassandratest.Keyspace(t)
	s := session(t, hosts)
	exec(t, s, "CREATE KEYSPACE "+keyspace+" WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': 3}")
	exec(t, s, "CREATE TABLE "+keyspace+".theses (title text PRIMARY KEY)")
	before := definitions(t, s, keyspace)
	_, err := Open(t.Context(), config(hosts, keyspace))
	wantKind(t, err, parlance.Invalid)
	if !strings.Contains(err.Error(), keyspace) {
		t.Errorf("the error doesn't name the keyspace: %v", err)
	}
	if after := definitions(t, s, keyspace); !maps.Equal(before, after) {
		t.Errorf("the keyspace was changed: %v", after)
	}
}

func TestNewerTables(t *testing.T) {
	hosts, keyspace := cassandratest.Keyspace(t)
	s := session(t, hosts)
	e := openEngine(t, config(hosts, keyspace))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	before := definitions(t, s, keyspace)
	exec(t, s, "UPDATE "+keyspace+".parlance_format SET version = 2 WHERE name = 'tables' IF version = 1")
	_, err := Open(t.Context(), config(hosts, keyspace))
	wantKind(t, err, parlance.Invalid)
	if !strings.Contains(err.Error(), "newer parlance") {
		t.Errorf("the error doesn't say what to do: %v", err)
	}
	exec(t, s, "UPDATE "+keyspace+".parlance_format SET version = 1 WHERE name = 'tables' IF version = 2")

	// A process that stopped before it was done leaves the rest to the next.
	exec(t, s, "DELETE FROM "+keyspace+".parlance_format WHERE name = 'tables' IF EXISTS")
	exec(t, s, "DROP TABLE "+keyspace+".derived")
	if err := openEngine(t, config(hosts, keyspace)).Close(); err != nil {
		t.Fatal(err)
	}
	after := definitions(t, s, keyspace)
	if len(after) != 3 || after["claimed"] != before["claimed"] || after["derived"] == before["derived"] {
		t.Errorf("tables were %v and are %v", before, after)
	}
}

// Servers that ask for a password get it; a wrong one is told from servers that are gone.
func TestPassword(t *testing.T) {
	cassandratest.Hosts(t) // whether real nodes are wanted
	if testing.Short() {
		t.Skip("a node takes a while to start")
	}
	cluster, err := cassandratest.Start(t.Context(), cassandratest.Options{Nodes: 1, Users: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := config(cluster.Hosts(), "k")
	c.Replication = 1
	tests := map[string]func(*Config){
		"no user":             func(*Config) {},
		"a wrong password":    func(c *Config) { c.User, c.Password = cassandratest.User, "a guess" },
		"another data centre": func(c *Config) { c.User, c.Password, c.LocalDC = cassandratest.User, cassandratest.Password, "moon" },
	}
	for what, spoil := range tests {
		c := c
		spoil(&c)
		_, err := Open(t.Context(), c)
		if !errors.Is(err, parlance.Invalid) {
			t.Errorf("%s: got error %v, want an invalid one", what, err)
			continue
		}
		if t.Logf("%s: %v", what, err); strings.Contains(err.Error(), "a guess") {
			t.Errorf("%s: the error shows the password: %v", what, err)
		}
	}
	c.User, c.Password = cassandratest.User, cassandratest.Password
	e := openEngine(t, c)
	if err := e.Claim(t.Context(), entries, group(1, 1, "entry"), nil, 1); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
