package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"conclave/auth"
)

// metrics are the counters of this process. Labels come from closed sets: routes, methods, status classes, events.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	auth     *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "conclave_http_requests_total", Help: "HTTP requests by method, route pattern and status class.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "conclave_http_request_duration_seconds", Help: "Time to answer, without WebSockets and waits for a meeting.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10},
		}, []string{"route"}),
		auth: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "conclave_auth_events_total", Help: "Sign-in events by kind.",
		}, []string{"event"}),
	}
	for _, e := range auth.Events() {
		m.auth.WithLabelValues(string(e))
	}
	m.registry.MustRegister(m.requests, m.duration, m.auth, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// heldRoute is answered when a meeting opens: its time says nothing of the server.
const heldRoute = "/api/meetings/{id}/opened"

func (m *metrics) request(method, route string, status int, d time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status/100)+"xx").Inc()
	if status != http.StatusSwitchingProtocols && route != heldRoute {
		m.duration.WithLabelValues(route).Observe(d.Seconds())
	}
}

func (m *metrics) authEvent(e auth.Event) { m.auth.WithLabelValues(string(e)).Inc() }

// watchMail shows the mail queue.
func (m *metrics) watchMail(state func() auth.MailHealth) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "conclave_mail_queued", Help: "Messages waiting to be sent."},
			func() float64 { return float64(state().Queued) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "conclave_mail_failing", Help: "1 while mail cannot be sent."},
			func() float64 {
				if state().Failing {
					return 1
				}
				return 0
			}),
	)
}

// handlerOf serves what g gathers: what another version of the server cannot say does not hide the rest.
func (m *metrics) handlerOf(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{Registry: m.registry, ErrorHandling: promhttp.ContinueOnError})
}
