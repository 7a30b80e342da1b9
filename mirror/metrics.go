package mirror

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"parlance"
)

// A tally is what is counted of an upstream since the process began, and how it stood after its last run.
type tally struct {
	runs                    map[string]int // by how they ended
	fresh, changed, missing int
	calls                   int
	status                  Status
	well                    parlance.Time // when a run last ended without an error; 0: none did yet
}

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("parlance_mirror_"+name, help, append([]string{"source"}, labels...), nil)
}

var (
	runsMetric          = metric("runs_total", "Runs, by how they ended.", "result")
	messagesMetric      = metric("messages_total", "Messages that runs found new, changed or missing upstream.", "result")
	callsMetric         = metric("calls_total", "Calls of the platform.")
	conversationsMetric = metric("conversations", "Conversations, by how much of them is here.", "state")
	gapsMetric          = metric("gaps", "Stretches of history that are missing, or not proven to be here.")
	losesMetric         = metric("loses_seconds", "Time until a message that isn't here may vanish from the platform; 0 or below: it may have.")
	checkedMetric       = metric("checked_seconds", "Time since a run last ended without an error.")
)

// Describe sends the names of the metrics: a Mirror is a [prometheus.Collector] of its upstreams.
func (m *Mirror) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{runsMetric, messagesMetric, callsMetric, conversationsMetric, gapsMetric, losesMetric, checkedMetric} {
		c <- d
	}
}

// Collect sends the metrics as they are now. Figures of an upstream are those after its last run in this process, or of its beginning.
func (m *Mirror) Collect(c chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.o.Now()
	for name, t := range m.tallies {
		send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
			c <- prometheus.MustNewConstMetric(d, kind, v, append([]string{string(name)}, labels...)...)
		}
		for _, result := range slices.Sorted(maps.Keys(t.runs)) {
			send(runsMetric, prometheus.CounterValue, float64(t.runs[result]), result)
		}
		send(messagesMetric, prometheus.CounterValue, float64(t.fresh), "new")
		send(messagesMetric, prometheus.CounterValue, float64(t.changed), "changed")
		send(messagesMetric, prometheus.CounterValue, float64(t.missing), "missing")
		send(callsMetric, prometheus.CounterValue, float64(t.calls))
		send(conversationsMetric, prometheus.GaugeValue, float64(t.status.Complete), string(Complete))
		send(conversationsMetric, prometheus.GaugeValue, float64(t.status.Partial), string(Partial))
		send(conversationsMetric, prometheus.GaugeValue, float64(t.status.Unknown), string(Unknown))
		send(gapsMetric, prometheus.GaugeValue, float64(len(t.status.Gaps)))
		left := math.Inf(1)
		switch t.status.Loses {
		case never:
		case 0:
			left = 0
		default:
			left = seconds(t.status.Loses - now)
		}
		send(losesMetric, prometheus.GaugeValue, left)
		if t.well != 0 {
			send(checkedMetric, prometheus.GaugeValue, seconds(now-t.well))
		}
	}
}

func seconds(t parlance.Time) float64 { return float64(t) / 1000 }

// tallied counts a run.
func (m *Mirror) tallied(r *Report, s Status, err error) {
	result := "done"
	switch {
	case errors.Is(err, context.Canceled):
		result = "interrupted"
	case errors.Is(err, parlance.Unauthenticated):
		result = "login"
	case err != nil:
		result = "failed"
	case r.State != Complete:
		result = string(r.State)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tally(r.Source)
	t.runs[result]++
	t.fresh += r.New
	t.changed += r.Changed
	t.missing += r.Missing
	t.calls += r.Calls
	t.status = s
	if err == nil {
		t.well = m.o.Now()
	}
}

// tally returns the tally of an upstream. The caller holds m.mu.
func (m *Mirror) tally(n Name) *tally {
	t := m.tallies[n]
	if t == nil {
		t = &tally{runs: map[string]int{}}
		m.tallies[n] = t
	}
	return t
}
