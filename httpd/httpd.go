// Package httpd is the listener: it mounts the dialects side by side, and answers what
// belongs to none of them.
//
//	/v1/                                        SHOPLINE
//	/seller/, /merchant-api/, /api/merchant-api/  iMetaStore
//	/openapi/{imkit,shopline,imetastore}.yaml   what each dialect answers
//	/attachments/                               files, by signed addresses
//	/archive/                                   the read API across the platforms
//	/healthz                                    200 while the process runs
//	/readyz                                     200 while the store answers and the server isn't stopping
//	/metrics                                    Prometheus, from a registry of the server's own
//	everything else                             IMKit
//
// It hides time limits, metrics, request logs, what happens to a request whose handler
// panics, and how a server stops. It adds next to nothing to a request: no
// allocation, unless requests are logged.
package httpd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parlance"
	"parlance/store"
)

// The limits of one connection. Answers are pages: what takes longer is stuck.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute // of a whole request
	writeTimeout      = time.Minute // from the end of a request's header to the end of the answer
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// grace is how long requests under way may take to finish once the server stops.
const grace = 15 * time.Second

// A Dialect is one platform's handler with its description in OpenAPI.
type Dialect struct {
	Handler http.Handler
	OpenAPI []byte // YAML
	// Failure answers a request whose handler broke off.
	Failure func(http.ResponseWriter)
}

// Options say what a [Server] serves. Store and the three dialects are required.
type Options struct {
	Store      *store.Store
	IMKit      Dialect
	Shopline   Dialect
	IMetaStore Dialect
	Archive    Dialect // the read API; without a handler it isn't served

	// Attachments, if set, answers signed addresses of files.
	Attachments http.Handler

	// Sizes, if set, returns the engine's sizes; it is called once per scrape of the metrics.
	Sizes func() Sizes
	// Collectors tell more metrics.
	Collectors []prometheus.Collector
	Version    string // shown in the metrics
	// Apart: metrics and health are answered by [Server.ServeWatch] only.
	Apart  bool
	Logger *slog.Logger // nil: silent
}

// A Server serves all dialects. It is an [http.Handler].
type Server struct {
	store    *store.Store
	log      *slog.Logger
	mounts   [mounts]http.Handler
	failures [mounts]func(http.ResponseWriter)
	metrics  *metrics
	watch    http.Handler // metrics and health
	run      string       // random; begins the id of every request
	requests atomic.Uint64
	stopping atomic.Bool
	grace    time.Duration
}

// A mount is one of the handlers that a request can go to.
type mount uint8

const (
	own mount = iota
	imkit
	shopline
	imetastore
	archive
	mounts
)

// mountNames are the values of the label "dialect" in metrics and logs.
var mountNames = [mounts]string{"none", string(parlance.IMKit), string(parlance.Shopline), string(parlance.IMetaStore), "archive"}

// New returns a server of what o says.
func New(o Options) *Server {
	id := make([]byte, 4)
	rand.Read(id) // never fails
	s := &Server{
		store:   o.Store,
		log:     o.Logger,
		metrics: newMetrics(o.Version, o.Sizes, o.Collectors),
		run:     hex.EncodeToString(id),
		grace:   grace,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("run", s.run)

	mux := http.NewServeMux()
	for m, d := range map[mount]Dialect{imkit: o.IMKit, shopline: o.Shopline, imetastore: o.IMetaStore, archive: o.Archive} {
		if d.Handler == nil {
			continue
		}
		s.mounts[m], s.failures[m] = d.Handler, d.Failure
		mux.HandleFunc("GET /openapi/"+mountNames[m]+".yaml", description(d.OpenAPI))
	}
	watch := mux
	if o.Apart {
		watch = http.NewServeMux()
	}
	s.watch = watch
	watch.HandleFunc("GET /healthz", s.health)
	watch.HandleFunc("GET /readyz", s.ready)
	watch.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}))
	if o.Attachments != nil {
		mux.Handle("/attachments/", o.Attachments)
	}
	s.mounts[own], s.failures[own] = mux, failure
	if s.mounts[archive] == nil {
		s.mounts[archive], s.failures[archive] = mux, failure
	}
	return s
}

// mountOf tells whose a path is. Slashes too many at its beginning come from base
// addresses that end in one, and don't count.
func mountOf(path string) mount {
	path = strings.TrimLeft(path, "/")
	first, rest, _ := strings.Cut(path, "/")
	switch first {
	case "v1":
		return shopline
	case "seller", "merchant-api":
		return imetastore
	case "api":
		if second, _, _ := strings.Cut(rest, "/"); second == "merchant-api" {
			return imetastore
		}
	case "archive":
		return archive
	case "openapi", "healthz", "readyz", "metrics", "attachments":
		return own
	}
	return imkit
}

// ServeWatch answers metrics and health on l, and nothing else, until ctx is done. With a certificate it speaks TLS.
func (s *Server) ServeWatch(ctx context.Context, l net.Listener, cert *Certificate) error {
	srv := &http.Server{
		Handler:           s.watch,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	var err error
	if cert != nil {
		srv.TLSConfig = cert.config()
		err = srv.ServeTLS(l, "", "")
	} else {
		err = srv.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve metrics on %s: %w", l.Addr(), err)
}

// Serve answers what comes in on l until ctx is done. Then it stops accepting, lets requests
// under way finish for a bounded time, and returns nil; an error if it had to cut some off, or
// if listening failed. With a certificate it speaks TLS.
func (s *Server) Serve(ctx context.Context, l net.Listener, cert *Certificate) error {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() {
		if cert != nil {
			srv.TLSConfig = cert.config()
			served <- srv.ServeTLS(l, "", "")
		} else {
			served <- srv.Serve(l)
		}
	}()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}

	s.stopping.Store(true)
	s.log.Info("stopping: finishing the requests under way", "at most", s.grace)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.grace)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("stop serving: requests still under way after %s were cut off", s.grace)
		}
		return errors.Join(err, srv.Close())
	}
	return nil
}
