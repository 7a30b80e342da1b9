package cassandrastore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
)

// Open connects to the cluster and makes the keyspace and its tables if there are none. Several
// processes may do so at once. The errors:
//
//   - [parlance.Unavailable]: no host answers, or too few
//   - [parlance.Invalid]: c makes no sense, the user isn't let in, the keyspace has other
//     tables and no store, or its tables were made by a newer program
func Open(ctx context.Context, c Config) (*Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e, err := open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open the store in keyspace %s of Cassandra at %s: %w", c.Keyspace, strings.Join(c.Hosts, ", "), err)
	}
	return e, nil
}

func open(ctx context.Context, c Config) (*Engine, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	// The keyspace that statements are routed by must be there when the driver connects for good.
	s, err := connect(ctx, c.cluster())
	if err != nil {
		return nil, err
	}
	dc, err := prepare(ctx, s, c)
	s.Close()
	if err != nil {
		return nil, err
	}
	g := c.cluster()
	g.Keyspace = c.Keyspace
	// Through a node of another data centre, a quorum would be one of that.
	g.HostFilter = gocql.DataCenterHostFilter(dc)
	g.PoolConfig.HostSelectionPolicy = newListener(gocql.TokenAwareHostPolicy(gocql.DCAwareRoundRobinPolicy(dc), gocql.ShuffleReplicas()))
	if s, err = connect(ctx, g); err != nil {
		return nil, err
	}
	return &Engine{session: s, tables: tablesOf(c.Keyspace)}, nil
}

// Exists reports whether the keyspace holds a store. It makes nothing.
func Exists(ctx context.Context, c Config) (bool, error) {
	at := func(err error) error {
		return fmt.Errorf("look for a store in keyspace %s of Cassandra at %s: %w", c.Keyspace, strings.Join(c.Hosts, ", "), err)
	}
	if err := c.check(); err != nil {
		return false, at(err)
	}
	s, err := connect(ctx, c.cluster())
	if err != nil {
		return false, at(err)
	}
	defer s.Close()
	m := maker{session: s, config: c}
	there, err := m.names(ctx, selectTables, "")
	if err != nil {
		return false, at(err)
	}
	return there[formatTable], nil
}

// connect makes a session. The driver can't be stopped while it does so; when ctx ends
// first, the session is closed once it is there.
func connect(ctx context.Context, g *gocql.ClusterConfig) (*gocql.Session, error) {
	var refusals refusals
	g.ConnectObserver = &refusals
	type result struct {
		session *gocql.Session
		err     error
	}
	done := make(chan result, 1)
	go func() {
		s, err := g.CreateSession()
		done <- result{s, err}
	}()
	select {
	case r := <-done:
		switch refused := refusals.get(); {
		case r.err != nil && refused != nil:
			return nil, parlance.Wrap(parlance.Invalid, refused, "the server refuses the connection")
		case r.err != nil:
			return nil, parlance.Wrap(parlance.Unavailable, r.err, "%s", unconnected(g.SslOpts))
		}
		return r.session, nil
	case <-ctx.Done():
		go func() {
			if r := <-done; r.session != nil {
				r.session.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// unconnected says what a server that lets nobody connect may want. In TLS 1.3 a server refuses our certificate, or
// that there is none, after the handshake has ended for us: its alert may then be overtaken by a reset or never be
// read, and the driver's error says no more than that there was no answer. So the text names what the server may
// want, whatever the error says.
func unconnected(o *gocql.SslOptions) string {
	switch {
	case o == nil:
		return "no host lets us connect without TLS"
	case o.Config == nil || len(o.Certificates) == 0 && o.GetClientCertificate == nil:
		return "no host lets us connect with TLS and without a client certificate, which the server may want"
	default:
		return "no host lets us connect with TLS and our client certificate, which the server may not trust"
	}
}

// refusals remembers what a server answered to a connection, which the driver's error doesn't tell
// from a server that didn't answer.
type refusals struct {
	mu   sync.Mutex
	last error
}

func (r *refusals) ObserveConnect(o gocql.ObservedConnect) {
	if !permanent(o.Err) && !errors.Is(o.Err, errNoUser) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = o.Err
}

func (r *refusals) get() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// prepare finds the local data centre, and finds or makes the keyspace and its tables.
func prepare(ctx context.Context, s *gocql.Session, c Config) (dc string, err error) {
	if dc, err = localDC(s, c.LocalDC); err != nil {
		return "", err
	}
	var release string
	err = s.Query("SELECT release_version FROM system.local").Consistency(gocql.One).ScanContext(ctx, &release)
	if err != nil {
		return "", failure(ctx, err, "ask for the server's version")
	}
	m := maker{session: s, config: c, dc: dc, release: release}
	if err := m.run(ctx); err != nil {
		var answer gocql.RequestError
		if errors.As(err, &answer) && answer.Code() == gocql.ErrCodeUnauthorized {
			return "", parlance.Wrap(parlance.Invalid, err, "the user may not do this")
		}
		return "", err
	}
	return dc, nil
}

// localDC returns the wanted data centre, or the only one.
func localDC(s *gocql.Session, wanted string) (string, error) {
	var all []string
	for _, h := range s.GetHosts() {
		all = append(all, h.DataCenter())
	}
	slices.Sort(all)
	all = slices.Compact(all)
	switch {
	case slices.Contains(all, wanted):
		return wanted, nil
	case wanted != "":
		return "", parlance.Errorf(parlance.Invalid, "there is no data centre %s among %s", wanted, strings.Join(all, ", "))
	case len(all) != 1:
		return "", parlance.Errorf(parlance.Invalid, "there are several data centres, %s: say which is the local one, the same for all processes", strings.Join(all, ", "))
	}
	return all[0], nil
}
