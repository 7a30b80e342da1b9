package httpd

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Sizes are an engine's sizes, in bytes.
type Sizes struct {
	Disk      int64 // of all files
	Live      int64 // of the tables that hold the rows
	Cache     int64 // memory of the block cache
	Memtables int64 // memory of the rows not yet flushed
}

// methods are the values of the label "method"; the last one stands for all others, since
// a client may send any word.
var methods = [...]string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete,
	http.MethodHead, http.MethodOptions, http.MethodPatch, "other",
}

// classes are the values of the label "status".
var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// metrics are a server's counters, all of them made beforehand so that counting a request
// is a few additions.
type metrics struct {
	registry *prometheus.Registry
	requests [mounts][len(methods)][len(classes)]prometheus.Counter
	duration [mounts]prometheus.Observer
	panics   prometheus.Counter
}

func newMetrics(version string, sizes func() Sizes, more []prometheus.Collector) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parlance_http_panics_total", Help: "Requests whose handler panicked.",
		}),
	}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parlance_http_requests_total", Help: "Requests answered, by dialect, method and class of status.",
	}, []string{"dialect", "method", "status"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "parlance_http_request_duration_seconds", Help: "Time from a request's header to the end of its answer.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"dialect"})
	for d := range mounts {
		m.duration[d] = duration.WithLabelValues(mountNames[d])
		for i, method := range methods {
			for j, class := range classes {
				m.requests[d][i][j] = requests.WithLabelValues(mountNames[d], method, class)
			}
		}
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "parlance_build_info", Help: "1, with the program's version.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()},
	})
	info.Set(1)
	m.registry.MustRegister(requests, duration, m.panics, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if sizes != nil {
		m.registry.MustRegister(sizeCollector(sizes))
	}
	m.registry.MustRegister(more...)
	return m
}

// observe counts one request.
func (m *metrics) observe(d mount, method string, status int, took time.Duration) {
	m.requests[d][methodIndex(method)][classIndex(status)].Inc()
	m.duration[d].Observe(took.Seconds())
}

func methodIndex(method string) int {
	for i, known := range methods[:len(methods)-1] {
		if method == known {
			return i
		}
	}
	return len(methods) - 1
}

func classIndex(status int) int { return min(max(status/100, 1), len(classes)) - 1 }

// A sizeCollector tells an engine's sizes when it is scraped.
type sizeCollector func() Sizes

var (
	diskBytes     = prometheus.NewDesc("parlance_store_disk_bytes", "Size of all the store's files.", nil, nil)
	liveBytes     = prometheus.NewDesc("parlance_store_live_bytes", "Size of the tables that hold the store's rows.", nil, nil)
	cacheBytes    = prometheus.NewDesc("parlance_store_cache_bytes", "Memory that the store's block cache takes.", nil, nil)
	memtableBytes = prometheus.NewDesc("parlance_store_memtable_bytes", "Memory that rows not yet flushed take.", nil, nil)
)

// Describe sends the names of the sizes.
func (sizeCollector) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{diskBytes, liveBytes, cacheBytes, memtableBytes} {
		c <- d
	}
}

// Collect sends the sizes as they are now.
func (f sizeCollector) Collect(c chan<- prometheus.Metric) {
	s := f()
	for _, v := range []struct {
		d *prometheus.Desc
		n int64
	}{{diskBytes, s.Disk}, {liveBytes, s.Live}, {cacheBytes, s.Cache}, {memtableBytes, s.Memtables}} {
		c <- prometheus.MustNewConstMetric(v.d, prometheus.GaugeValue, float64(v.n))
	}
}
