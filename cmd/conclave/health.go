package main

import (
	"net/http"
	"sync/atomic"

	"conclave/auth"
)

// health answers the probes. Safe for concurrent use.
type health struct {
	draining atomic.Bool
	mail     func() auth.MailHealth
}

type healthBody struct {
	Status string `json:"status"` // ok, degraded, draining
	Mail   string `json:"mail"`   // ok, failing
}

// live: the process answers.
func (h *health) live(w http.ResponseWriter, _ *http.Request) {
	auth.WriteJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// ready: new people may be sent here. A dead mail server does not change that (those who are signed in meet as before): it is
// "degraded". Draining does.
func (h *health) ready(w http.ResponseWriter, _ *http.Request) {
	body, status := healthBody{"ok", "ok"}, http.StatusOK
	if h.mail().Failing {
		body = healthBody{"degraded", "failing"}
	}
	if h.draining.Load() {
		body.Status, status = "draining", http.StatusServiceUnavailable
	}
	auth.WriteJSON(w, status, body)
}
