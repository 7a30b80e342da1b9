package main

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"parlance/httpd"
	"parlance/imetastore"
	"parlance/imkit"
	"parlance/shopline"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// newServer returns a server of all that the archive holds, in every dialect.
// ShoplineRate is how many requests a SHOPLINE token may make in a second; 0 = any number.
func newServer(a *archive, log *slog.Logger, shoplineRate int) *httpd.Server {
	so := shopline.Options{Logger: log, RatePerSecond: shoplineRate}
	if shoplineRate > 0 {
		so.Usage = usageOn(a.bus)
	}
	sl := shopline.New(a.store, a.keeper, so)
	hearUsage(a.bus, sl)
	return httpd.New(httpd.Options{
		Store: a.store,
		IMKit: httpd.Dialect{
			Handler: imkit.New(a.store, a.keeper, imkit.Options{Logger: log}), OpenAPI: imkit.OpenAPI(),
		},
		Shopline: httpd.Dialect{
			Handler: sl, OpenAPI: shopline.OpenAPI(),
		},
		IMetaStore: httpd.Dialect{
			Handler: imetastore.New(a.store, a.keeper, imetastore.Options{Logger: log}), OpenAPI: imetastore.OpenAPI(),
		},
		Sizes:      sizes(a.engine),
		Collectors: []prometheus.Collector{a.bus},
		Version:    thisBuild().Version,
		Logger:     log,
	})
}

// sizes returns what tells the engine's sizes; nil where a cluster tells its own.
func sizes(e driver.Engine) func() httpd.Sizes {
	if p, ok := e.(*pebblestore.Engine); ok {
		return func() httpd.Sizes { return httpd.Sizes(p.Metrics()) }
	}
	return nil
}
