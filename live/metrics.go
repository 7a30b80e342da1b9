package live

import "github.com/prometheus/client_golang/prometheus"

// busMetric is one figure of a [Status].
type busMetric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(Status) float64
}

func metric(name, help string, kind prometheus.ValueType, of func(Status) float64) busMetric {
	return busMetric{prometheus.NewDesc("parlance_bus_"+name, help, nil, nil), kind, of}
}

var busMetrics = []busMetric{
	metric("connected", "1 while the bus is connected.", prometheus.GaugeValue, func(s Status) float64 {
		if s.Connected {
			return 1
		}
		return 0
	}),
	metric("nodes", "Other nodes heard in the last seconds.", prometheus.GaugeValue, func(s Status) float64 { return float64(s.Nodes) }),
	metric("sent_total", "Events sent to other nodes.", prometheus.CounterValue, func(s Status) float64 { return float64(s.Sent) }),
	metric("received_total", "Events of other nodes.", prometheus.CounterValue, func(s Status) float64 { return float64(s.Received) }),
	metric("dropped_total", "Events not sent, for want of room or of a connection.", prometheus.CounterValue, func(s Status) float64 { return float64(s.Dropped) }),
	metric("missed_total", "Times that events of another node were found missing.", prometheus.CounterValue, func(s Status) float64 { return float64(s.Missed) }),
	metric("malformed_total", "Messages that can't be understood.", prometheus.CounterValue, func(s Status) float64 { return float64(s.Malformed) }),
}

// Describe sends the names of the bus's metrics: a Bus is a [prometheus.Collector] of its [Status].
func (*Bus) Describe(c chan<- *prometheus.Desc) {
	for _, m := range busMetrics {
		c <- m.desc
	}
}

// Collect sends the bus's metrics as they are now.
func (b *Bus) Collect(c chan<- prometheus.Metric) {
	s := b.Status()
	for _, m := range busMetrics {
		c <- prometheus.MustNewConstMetric(m.desc, m.kind, m.of(s))
	}
}
