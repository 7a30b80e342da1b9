package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"parlance/httpd"
	"parlance/internal/config"
)

// A serving is what `serve` prints once it listens.
type serving struct {
	URL  string `json:"url"`
	Data string `json:"data"`

	Metrics string `json:"metrics,omitempty"` // address of --metrics-listen
}

func (p *program) serve() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use:   "serve --data DIR",
		Short: "Serve a store under the three APIs",
		Long: `Serve a store under the three APIs at one address:

  /v1/                                          SHOPLINE
  /seller/, /merchant-api/, /api/merchant-api/  iMetaStore
  /attachments/                                 files of messages, by signed addresses
  /archive/v1/                                  reading and searching across the platforms
  /openapi/{imkit,shopline,imetastore,archive}.yaml  what each of them answers
  /healthz, /readyz, /metrics                   for whoever watches over it
  everything else                               IMKit

An address that other machines can reach needs --tls-cert and --tls-key, or
--behind-proxy. Upstreams that "parlance mirror add" named are read when their time comes. An interrupt or SIGTERM ends it: what is under way is finished, for at most
15 seconds, and the exit code is 0.

With --metrics-listen, /metrics, /healthz and /readyz are at that address and not at the main
one, so that whoever uses the APIs doesn't see them. It obeys the same rule.

A folder that can't be written is served too: what would change something is answered with the
API's own 503.

JSON: {"url","data"}, once it listens, and "metrics" with --metrics-listen.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) (err error) {
		c, err := p.settings(cmd)
		if err != nil {
			return err
		}
		n, err := engineOf(c)
		if err != nil {
			return err
		}
		if err := c.Check(); err != nil {
			return usage("%w", err)
		}
		var cert *httpd.Certificate
		if c.TLSCert != "" {
			if cert, err = httpd.LoadCertificate(c.TLSCert, c.TLSKey); err != nil {
				return usage("%w", err)
			}
		}
		log := p.logger(c, slog.LevelInfo)
		bus, err := openBus(ctx, c, log)
		if err != nil {
			return err
		}
		defer bus.Close(context.WithoutCancel(ctx))
		a, err := openNode(ctx, n, c, bus, log)
		if err != nil {
			return err
		}
		defer func() { err = a.close(err) }()
		if !a.engine.Bounds().ReadOnly { // else others open the folder beside this process
			defer a.control(ctx, log)()
		}
		return p.serveArchive(ctx, a, c, cert, log)
	})
	engineFlags(cmd)
	d := config.Defaults()
	f := cmd.Flags()
	f.String("listen", d.Listen, "host:port to listen on; port 0 is any free one (PARLANCE_LISTEN)")
	f.String("metrics-listen", "", "host:port for /metrics, /healthz and /readyz, which the main address then hasn't (PARLANCE_METRICS_LISTEN)")
	f.String("tls-cert", "", "certificate chain, PEM (PARLANCE_TLS_CERT)")
	f.String("tls-key", "", "key of the certificate, PEM (PARLANCE_TLS_KEY)")
	f.String("trusted-proxies", "", "networks of proxies whose X-Forwarded-For says whose wrong logins are slowed: 10.1.2.0/24,... (PARLANCE_TRUSTED_PROXIES)")
	f.Bool("behind-proxy", false, "something in front speaks TLS (PARLANCE_BEHIND_PROXY)")
	f.String("public-url", "", "where the world finds this server: answers show kept attachments under it (PARLANCE_PUBLIC_URL)")
	f.String("memory", "", "bytes of memory to stay within, such as 2Gi; the engine's are counted (PARLANCE_MEMORY)")
	f.String("bus", d.Bus, "how nodes tell each other news: none, nats://HOST:PORT or embedded://HOST:PORT?routes=HOST:PORT,... (PARLANCE_BUS)")
	f.Int("shopline-rate", d.ShoplineRate, "requests per second and SHOPLINE token; 0 = no limit (PARLANCE_SHOPLINE_RATE)")
	return cmd
}

func (p *program) serveArchive(ctx context.Context, a *archive, c config.Config, cert *httpd.Certificate, log *slog.Logger) error {
	known := false
	for _, err := range a.keeper.Workspaces(ctx) {
		if err != nil {
			return err
		}
		known = true
		break
	}
	if !known {
		// In a line of the log the command would be quoted once more.
		p.say("the store has no workspace, so nobody can use it: stop this and run: parlance workspace create NAME %s", a.name.flags())
	}
	if a.files == nil {
		log.Warn("attachments aren't kept: name a folder for them with --files DIR or PARLANCE_FILES")
	}
	if os.Getenv("GOMEMLIMIT") == "" || c.Given("memory") {
		debug.SetMemoryLimit(a.name.memoryOfGo(c))
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	m := p.mirrorOf(a)
	srv := newServer(a, log, c)
	s := serving{URL: urlOf(l, cert != nil), Data: a.name.String()}
	if c.MetricsListen != "" {
		ml, err := net.Listen("tcp", c.MetricsListen)
		if err != nil {
			return errors.Join(fmt.Errorf("%w; choose another address with --metrics-listen", err), l.Close())
		}
		s.Metrics = urlOf(ml, cert != nil)
		defer background(context.WithoutCancel(ctx), func(ctx context.Context) { // until the requests under way are done
			if err := srv.ServeWatch(ctx, ml, cert); err != nil {
				log.Error("metrics and health aren't served any more", "error", err)
			}
		})()
	}
	if err := p.result(s, "%s", s.URL); err != nil {
		return err
	}
	if a.engine.Bounds().ReadOnly {
		log.Warn("the store is on media that can only be read: it is served, writes are refused, and no platform is mirrored", "data", a.name.String())
	} else {
		defer background(ctx, m.Serve)()
		defer background(ctx, a.index)()
	}
	log.Info("serving", "url", s.URL, "data", a.name.String(), "version", thisBuild().Version)
	return srv.Serve(ctx, l, cert)
}

// background does something until ctx ends or stop is called, which waits for its end.
func background(ctx context.Context, do func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// urlOf returns the address that clients of l use.
func urlOf(l net.Listener, secure bool) string {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	return scheme + "://" + l.Addr().String()
}
