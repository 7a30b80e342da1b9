package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
	"parlance/access"
	"parlance/internal/cassandratest"
	"parlance/store"
	"parlance/store/cassandrastore"
)

// clusterSizes are the numbers of nodes that are measured.
var clusterSizes = [...]int{1, 3}

// A clusterPart is one of the groups of scenarios about Cassandra.
type clusterPart struct {
	name    string
	measure func(*cluster, context.Context) ([]row, error)
}

var clusterParts = []clusterPart{
	{"pages", (*cluster).pages},
	{"trips", (*cluster).trips},
	{"growth", (*cluster).growth},
	{"ingest", (*cluster).ingest},
	{"import", (*cluster).bulk},
	{"edits", (*cluster).edits},
	{"list", (*cluster).lists},
}

// group is what -only knows the part by.
func (p clusterPart) group(nodes int) string { return fmt.Sprintf("cluster%d-%s", nodes, p.name) }

func clusterGroups() (names []string) {
	for _, nodes := range clusterSizes {
		for _, p := range clusterParts {
			names = append(names, p.group(nodes))
		}
	}
	return names
}

// measureCluster measures the store on Cassandra: on one node, and on three that each hold all rows. The three are those of
// PARLANCE_CASSANDRA if that is set.
func measureCluster(ctx context.Context, c *config, _ string, ts texts) (rows []row, err error) {
	for _, nodes := range clusterSizes {
		if !slices.ContainsFunc(clusterParts, func(p clusterPart) bool { return c.wants(p.group(nodes)) }) {
			continue
		}
		more, err := measureNodes(ctx, c, nodes, ts)
		rows = append(rows, more...)
		if errors.Is(err, cassandratest.ErrMissing) {
			c.log.Info("Cassandra is not measured on nodes of our own", "why", cassandratest.ErrMissing)
			if os.Getenv(cassandratest.HostsVariable) == "" {
				return rows, nil
			}
			continue
		}
		if err != nil {
			return rows, fmt.Errorf("measure %d nodes: %w", nodes, err)
		}
	}
	return rows, nil
}

func measureNodes(ctx context.Context, c *config, nodes int, ts texts) (rows []row, err error) {
	var hosts []string
	if running := os.Getenv(cassandratest.HostsVariable); nodes > 1 && running != "" {
		hosts = strings.Split(running, ",")
	} else {
		var servers *cassandratest.Cluster
		if servers, err = cassandratest.Start(ctx, cassandratest.Options{Nodes: nodes}); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, servers.Stop()) }()
		hosts = servers.Hosts()
	}
	b := &cluster{config: c, nodes: nodes, hosts: hosts, texts: ts, name: fmt.Sprintf("Cassandra, %d nodes", nodes)}
	if nodes == 1 {
		b.name = "Cassandra, one node"
	}
	id := strings.ToLower(rand.Text()[:12])
	b.keyspace, b.bareKeyspace = "bench_"+id, "bare_"+id
	defer func() { err = errors.Join(err, b.drop()) }()
	return b.measure(ctx, min(nodes, len(hosts)))
}

// A cluster is the nodes that are measured, and what was put on them.
type cluster struct {
	config   *config
	name     string
	nodes    int
	hosts    []string
	keyspace string
	// bareKeyspace has the same tables, for what the rivals write.
	bareKeyspace string
	bare         *gocql.Session // the rivals', and for traces
	texts        texts

	small, large *room   // one conversation each
	many         []*room // one for each worker
}

// measure runs all scenarios.
func (b *cluster) measure(ctx context.Context, replication int) (rows []row, err error) {
	p, err := b.start(ctx, b.keyspace, replication, nil)
	if err != nil {
		return nil, err
	}
	q, err := b.start(ctx, b.bareKeyspace, replication, nil)
	if err == nil {
		err = q.store.Close() // it was only there to make the tables
	}
	if err == nil {
		b.bare, err = b.connect()
	}
	if err == nil {
		err = b.fill(ctx, p)
	}
	if err := errors.Join(err, p.store.Close()); err != nil {
		return nil, err
	}
	for _, part := range clusterParts {
		if !b.config.wants(part.group(b.nodes)) {
			continue
		}
		b.config.log.Info("measuring", "group", b.name, "part", part.name)
		began := time.Now()
		more, err := part.measure(b, ctx)
		rows = append(rows, more...)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", part.name, err)
		}
		b.config.log.Info("measured", "part", part.name, "took", time.Since(began).Round(time.Second))
	}
	return rows, nil
}

// manyRoom is how many messages each worker's own conversation has.
const manyRoom = 400

// fill puts the conversations that pages are read from.
func (b *cluster) fill(ctx context.Context, p *process) error {
	end := parlance.TimeOf(time.Now())
	n := max(2000, int(float64(b.config.clusterMessages)*b.config.scale))
	b.large, b.small = newRoom(workspaceID, 0, n, end), newRoom(workspaceID, 1, n/10, end)
	for i := range maxWorkers {
		b.many = append(b.many, newRoom(workspaceID, 2+i, manyRoom, end))
	}
	began := time.Now()
	w := b.world(p)
	if err := w.fill(ctx, append([]*room{b.small, b.large}, b.many...)); err != nil {
		return fmt.Errorf("fill a store: %w", err)
	}
	b.config.log.Info("filled", "group", b.name, "messages", n+n/10+maxWorkers*manyRoom, "took", time.Since(began).Round(time.Second))
	return p.store.Settle(ctx)
}

// world is what fills conversations, with the store of p.
func (b *cluster) world(p *process) *world {
	return &world{store: p.store, workspace: access.Workspace{ID: workspaceID, Merchant: "1907000000000000001"}, texts: b.texts}
}

// start opens a store with connections of its own, as another process would have. now may be nil.
func (b *cluster) start(ctx context.Context, keyspace string, replication int, now func() parlance.Time) (*process, error) {
	p := &process{}
	e, err := cassandrastore.Open(ctx, cassandrastore.Config{
		Hosts: b.hosts, Keyspace: keyspace, Replication: replication, Timeout: time.Minute, Logger: b.config.log, Observe: p.observe,
	})
	if err != nil {
		return nil, err
	}
	p.engine = &recorder{Engine: e}
	if p.store, err = store.Open(ctx, p.engine, store.Options{Now: now, Logger: b.config.log}); err != nil {
		return nil, err
	}
	return p, nil
}

// again opens the store that the pages are in, of which the new process knows nothing yet.
func (b *cluster) again(ctx context.Context, now func() parlance.Time) (*process, error) {
	return b.start(ctx, b.keyspace, 0, now)
}

// connect returns the rivals' session. It is set up as the engine's is.
func (b *cluster) connect() (*gocql.Session, error) {
	g := gocql.NewCluster(b.hosts...)
	g.ProtoVersion = 5
	g.Timeout, g.WriteTimeout, g.ConnectTimeout = time.Minute, time.Minute, 10*time.Second
	g.Consistency, g.SerialConsistency = gocql.LocalQuorum, gocql.LocalSerial
	g.DefaultTimestamp = false
	g.Metadata.CacheMode = gocql.KeyspaceOnly
	g.Logger = mute{}
	g.Keyspace = b.bareKeyspace
	g.PoolConfig.HostSelectionPolicy = gocql.TokenAwareHostPolicy(gocql.RoundRobinHostPolicy(), gocql.ShuffleReplicas())
	s, err := g.CreateSession()
	if err != nil {
		return nil, fmt.Errorf("connect the rivals: %w", err)
	}
	return s, nil
}

// drop removes the keyspaces.
func (b *cluster) drop() error {
	if b.bare == nil {
		return nil
	}
	defer b.bare.Close()
	var errs []error
	for _, k := range []string{b.keyspace, b.bareKeyspace} {
		errs = append(errs, b.bare.Query("DROP KEYSPACE IF EXISTS "+k).Exec())
	}
	return errors.Join(errs...)
}

// mute keeps the driver silent about its own work.
type mute struct{}

func (mute) Error(string, ...gocql.LogField)   {}
func (mute) Warning(string, ...gocql.LogField) {}
func (mute) Info(string, ...gocql.LogField)    {}
func (mute) Debug(string, ...gocql.LogField)   {}

// turn is how matches about Cassandra are played: a call takes milliseconds.
func (b *cluster) turn(concurrency int) turn {
	return turn{concurrency, 2 * b.config.block, b.config.rounds}
}
