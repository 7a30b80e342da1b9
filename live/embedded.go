package live

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"parlance"
)

// startTimeout is how long a server in this process may take to start.
const startTimeout = 10 * time.Second

// Embedded returns a bus through a NATS server in this process. Others like it find it at listen,
// host:port with 0 for any free port, and it looks for them at routes, each host:port; the rest
// they learn from each other. Routes may name nodes that don't run, and this one too: all nodes may be
// given the same. The server takes connections of other nodes' servers and of nobody else.
func Embedded(ctx context.Context, listen string, routes []string, o Options) (*Bus, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := newBus(o.Logger)
	s, err := startServer(ctx, b.node, listen, routes, o, b.log)
	if err != nil {
		return nil, err
	}
	w := newWire(b)
	w.server = s
	if err := w.connect("", append(w.options(), nats.InProcessServer(s.nats), nats.UserInfo(s.user, s.password))); err != nil {
		s.stop()
		return nil, err
	}
	b.wire = w
	return b, nil
}

// A server is a NATS server in this process.
type server struct {
	nats           *natsserver.Server
	address        string // host:port, for other servers
	user, password string // of this process's client
}

// startServer starts a server and waits until others can reach it.
func startServer(ctx context.Context, node, listen string, routes []string, o Options, log *slog.Logger) (*server, error) {
	opts, err := serverOptions(node, listen, routes, o)
	if err != nil {
		return nil, err
	}
	n, err := natsserver.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("make the bus's server: %w", err)
	}
	s := &server{nats: n, user: opts.Username, password: opts.Password}
	l := &serverLog{log: log, fatal: make(chan error, 1), shown: rate.Sometimes{First: 3, Interval: 10 * time.Minute}}
	n.SetLogger(l, false, false)
	ready := make(chan bool, 1)
	go n.Start()
	go func() { ready <- n.ReadyForConnections(startTimeout) }()
	err = nil
	select {
	case ok := <-ready:
		if !ok {
			err = fmt.Errorf("it took longer than %s", startTimeout)
		}
	case err = <-l.fatal:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("start the bus's server at %s: %w", listen, err)
	}
	s.address = n.ClusterAddr().String()
	return s, nil
}

func (s *server) stop() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}

// serverOptions are the settings of a server that only other servers can reach.
func serverOptions(node, listen string, routes []string, o Options) (*natsserver.Options, error) {
	host, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, parlance.Errorf(parlance.Invalid, "the bus's address %q: want host:port", listen)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, parlance.Errorf(parlance.Invalid, "the bus's address %q: port: want 0 to 65535", listen)
	}
	c := natsserver.ClusterOpts{
		Name:         "parlance",
		Host:         host,
		Port:         int(port),
		Username:     o.User,
		Password:     o.Password,
		AuthTimeout:  2,
		PingInterval: 5 * time.Second,
		MaxPingsOut:  2,
		PoolSize:     -1, // one connection to each node is enough
	}
	if port == 0 {
		c.Port = natsserver.RANDOM_PORT
	}
	if o.TLS != nil {
		t := o.TLS.Clone()
		t.ClientAuth = tls.RequireAndVerifyClientCert
		if t.ClientCAs == nil {
			t.ClientCAs = t.RootCAs
		}
		c.TLSConfig, c.TLSTimeout = t, 2
	}
	// Without a listener for clients the server doesn't start the one for servers. Nobody but this
	// process has what clients are asked for.
	opts := &natsserver.Options{
		ServerName: node,
		Host:       "127.0.0.1",
		Port:       natsserver.RANDOM_PORT,
		Username:   node,
		Password:   rand.Text(),
		NoSigs:     true,
		MaxPayload: 2 * maxMessage,
		Cluster:    c,
	}
	for _, route := range routes {
		if _, _, err := net.SplitHostPort(route); err != nil {
			return nil, parlance.Errorf(parlance.Invalid, "the bus's route %q: want host:port", route)
		}
		u := &url.URL{Scheme: "nats-route", Host: route}
		if o.User != "" {
			u.User = url.UserPassword(o.User, o.Password)
		}
		opts.Routes = append(opts.Routes, u)
	}
	return opts, nil
}

// A serverLog takes what the server logs. Nearly all of it is about single connections and their
// retries, which only matter to who looks for a fault; which nodes come and go, the bus says itself.
// So errors, such as a wrong password, are shown now and then.
type serverLog struct {
	log   *slog.Logger
	fatal chan error // gets the first
	shown rate.Sometimes
}

func (l *serverLog) Noticef(format string, v ...any) { l.debug(format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.debug(format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.debug(format, v) }
func (l *serverLog) Tracef(string, ...any)           {}

func (l *serverLog) Errorf(format string, v ...any) {
	l.debug(format, v)
	l.shown.Do(func() { l.log.Warn("the bus's server has trouble", "error", fmt.Sprintf(format, v...)) })
}

// Fatalf is called when the server can't start.
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Errorf(format, v...):
	default:
		l.debug(format, v)
	}
}

func (l *serverLog) debug(format string, v []any) {
	l.log.Debug("the bus's server says", "text", fmt.Sprintf(format, v...))
}
