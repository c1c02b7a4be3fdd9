package reach

import (
	"github.com/prometheus/client_golang/prometheus"

	"conclave/sfu/stream"
)

// Collector is the metrics of a port and a relay. Its labels are closed sets.
type Collector struct {
	port  *Port
	relay *Relay
	hub   *stream.Hub

	connections, pending, allocations, wrong, streams, refused, checks *prometheus.Desc
}

// NewCollector makes the Collector.
func NewCollector(port *Port, relay *Relay, hub *stream.Hub) *Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("conclave_reach_"+name, help, labels, nil)
	}
	return &Collector{
		port: port, relay: relay, hub: hub,
		connections: desc("connections_total", "TCP connections, by what they turned out to be, or why they were closed.",
			"kind"),
		pending:     desc("pending_connections", "Connections of ICE-TCP and TURN that are not authenticated yet."),
		allocations: desc("allocations", "TURN allocations."),
		wrong:       desc("wrong_credentials_total", "TURN requests with wrong credentials."),
		streams:     desc("streams", "Streams to the engine: ICE-TCP connections, and TURN allocations by candidate."),
		checks:      desc("outside_checks_total", "Checks of a connection from other machines that were answered, by way.", "way"),
		refused:     desc("refused_streams_total", "Streams that were refused because there were too many."),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	s, h := c.port.Stats(), c.hub.Stats()
	for k, n := range s.Connections {
		send(c.connections, prometheus.CounterValue, float64(n), Kind(k).String())
	}
	send(c.pending, prometheus.GaugeValue, float64(s.Pending))
	send(c.allocations, prometheus.GaugeValue, float64(c.relay.allocations.Load()))
	send(c.wrong, prometheus.CounterValue, float64(c.relay.wrong.Load()))
	send(c.streams, prometheus.GaugeValue, float64(h.Open))
	for way, name := range echoWays {
		send(c.checks, prometheus.CounterValue, float64(c.relay.echo.outside[way].Load()), name)
	}
	send(c.refused, prometheus.CounterValue, float64(h.Refused))
}
