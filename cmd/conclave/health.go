package main

import (
	"net/http"
	"sync/atomic"

	"conclave/audit"
	"conclave/auth"
)

// health answers the probes. Safe for concurrent use.
type health struct {
	draining atomic.Bool
	mail     func() auth.MailHealth
	audit    func() audit.Health // nil without `audit`
}

type healthBody struct {
	Status string `json:"status"` // ready or not_ready; for the operator: ok, degraded, failing or draining
	// For the operator: ok or failing. The audit log is failing if it cannot be written, unpublished if its checkpoints
	// do not leave the machine.
	Mail  string `json:"mail,omitempty"`
	Audit string `json:"audit,omitempty"`
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
	if h.draining.Load() || h.auditFailing() {
		body.Status, status = "not_ready", http.StatusServiceUnavailable
	}
	auth.WriteJSON(w, status, body)
}

// detail is ready for the operator. A dead mail server is "degraded" and no more: people who are signed in meet as
// before.
func (h *health) detail(w http.ResponseWriter, _ *http.Request) {
	body, status := healthBody{Status: "ok", Mail: "ok"}, http.StatusOK
	if h.mail().Failing {
		body.Status, body.Mail = "degraded", "failing"
	}
	if h.audit != nil {
		body.Audit = "ok"
		if len(h.audit().Failing) > 0 {
			body.Status, body.Audit = "degraded", "unpublished"
		}
	}
	if h.auditFailing() {
		body.Status, body.Audit, status = "failing", "failing", http.StatusServiceUnavailable
	}
	if h.draining.Load() {
		body.Status, status = "draining", http.StatusServiceUnavailable
	}
	auth.WriteJSON(w, status, body)
}

// auditFailing says that the audit log cannot be written, so that audited actions are refused.
func (h *health) auditFailing() bool { return h.audit != nil && h.audit().Err != nil }
