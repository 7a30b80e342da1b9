package main

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"parlance"
	"parlance/files"
	"parlance/httpd"
	"parlance/imetastore"
	"parlance/imkit"
	"parlance/internal/config"
	"parlance/internal/inflight"
	"parlance/internal/reply"
	"parlance/readapi"
	"parlance/shopline"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// newServer returns a server of all that the archive holds, in every dialect.
func newServer(a *archive, log *slog.Logger, c config.Config) *httpd.Server {
	var links *files.Links
	var attachments http.Handler
	var rewrite reply.Rewrite
	if a.files != nil {
		links = files.NewLinks(a.files, c.PublicURL, log)
		attachments = links
		if c.PublicURL != "" {
			rewrite = links.Address
		}
	}
	so := shopline.Options{Logger: log, RatePerSecond: c.ShoplineRate, Rewrite: rewrite}
	if c.ShoplineRate > 0 {
		so.Usage = usageOn(a.bus)
	}
	sl := shopline.New(a.store, a.keeper, so)
	hearUsage(a.bus, sl)
	collectors := []prometheus.Collector{a.bus, a.keeper, a.search}
	if a.mirrored != nil {
		collectors = append(collectors, a.mirrored)
	}
	memory := inflight.New(parlance.MaxInFlight)
	ik := imkit.New(a.store, a.keeper, imkit.Options{Logger: log, Files: a.files, Links: links, Search: a.search, Rewrite: rewrite})
	im := imetastore.New(a.store, a.keeper, imetastore.Options{Logger: log, Rewrite: rewrite, TrustedProxies: c.TrustedProxies})
	return httpd.New(httpd.Options{
		Store:       a.store,
		IMKit:       httpd.Dialect{Handler: memory.Handler(ik), OpenAPI: imkit.OpenAPI(), Failure: imkit.Failure},
		Shopline:    httpd.Dialect{Handler: memory.Handler(sl), OpenAPI: shopline.OpenAPI(), Failure: shopline.Failure},
		IMetaStore:  httpd.Dialect{Handler: memory.Handler(im), OpenAPI: imetastore.OpenAPI(), Failure: im.Failure},
		Archive:     httpd.Dialect{Handler: memory.Handler(readapi.New(a.store, a.keeper, readapi.Options{Search: a.search, Mirror: a.mirrored, Logger: log})), OpenAPI: readapi.OpenAPI(), Failure: readapi.Failure},
		Attachments: attachments,
		Sizes:       sizes(a.engine),
		Collectors:  collectors,
		Apart:       c.MetricsListen != "",
		Version:     thisBuild().Version,
		Logger:      log,
	})
}

// sizes returns what tells the engine's sizes; nil where a cluster tells its own.
func sizes(e driver.Engine) func() httpd.Sizes {
	if p, ok := e.(*pebblestore.Engine); ok {
		return func() httpd.Sizes { return httpd.Sizes(p.Metrics()) }
	}
	return nil
}
