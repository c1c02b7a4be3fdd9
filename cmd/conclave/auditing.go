package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"conclave/audit"
	"conclave/auth"
	"conclave/config"
	"conclave/meeting"
)

// auditing holds the options of the audit log.
type auditing struct {
	// Keeps an audit log: who did what and when, never content. Participants are told before they join. Without it
	// nothing is written. See docs/audit.md.
	Audit bool `name:"audit" group:"Audit"`
	// Directory of the audit log.
	AuditDir string `name:"audit-dir" group:"Audit" placeholder:"DIR"`
	// Recipients that can read the audit log (age1…), as `conclave audit keygen` prints them. `audit` needs at least
	// one. Keep the identities on another machine.
	AuditRecipients []string `name:"audit-recipients" group:"Audit" placeholder:"RECIPIENT"`
	// How long the records are kept, 0 for ever. The default is six years. The tree over them is always kept.
	AuditRetention time.Duration `name:"audit-retention" group:"Audit"`
	// File that signed checkpoints are appended to, beside standard output. It belongs on another machine's disk.
	AuditCheckpoints string `name:"audit-checkpoints" group:"Audit" placeholder:"FILE"`
	// URL (https) that signed checkpoints are posted to, beside standard output.
	AuditWebhook config.Secret `name:"audit-webhook" group:"Audit" placeholder:"URL"`
}

func defaultAuditing() auditing {
	return auditing{AuditDir: "/var/lib/conclave/audit", AuditRetention: 2192 * 24 * time.Hour}
}

// validate checks what can be checked without touching a file.
func (a auditing) validate() error {
	if !a.Audit {
		return nil
	}
	_, err := a.options(io.Discard)
	return err
}

// options are the options of the log. Checkpoints go to out, among others.
func (a auditing) options(out io.Writer) (audit.Options, error) {
	to, err := audit.ParseRecipients(a.AuditRecipients)
	if err != nil {
		return audit.Options{}, fmt.Errorf("audit_recipients: %w (make a key with conclave audit keygen)", err)
	}
	if a.AuditRetention < 0 {
		return audit.Options{}, errors.New("audit_retention must not be negative")
	}
	sinks := []audit.Sink{audit.NewWriterSink(out)}
	if a.AuditCheckpoints != "" {
		sinks = append(sinks, audit.NewFileSink(a.AuditCheckpoints))
	}
	if a.AuditWebhook != "" {
		hook, err := audit.NewWebhookSink(a.AuditWebhook.Reveal())
		if err != nil {
			return audit.Options{}, fmt.Errorf("audit_webhook: %w", err)
		}
		sinks = append(sinks, hook)
	}
	return audit.Options{Dir: a.AuditDir, Recipients: to, Retention: a.AuditRetention, Sinks: sinks}, nil
}

// startAudit opens the audit log and records which configuration is in force. Without `audit` it does nothing.
func (s *server) startAudit(ctx context.Context) error {
	a := s.cfg.Auditing
	if !a.Audit {
		return nil
	}
	o, err := a.options(s.console.out)
	if err != nil {
		return err
	}
	o.State = s.auditState
	if s.audit, err = audit.OpenLog(o); err != nil {
		return fmt.Errorf("the audit log: %w", err)
	}
	s.warnOfNearCopy(a)
	if err := s.audit.Record(ctx, s.configurationEvent()); err != nil {
		return fmt.Errorf("the audit log: %w", err)
	}
	return nil
}

// configurationEvent says which version runs with which options, as a hash of what `conclave config print` shows.
func (s *server) configurationEvent() audit.Event {
	var printed bytes.Buffer
	list := optionList()
	_ = config.Print(&printed, s.cfg, list, config.NewSources(list, nil, "")) // to memory: never fails
	detail := fmt.Sprintf("version %s, options sha256:%x", version(), sha256.Sum256(printed.Bytes()))
	return audit.Event{Time: time.Now(), Kind: audit.Configuration, Actor: "server", Detail: detail}
}

// warnOfNearCopy warns if the copy of the checkpoints is on the same disk as the log: one thief has both.
func (s *server) warnOfNearCopy(a auditing) {
	if a.AuditCheckpoints == "" {
		return
	}
	if same, err := audit.SameFileSystem(a.AuditDir, filepath.Dir(a.AuditCheckpoints)); err == nil && same {
		s.log.Warn("audit_checkpoints is on the same disk as the audit log: put it on another machine's")
	}
}

// auditState tells the operator and the meetings that the log stopped or resumed taking events.
func (s *server) auditState(err error) {
	if r := s.audited.Load(); r != nil {
		r.RecorderChanged()
	}
	if err != nil {
		s.log.Error("the audit log cannot be written: audited actions are refused", "error", err)
		return
	}
	s.log.Info("the audit log can be written again")
}

// watchAudit shows the state of the audit log.
func (m *metrics) watchAudit(state func() audit.Health) {
	gauge := func(name, help string, value func(audit.Health) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(state()) })
	}
	m.registry.MustRegister(
		gauge("conclave_audit_records", "Records in the audit log.",
			func(h audit.Health) float64 { return float64(h.Records) }),
		gauge("conclave_audit_failing", "1 while the audit log cannot be written.", func(h audit.Health) float64 {
			if h.Err != nil {
				return 1
			}
			return 0
		}),
		gauge("conclave_audit_sinks_failing", "Places that do not take the checkpoints of the audit log.",
			func(h audit.Health) float64 { return float64(len(h.Failing)) }),
	)
}

// recordExport records that records were exported, for `conclave audit export`: only the process that holds the log may
// write to it.
func recordExport(log *audit.Log) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, err := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
		to, err2 := strconv.ParseInt(r.URL.Query().Get("to"), 10, 64)
		if err := errors.Join(err, err2); err != nil {
			auth.WriteError(w, http.StatusBadRequest, "bad_request", "from and to must be numbers of records.", 0)
			return
		}
		if err := log.Record(r.Context(), exportEvent(from, to)); err != nil {
			auth.WriteError(w, http.StatusServiceUnavailable, "audit_unavailable", "The audit log cannot be written.", 0)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// exportEvent is recorded before records leave the log. to < 0 means all that follow.
func exportEvent(from, to int64) audit.Event {
	detail := fmt.Sprintf("records %d to %d", from, to-1)
	if to < 0 {
		detail = fmt.Sprintf("records from %d", from)
	}
	return audit.Event{Time: time.Now(), Kind: audit.AuditExported, Actor: "operator", Detail: detail}
}

// signIns records who signs in.
type signIns struct{ log *audit.Log }

// Record implements auth.Recorder.
func (s signIns) Record(ctx context.Context, what auth.Action, who auth.Email) error {
	e := audit.Event{Time: time.Now(), Kind: audit.Kind(what), Actor: cmp.Or(who.Reveal(), "guest")}
	return s.log.Record(ctx, e) //nolint:wrapcheck // auth looks only whether there is one
}

// happenings records what meetings do.
type happenings struct{ log *audit.Log }

// Record implements meeting.Recorder.
func (h happenings) Record(list []meeting.Record, done func(error)) {
	settle := jointly(len(list), done)
	for _, r := range list {
		e := audit.Event{
			Time: r.At, Kind: audit.Kind(r.Action), Actor: r.Actor, Subject: r.Subject, Meeting: r.Meeting.Reveal(),
			Detail: r.Detail,
		}
		if err := h.log.Append(e, settle); err != nil {
			settle(err)
		}
	}
}

// jointly returns a function to be called n times, which then calls done with the first error.
func jointly(n int, done func(error)) func(error) {
	var mu sync.Mutex
	var first error
	return func(err error) {
		mu.Lock()
		if first == nil {
			first = err
		}
		n--
		last := n == 0
		mu.Unlock()
		if last {
			done(first)
		}
	}
}

// Ready implements meeting.Recorder.
func (h happenings) Ready() bool { return h.log.Health().Err == nil }
