// Package cassandratest runs real Cassandra nodes for tests: some on this machine, from
// the server's Maven artifacts. It needs Java 17 (or 11) and, the first time, Maven.
//
// Tests ask for [Keyspace]. They share the nodes that the command
//
//	go run ./internal/cassandratest/run -- go test ./...
//
// starts once for all packages. A test that kills nodes has a cluster of its own: see [Start].
package cassandratest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"parlance/internal/certtest"
)

// Options say which cluster [Start] starts. The zero value is good.
type Options struct {
	// Nodes is how many there are, from 1 to 9; 0 means 3.
	Nodes int
	// Subnet is the N of the nodes' addresses 127.0.N.1, 127.0.N.2 …; 0 means any that is free.
	Subnet byte
	// Dir is the folder of the nodes' data and logs, which outlives the cluster. Empty
	// means a temporary one.
	Dir string
	// Durable nodes sync each write before they acknowledge it. Others may forget the
	// last second when they are killed, which is harmless while a quorum lives.
	Durable bool
	// Users has the nodes ask for a user and a password. There are [User] and [Password].
	Users bool
	// TLS has clients speak TLS and show a certificate: see [Cluster.Certificate].
	TLS bool
}

// The user that there is if [Options.Users] is set.
const (
	User     = "cassandra"
	Password = "cassandra"
)

// A Cluster is some nodes of Cassandra. Nodes are counted from 0. Its methods are for one
// goroutine at a time.
type Cluster struct {
	nodes     []*node
	temporary string
	claim     *subnet
	cert, key string // files; empty without TLS
}

// Start starts the nodes and waits until they are ready, about 20 seconds for three. An
// error that is [ErrMissing] says that Java or Maven isn't here.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.Nodes < 0 || o.Nodes > 9 {
		return nil, fmt.Errorf("start a cluster: %d nodes", o.Nodes)
	}
	java, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	jars, err := findJars(ctx, java)
	if err != nil {
		return nil, err
	}
	c := &Cluster{}
	if c.claim, err = claimSubnet(o.Subnet, o.Nodes); err != nil {
		return nil, err
	}
	dir := o.Dir
	if dir == "" {
		// The name goes with the subnet, so that what a killed run left is found and removed.
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("parlance-cassandra-%d-%d", os.Getuid(), c.claim.number))
		c.temporary = dir
		if err := os.RemoveAll(dir); err != nil {
			return nil, errors.Join(fmt.Errorf("remove what an earlier cluster left: %w", err), c.claim.release())
		}
	}
	if o.TLS {
		if err := c.certify(dir, o.Nodes); err != nil {
			return nil, errors.Join(err, c.claim.release())
		}
	}
	for i := range o.Nodes {
		c.nodes = append(c.nodes, &node{
			java: java, jars: jars, durable: o.Durable, users: o.Users, cert: c.cert, key: c.key,
			dir:     filepath.Join(dir, strconv.Itoa(i+1)),
			address: c.claim.address(i),
			seeds:   []string{c.claim.address(0)},
			token:   token(i, o.Nodes),
		})
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	if err := c.nodes[0].start(ctx); err != nil {
		return err
	}
	// The others ask the first one who is there.
	if err := c.nodes[0].waitForPeers(ctx); err != nil {
		return err
	}
	for _, n := range c.nodes[1:] {
		if err := n.start(ctx); err != nil {
			return err
		}
	}
	return c.Ready(ctx)
}

// token returns the i-th of n tokens that share the ring equally.
func token(i, n int) string {
	return strconv.FormatInt(int64(1<<63+uint64(i)*(1<<63/uint64(n)*2)), 10)
}

// certify makes the nodes' certificate.
func (c *Cluster) certify(dir string, nodes int) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var addresses []string
	for i := range nodes {
		addresses = append(addresses, c.claim.address(i))
	}
	c.cert, c.key, err = certtest.SelfSigned(dir, addresses...)
	return err
}

// Certificate returns the PEM files of the one certificate that the nodes have if [Options.TLS] is set, and of its key. They trust
// no other, so it is their clients' too.
func (c *Cluster) Certificate() (cert, key string) { return c.cert, c.key }

// Hosts returns the nodes' addresses.
func (c *Cluster) Hosts() []string {
	hosts := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		hosts[i] = n.address
	}
	return hosts
}

// Ready waits until the nodes that run answer, know each other, and agree on the schema.
func (c *Cluster) Ready(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	running := 0
	for _, n := range c.nodes {
		if n.running() {
			running++
		}
	}
	for _, n := range c.nodes {
		if n.running() {
			g.Go(func() error { return n.waitUntilReady(ctx, running) })
		}
	}
	return g.Wait()
}

// Kill ends node i at once, as a loss of power would.
func (c *Cluster) Kill(i int) error { return c.nodes[i].stop(os.Kill, time.Minute) }

// Pause stops node i in its tracks: its connections stay open and nothing is answered.
func (c *Cluster) Pause(i int) error {
	err := pause(c.nodes[i].process())
	c.nodes[i].paused = err == nil
	return err
}

// Resume ends a pause.
func (c *Cluster) Resume(i int) error {
	c.nodes[i].paused = false
	return resume(c.nodes[i].process())
}

// Restart starts node i again, which was killed, and waits until the nodes are ready.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	n := c.nodes[i]
	if n.running() {
		return fmt.Errorf("restart node %s: it runs", n.address)
	}
	if len(c.nodes) > 1 {
		n.seeds = nil
		for _, other := range c.nodes {
			if other != n {
				n.seeds = append(n.seeds, other.address)
			}
		}
	}
	for try := 1; ; try++ {
		if err := n.start(ctx); err != nil {
			return err
		}
		err := c.Ready(ctx)
		if err == nil {
			n.replaces = false
			return nil
		}
		// A node gives up if none of the others has heard that it was away, which takes them a while.
		if n.running() || try == restarts {
			return err
		}
		if n.replaces {
			if err := os.RemoveAll(n.data()); err != nil {
				return err
			}
		}
	}
}

// restarts is how often a node is started that ends again at once.
const restarts = 8

// Wipe gives node i, which was killed, an empty disk. When it is started again it copies its data from
// the others, which takes half a minute at least.
func (c *Cluster) Wipe(i int) error {
	n := c.nodes[i]
	if n.running() {
		return fmt.Errorf("wipe node %s: it runs", n.address)
	}
	n.replaces = len(c.nodes) > 1
	return os.RemoveAll(n.data())
}

// Stop ends all nodes, and removes their data if its folder is a temporary one.
func (c *Cluster) Stop() error {
	var g errgroup.Group
	for _, n := range c.nodes {
		if !n.running() {
			continue
		}
		signal := terminate
		if c.temporary != "" {
			signal = os.Kill // nobody will miss what it wanted to write
		}
		g.Go(func() error { return n.stop(signal, time.Minute) })
	}
	err := g.Wait()
	if c.temporary != "" {
		err = errors.Join(err, os.RemoveAll(c.temporary))
	}
	return errors.Join(err, c.claim.release())
}
