package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/internal/config"
	"parlance/store/cassandrastore"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// An engineName says which engine keeps a store's rows, and where. The zero name means
// the embedded engine in memory.
type engineName struct {
	dir      string   // of the embedded engine; empty: the rows are in a cluster
	hosts    []string // some of the cluster's nodes
	keyspace string
}

// String returns what [parseEngine] reads.
func (n engineName) String() string {
	switch {
	case n.dir != "":
		return n.dir
	case n.hosts == nil:
		return "memory"
	}
	return "cassandra:" + strings.Join(n.hosts, ",") + "/" + n.keyspace
}

// flags returns the flags that name the engine, to be pasted behind another command.
func (n engineName) flags() string {
	if n.dir != "" {
		return "--data " + shell(n.dir)
	}
	return "--engine cassandra --hosts " + shell(strings.Join(n.hosts, ",")) + " --keyspace " + shell(n.keyspace)
}

// parseEngine reads an engine's name in one word: DIR, pebble:DIR or
// cassandra:HOST[:PORT],.../KEYSPACE.
func parseEngine(s string) (engineName, error) {
	if rest, ok := strings.CutPrefix(s, "cassandra:"); ok {
		hosts, keyspace, ok := strings.Cut(rest, "/")
		if !ok || hosts == "" || keyspace == "" {
			return engineName{}, fmt.Errorf("%q: want cassandra:HOST[:PORT],.../KEYSPACE", s)
		}
		return engineName{hosts: strings.Split(hosts, ","), keyspace: keyspace}, nil
	}
	if s = strings.TrimPrefix(s, "pebble:"); s == "" {
		return engineName{}, errors.New("want DIR, pebble:DIR or cassandra:HOST[:PORT],.../KEYSPACE")
	}
	return engineName{dir: s}, nil
}

// engineFlags gives cmd the flags that say where the store is.
func engineFlags(cmd *cobra.Command) {
	d := config.Defaults()
	f := cmd.Flags()
	f.String("data", "", "the store's folder (PARLANCE_DATA_DIR)")
	f.String("engine", d.Engine, "what keeps the rows: pebble, in the folder, or cassandra (PARLANCE_ENGINE)")
	f.String("hosts", "", "some of the cluster's nodes: HOST[:PORT],... (PARLANCE_HOSTS)")
	f.String("keyspace", d.Keyspace, "keyspace of the store in the cluster (PARLANCE_KEYSPACE)")
	f.String("files", "", "folder of attachments beside a cluster (PARLANCE_FILES)")
	f.Int("replication", d.Replication, "copies of each row, of a keyspace that is made (PARLANCE_REPLICATION)")
}

// engineOf returns the engine that the settings name.
func engineOf(c config.Config) (engineName, error) {
	switch {
	case c.Engine == "cassandra" && len(c.Hosts) == 0:
		return engineName{}, usage("name some of the cluster's nodes: --hosts HOST,... or PARLANCE_HOSTS, or \"hosts\" in the configuration file")
	case c.Engine == "cassandra" && c.Data != "" && c.Given("engine"):
		return engineName{}, usage("name a folder (--data) or a cluster (--engine cassandra), not both")
	case c.Engine == "cassandra":
		return engineName{hosts: c.Hosts, keyspace: c.Keyspace}, nil
	case len(c.Hosts) > 0:
		return engineName{}, usage("--hosts is for --engine cassandra")
	case c.Files != "":
		return engineName{}, usage("files is for --engine cassandra: a store's folder has attachments in DIR/files")
	case c.Data == "":
		return engineName{}, usage("name the store's folder: --data DIR, or PARLANCE_DATA_DIR, or \"data\" in the configuration file; or a cluster: --engine cassandra --hosts HOST,...")
	}
	return engineName{dir: c.Data}, nil
}

// openEngine opens the engine, and makes its folder or its keyspace if there is none.
func openEngine(ctx context.Context, n engineName, c config.Config, log *slog.Logger) (driver.Engine, error) {
	switch {
	case n.dir != "":
		e, err := pebblestore.Open(n.dir, pebblestore.Options{Logger: log, CacheBytes: cacheBytes(c)})
		if err != nil {
			return nil, err
		}
		if e.Bounds().ReadOnly {
			return e, nil // who can enter the folder stays as it is, too
		}
		if err := shutOthersOut(n.dir, log); err != nil {
			return nil, errors.Join(err, e.Close())
		}
		return e, nil
	case n.hosts == nil:
		return pebblestore.OpenMemory()
	}
	cc, err := cluster(n, c, log)
	if err != nil {
		return nil, err
	}
	return cassandrastore.Open(ctx, cc)
}

// cacheBytes returns how large the embedded engine's block cache is.
func cacheBytes(c config.Config) int64 {
	return min(c.Memory/8, pebblestore.DefaultCacheBytes) // 0 is as good as that
}

// memoryOfGo returns the part of a server's memory that Go's collector is told to stay within.
func (n engineName) memoryOfGo(c config.Config) int64 {
	all := c.Memory
	if all == 0 {
		all = parlance.DefaultMemory
	}
	if n.dir == "" {
		return all
	}
	return all - pebblestore.OutsideOfGo(cacheBytes(c))
}

// filesDir returns the folder of the store's attachments, empty if they aren't kept.
func (n engineName) filesDir(c config.Config) string {
	switch {
	case n.dir != "":
		return filepath.Join(n.dir, "files")
	case n.hosts == nil:
		return ""
	}
	return c.Files
}

// certificateKey returns the file of the key that signs certificates, empty if there is no place for one.
func (n engineName) certificateKey(c config.Config) string {
	if c.CertificateKey == "" && n.dir != "" {
		return filepath.Join(n.dir, "certificate.key")
	}
	return c.CertificateKey
}

// exists reports whether there is a store.
func (n engineName) exists(ctx context.Context, c config.Config, log *slog.Logger) (bool, error) {
	if n.dir != "" {
		names, err := os.ReadDir(n.dir)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look into the store's folder: %w", err)
		}
		return len(names) > 0, nil
	}
	cc, err := cluster(n, c, log)
	if err != nil {
		return false, err
	}
	return cassandrastore.Exists(ctx, cc)
}

// cluster returns how to reach the cluster.
func cluster(n engineName, c config.Config, log *slog.Logger) (cassandrastore.Config, error) {
	cc := cassandrastore.Config{
		Hosts: n.hosts, Keyspace: n.keyspace, Replication: c.Replication, LocalDC: c.CassandraDC,
		User: c.CassandraUser, Password: c.CassandraPassword, Protocol: c.CassandraProtocol, Logger: log,
		WholeCluster: c.Consistency == "quorum",
	}
	if !c.CassandraTLS && c.CassandraCA == "" && c.CassandraCert == "" {
		return cc, nil
	}
	var err error
	cc.TLS, err = clientTLS("cassandra", c.CassandraCA, c.CassandraCert, c.CassandraKey)
	return cc, err
}
