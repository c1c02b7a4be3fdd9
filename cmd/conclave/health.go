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
	Status string `json:"status"`         // ready or not_ready; for the operator: ok, degraded or draining
	Mail   string `json:"mail,omitempty"` // for the operator: ok or failing
}

// live: the process answers.
func (h *health) live(w http.ResponseWriter, _ *http.Request) {
	auth.WriteJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// ready tells the world whether new people may be sent here, and nothing else: not why, and nothing of the mail.
func (h *health) ready(w http.ResponseWriter, _ *http.Request) {
	body, status := healthBody{Status: "ready"}, http.StatusOK
	if h.draining.Load() {
		body.Status, status = "not_ready", http.StatusServiceUnavailable
	}
	auth.WriteJSON(w, status, body)
}

// detail is ready for the operator. A dead mail server is "degraded" and no more: people who are signed in meet as before.
func (h *health) detail(w http.ResponseWriter, _ *http.Request) {
	body, status := healthBody{"ok", "ok"}, http.StatusOK
	if h.mail().Failing {
		body = healthBody{"degraded", "failing"}
	}
	if h.draining.Load() {
		body.Status, status = "draining", http.StatusServiceUnavailable
	}
	auth.WriteJSON(w, status, body)
}
