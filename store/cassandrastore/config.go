package cassandrastore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
)

// Config says where the rows are kept. Hosts and Keyspace have no default.
type Config struct {
	// Hosts are some of the cluster's nodes, each HOST or HOST:PORT; the others are
	// found through them. The port is 9042 by default.
	Hosts []string
	// Keyspace is a name of 1 to 48 characters of a-z, 0-9 and '_', and begins with
	// a letter. It is made if there is none.
	Keyspace string
	// Replication is how many copies of each row a new keyspace gets in the local data
	// centre; 0 means 3. That of an existing one is never changed.
	Replication int
	// LocalDC is the data centre that quorums are made of; no node of another one is asked. It
	// may be empty if there is only one. All processes must use the same one.
	LocalDC string
	// WholeCluster has quorums made of the replicas in all data centres, which costs their distance. All
	// processes must agree on it.
	WholeCluster bool

	// User and Password are for servers that ask for them.
	User, Password string
	// TLS is how connections are encrypted; nil means not at all.
	TLS *tls.Config
	// Protocol is the version of the native protocol: 5, which 0 means too, or 4 for ScyllaDB.
	Protocol int
	// Timeout is how long one host may take for a statement; 0 means 10 s. Reads and plain
	// writes are then sent to another host, once. Connecting may take half of it.
	Timeout time.Duration

	// Logger is told what the operator should know; nil means slog.Default.
	Logger *slog.Logger
	// Observe is called after each round trip, from many goroutines; nil means nobody. The
	// statements of a batch are one.
	Observe func(Statement)

	dialer gocql.Dialer // nil means the network; tests lose answers on the way
}

// A Statement is one round trip to a node.
type Statement struct {
	Text     string // the statement, or the first one of a batch
	Batch    int    // the number of a batch's statements; 0 if it is none
	Rows     int    // rows returned, of this page of results
	Attempt  int    // 0, or above if the driver repeats it
	Host     string // the address of the node that was asked
	Duration time.Duration
	Err      error
}

var goodKeyspace = regexp.MustCompile(`^[a-z][a-z0-9_]{0,47}$`)

// check completes c and reports what is wrong with it.
func (c *Config) check() error {
	switch {
	case len(c.Hosts) == 0:
		return parlance.Errorf(parlance.Invalid, "no host is given")
	case !goodKeyspace.MatchString(c.Keyspace):
		return parlance.Errorf(parlance.Invalid, "the keyspace's name %q is not a letter and up to 47 characters of a-z, 0-9 and _", c.Keyspace)
	case c.Replication < 0:
		return parlance.Errorf(parlance.Invalid, "a replication of %d", c.Replication)
	case c.Protocol != 0 && c.Protocol != 4 && c.Protocol != 5:
		return parlance.Errorf(parlance.Invalid, "protocol version %d is neither 4 nor 5", c.Protocol)
	case c.Timeout < 0:
		return parlance.Errorf(parlance.Invalid, "a time-out of %s", c.Timeout)
	}
	if c.Replication == 0 {
		c.Replication = 3
	}
	if c.Protocol == 0 {
		c.Protocol = 5
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return nil
}

// cluster returns the driver's form of c.
func (c *Config) cluster() *gocql.ClusterConfig {
	g := gocql.NewCluster(c.Hosts...)
	g.ProtoVersion = c.Protocol
	g.Timeout, g.WriteTimeout, g.ConnectTimeout = c.Timeout, c.Timeout, c.Timeout/2
	g.Consistency, g.SerialConsistency = c.consistency()
	// Versions are the timestamps of derived rows, ballots those of claimed ones.
	g.DefaultTimestamp = false
	g.RetryPolicy = nextHost{}
	g.MaxWaitSchemaAgreement = c.Timeout // a node that is down never agrees
	g.Metadata.CacheMode = gocql.KeyspaceOnly
	g.Logger = logger{c.Logger}
	g.Dialer = c.dialer
	g.Authenticator = nobody{}
	if c.User != "" {
		g.Authenticator = gocql.PasswordAuthenticator{Username: c.User, Password: c.Password}
	}
	if c.TLS != nil {
		g.SslOpts = &gocql.SslOptions{Config: c.TLS} // which verifies the host unless c.TLS says not to
	}
	if c.Observe != nil {
		g.QueryObserver, g.BatchObserver = observer(c.Observe), observer(c.Observe)
	}
	return g
}

// nobody is who we are to a server that asks, if no user is given.
type nobody struct{}

var errNoUser = errors.New("it asks for a user and a password, and none is given")

func (nobody) Challenge([]byte) ([]byte, gocql.Authenticator, error) { return nil, nil, errNoUser }
func (nobody) Success([]byte) error                                  { return nil }

// consistency returns how many replicas reads and writes, and claims, must reach.
func (c *Config) consistency() (plain, serial gocql.Consistency) {
	if c.WholeCluster {
		return gocql.Quorum, gocql.Serial
	}
	return gocql.LocalQuorum, gocql.LocalSerial
}

// An observer turns what the driver tells of statements into ours.
type observer func(Statement)

func (o observer) ObserveQuery(_ context.Context, q gocql.ObservedQuery) {
	o(Statement{
		Text: q.Statement, Rows: q.Rows, Attempt: q.Attempt, Host: q.Host.ConnectAddressAndPort(),
		Duration: q.End.Sub(q.Start), Err: q.Err,
	})
}

func (o observer) ObserveBatch(_ context.Context, b gocql.ObservedBatch) {
	o(Statement{
		Text: b.Statements[0], Batch: len(b.Statements), Attempt: b.Attempt, Host: b.Host.ConnectAddressAndPort(),
		Duration: b.End.Sub(b.Start), Err: b.Err,
	})
}

// A logger passes on what the driver says. Its information is for who debugs.
type logger struct{ log *slog.Logger }

func (l logger) Error(msg string, fields ...gocql.LogField)   { l.say(slog.LevelWarn, msg, fields) }
func (l logger) Warning(msg string, fields ...gocql.LogField) { l.say(slog.LevelWarn, msg, fields) }
func (l logger) Info(msg string, fields ...gocql.LogField)    { l.say(slog.LevelDebug, msg, fields) }

func (l logger) Debug(msg string, fields ...gocql.LogField) { l.say(slog.LevelDebug, msg, fields) }

func (l logger) say(level slog.Level, msg string, fields []gocql.LogField) {
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	args := make([]any, 0, 2*len(fields))
	for _, f := range fields {
		args = append(args, f.Name, f.Value.Any())
	}
	l.log.Log(context.Background(), level, fmt.Sprintf("cassandra: %s", msg), args...)
}
