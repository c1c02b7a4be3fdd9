package main

import (
	"net/http"
	"net/http/pprof"

	"github.com/go-chi/chi/v5"

	"conclave/audit"
)

// newAdminRouter is what only this machine may see: metrics, health, profiles. Host names other than loopback's are
// refused, so that no web page can be pointed here.
func newAdminRouter(h *health, metrics http.Handler, log *audit.Log) *chi.Mux {
	r := chi.NewRouter()
	r.Use(securityHeaders(false), knownHosts([]string{"localhost", "127.0.0.1", "::1"}))
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed)
	r.Get("/livez", h.live)
	r.Get("/readyz", h.detail)
	r.Get("/metrics", metrics.ServeHTTP)
	if log != nil {
		r.With(http.NewCrossOriginProtection().Handler).Post("/audit/export", recordExport(log))
	}
	r.Get("/debug/pprof/*", pprof.Index)
	r.Get("/debug/pprof/profile", pprof.Profile)
	r.Get("/debug/pprof/trace", pprof.Trace)
	// No cmdline: flags may hold secrets.
	r.Get("/debug/pprof/cmdline", http.NotFound)
	return r
}
