package main

import (
	"log/slog"

	"parlance/httpd"
	"parlance/imetastore"
	"parlance/imkit"
	"parlance/shopline"
)

// newServer returns a server of all that the archive holds, in every dialect.
// ShoplineRate is how many requests a SHOPLINE token may make in a second; 0 = any number.
func newServer(a *archive, log *slog.Logger, shoplineRate int) *httpd.Server {
	return httpd.New(httpd.Options{
		Store: a.store,
		IMKit: httpd.Dialect{
			Handler: imkit.New(a.store, a.keeper, imkit.Options{Logger: log}), OpenAPI: imkit.OpenAPI(),
		},
		Shopline: httpd.Dialect{
			Handler: shopline.New(a.store, a.keeper, shopline.Options{Logger: log, RatePerSecond: shoplineRate}), OpenAPI: shopline.OpenAPI(),
		},
		IMetaStore: httpd.Dialect{
			Handler: imetastore.New(a.store, a.keeper, imetastore.Options{Logger: log}), OpenAPI: imetastore.OpenAPI(),
		},
		Sizes:   func() httpd.Sizes { return httpd.Sizes(a.engine.Metrics()) },
		Version: thisBuild().Version,
		Logger:  log,
	})
}
