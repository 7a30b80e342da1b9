package live

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// Options are what a bus needs besides addresses. The zero value is good where nobody asks
// for a password.
type Options struct {
	// User and Password, or Token, or CredentialsFile prove who this node is. The servers
	// inside the nodes know User and Password only, and ask each other for them.
	User, Password  string
	Token           string
	CredentialsFile string // NATS's own form: a JWT and a key

	// TLS is for all connections to other machines. Servers inside the nodes need a
	// certificate in it and ask each other for one. Nil means none, unless a URL asks for it.
	TLS *tls.Config

	Logger *slog.Logger // nil = silent
}

// Connect returns a bus through the NATS servers at url: nats://host:port, or tls://host:port,
// several with commas between them. A server that can't be reached is no error: it is
// tried again until the bus is closed. Nor is ctx's end then.
func Connect(ctx context.Context, url string, o Options) (*Bus, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := newBus(o.Logger)
	w := newWire(b)
	opts := w.options()
	switch {
	case o.CredentialsFile != "":
		opts = append(opts, nats.UserCredentials(o.CredentialsFile))
	case o.Token != "":
		opts = append(opts, nats.Token(o.Token))
	case o.User != "":
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.TLS != nil {
		opts = append(opts, nats.Secure(o.TLS))
	}
	if err := w.connect(url, opts); err != nil {
		return nil, err
	}
	b.wire = w
	return b, nil
}

// connect connects to the servers at url, now or later, and starts.
func (w *wire) connect(url string, opts []nats.Option) (err error) {
	if w.conn, err = nats.Connect(url, opts...); err != nil {
		return fmt.Errorf("connect to the bus: %w", err)
	}
	if err := w.start(); err != nil {
		w.conn.Close()
		return err
	}
	if !w.conn.IsConnected() {
		w.bus.log.Warn("the bus can't be reached; trying until it can", "error", w.conn.LastError())
	}
	return nil
}

// options are the client's settings. What can't be sent now is dropped: late news is no news, and
// the others see by its number that they missed it.
func (w *wire) options() []nats.Option {
	log := w.bus.log
	return []nats.Option{
		nats.Name("parlance " + w.bus.node),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a password may be set right while this waits
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(func(*nats.Conn) { log.Info("the bus is connected") }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil when the bus is closed
				log.Warn("the bus is disconnected; trying until it is back", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			w.trouble.Store(nil)
			log.Info("the bus is connected again")
			w.tellMissed()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			text := err.Error()
			if last := w.trouble.Swap(&text); last == nil || *last != text {
				log.Warn("the bus has trouble", "error", err)
			}
		}),
	}
}
