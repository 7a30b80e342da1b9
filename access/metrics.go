package access

import "github.com/prometheus/client_golang/prometheus"

var (
	wrongLogins   = prometheus.NewDesc("parlance_login_failures_total", "Logins with a wrong e-mail or password.", nil, nil)
	slowedLogins  = prometheus.NewDesc("parlance_login_refused_total", "Logins refused unheard after too many wrong ones, by what had too many.", []string{"by"}, nil)
	crowdedLogins = prometheus.NewDesc("parlance_login_crowded_total", "Logins refused because too many others waited for their password to be checked.", nil, nil)
	unknownKeys   = prometheus.NewDesc("parlance_credential_failures_total", "Keys and tokens that aren't valid, by kind.", []string{"kind"}, nil)
)

// Describe sends the names of what a Keeper counts. See [prometheus.Collector].
func (k *Keeper) Describe(c chan<- *prometheus.Desc) {
	c <- wrongLogins
	c <- slowedLogins
	c <- crowdedLogins
	c <- unknownKeys
}

// Collect sends the counts as they are now.
func (k *Keeper) Collect(c chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	count(wrongLogins, k.throttle.wrong.Load())
	for i, by := range refusals {
		count(slowedLogins, k.throttle.refused[i].Load(), by)
	}
	count(crowdedLogins, k.throttle.crowded.Load())
	for i, kind := range countedKinds {
		count(unknownKeys, k.unknown[i].Load(), string(kind))
	}
}

// countedKinds are the kinds whose failures are counted: those of long random secrets, which guessing doesn't find, so that they aren't
// slowed down.
var countedKinds = [...]Kind{ClientKey, APIKey, ShoplineToken, ReadToken, userToken, sellerToken}

// refuse counts a key or token that isn't valid.
func (k *Keeper) refuse(kind Kind) error {
	for i, known := range countedKinds {
		if kind == known {
			k.unknown[i].Add(1)
		}
	}
	return errUnauthenticated
}
