package search

import (
	"github.com/prometheus/client_golang/prometheus"

	"parlance"
)

func metric(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("parlance_search_"+name, help, []string{"workspace"}, nil)
}

var (
	entriesMetric = metric("entries", "Versions of messages in blocks of the search index.")
	blocksMetric  = metric("blocks", "Blocks of the search index.")
	bytesMetric   = metric("bytes", "Bytes of the blocks' pages.")
	pendingMetric = metric("pending", "Versions of messages that are in no block yet, as of the last search or build; at least, if they are 4096. Searches read them.")
	lagMetric     = metric("lag_seconds", "Age of the oldest of them; 0 if there are none.")
)

// Describe sends the names of the metrics: an Index is a [prometheus.Collector] of the workspaces that it knows.
func (ix *Index) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{entriesMetric, blocksMetric, bytesMetric, pendingMetric, lagMetric} {
		c <- d
	}
}

// Collect sends the metrics as they were when a workspace was last searched or indexed in this process. It reads nothing.
func (ix *Index) Collect(c chan<- prometheus.Metric) {
	ix.mu.Lock()
	all := make([]*workspace, 0, len(ix.workspaces))
	for _, w := range ix.workspaces {
		all = append(all, w)
	}
	ix.mu.Unlock()
	for _, w := range all {
		w.collect(c, ix.store.Now())
	}
}

func (w *workspace) collect(c chan<- prometheus.Metric, now parlance.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == nil {
		return
	}
	send := func(d *prometheus.Desc, v float64) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, string(w.id))
	}
	entries, bytes := 0, int64(0)
	for _, b := range w.state.blocks {
		entries += b.Documents
		bytes += b.record.Bytes
	}
	send(entriesMetric, float64(entries))
	send(blocksMetric, float64(len(w.state.blocks)))
	send(bytesMetric, float64(bytes))
	pending := len(w.tail.docs)
	if w.tail.more {
		pending = maxTail
	}
	send(pendingMetric, float64(pending))
	lag := parlance.Time(0)
	if len(w.tail.docs) > 0 {
		lag = max(now-w.tail.docs[0].at.At, 0)
	}
	send(lagMetric, float64(lag)/1000)
}
