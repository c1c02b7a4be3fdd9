package signaling

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"conclave/protocol"
)

// metrics count; no label names a person or a meeting, and each label's values are a closed set.
type metrics struct {
	requests *prometheus.CounterVec // type, outcome: a message type or "unreadable"; "ok" or an error id
	byes     *prometheus.CounterVec // reason: a bye reason or "lost"
	refusals *prometheus.CounterVec // reason: bad_origin, unauthenticated, subprotocol, limit, handshake
	panics   prometheus.Counter
}

func newMetrics(r prometheus.Registerer, h *Handler) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "conclave_signaling_requests_total", Help: "Messages from clients, by type and outcome.",
		}, []string{"type", "outcome"}),
		byes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "conclave_signaling_closed_total", Help: "WebSockets closed, by the reason given in the bye.",
		}, []string{"reason"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "conclave_signaling_refused_total", Help: "WebSocket upgrades refused, by reason.",
		}, []string{"reason"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "conclave_signaling_panics_total", Help: "Panics that ended one participant. Each is a bug.",
		}),
	}
	for _, reason := range append(protocol.ByeReason("").Values(), "lost") {
		m.byes.WithLabelValues(reason)
	}
	if r == nil {
		return m, nil
	}
	for _, c := range append(h.gauges(), m.requests, m.byes, m.refusals, m.panics) {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("signaling: register metrics: %w", err)
		}
	}
	return m, nil
}

func (h *Handler) gauges() []prometheus.Collector {
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	counter := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, f)
	}
	r := h.registry
	return []prometheus.Collector{
		gauge("conclave_signaling_sockets", "Open WebSockets.", func() float64 { return float64(h.countSockets()) }),
		gauge("conclave_meetings", "Meetings.", func() float64 { return float64(r.Gauges().Meetings) }),
		gauge("conclave_participants", "Participants in meetings.", func() float64 { return float64(r.Gauges().Participants) }),
		gauge("conclave_waiting", "People in lobbies.", func() float64 { return float64(r.Gauges().Waiting) }),
		counter("conclave_meetings_created_total", "Meetings created.", func() float64 { return float64(r.Gauges().Created) }),
		counter("conclave_meeting_panics_total", "Panics inside meetings. Each is a bug.", func() float64 { return float64(r.Gauges().Panics) }),
	}
}

func (m *metrics) request(kind, outcome string)     { m.requests.WithLabelValues(kind, outcome).Inc() }
func (m *metrics) closed(reason protocol.ByeReason) { m.byes.WithLabelValues(string(reason)).Inc() }
func (m *metrics) refused(reason string)            { m.refusals.WithLabelValues(reason).Inc() }
func (m *metrics) panicked()                        { m.panics.Inc() }
