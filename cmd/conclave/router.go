package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"conclave/auth"
	"conclave/config"
)

// parts are what the router puts together.
type parts struct {
	cfg        *settings
	deployment *config.Deployment
	auth       *auth.Service
	meetings   func(chi.Router) // /api/meetings, /ws; nil for none
	client     http.Handler     // everything that is not the API
	health     *health
	metrics    *metrics
	log        *slog.Logger
	// route passes on what another version has; nil for none.
	route func(http.Handler) http.Handler
	// passed takes what another version says of a request, whose word counts for the client; nil for the world.
	passed func(http.Handler) http.Handler
}

// newRouter assembles what is served to the world. The order of the middlewares is the order of suspicion: first what
// must hold for every answer, then who may talk to us at all, then what a request may do.
func newRouter(p parts) (*chi.Mux, error) {
	sameOrigin, err := crossOrigin(p.cfg.ClientURL)
	if err != nil {
		return nil, fmt.Errorf("client_url: %w", err)
	}
	r := chi.NewRouter()
	r.Use(observe(p.log, p.metrics), recoverPanics(p.log), securityHeaders(p.deployment.Secure))
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed)
	r.Get("/livez", p.health.live)
	r.Get("/readyz", p.health.ready)
	r.Group(func(r chi.Router) {
		proxies := p.deployment.TrustedProxies
		if p.passed != nil {
			r.Use(knownHosts(p.deployment.Hosts), middleware.ClientIPFromHeader(chainClient), p.passed)
		} else {
			r.Use(onlyPeers(proxies), knownHosts(p.deployment.Hosts), auth.ClientIPMiddleware(proxies))
		}
		r.Use(cors(p.cfg.ClientURL), sameOrigin, limitBody)
		if p.route != nil {
			r.Use(p.route)
		}
		r.Get("/api/config", publicConfig(p.cfg))
		r.Mount("/api/auth", p.auth.Routes())
		if p.meetings != nil {
			p.meetings(r)
		}
		r.HandleFunc("/api/*", notFound)
		if p.client != nil {
			r.Handle("/*", p.client)
		}
	})
	return r, nil
}

// notFound answers what no route takes. Below /api, where it is a route itself, another method may be taken.
func notFound(w http.ResponseWriter, r *http.Request) {
	if len(allowed(r)) > 0 {
		methodNotAllowed(w, r)
		return
	}
	auth.WriteError(w, http.StatusNotFound, "not_found", "There is nothing here.", 0)
}

// allowed are the methods that some route takes for a request's path. What takes every path does not count.
func allowed(r *http.Request) (methods []string) {
	here := chi.RouteContext(r.Context())
	if here == nil || here.Routes == nil {
		return nil
	}
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		pattern := here.Routes.Find(chi.NewRouteContext(), m, r.URL.Path)
		if pattern != "" && !strings.HasSuffix(pattern, "*") {
			methods = append(methods, m)
		}
	}
	return methods
}

// methodNotAllowed names the methods that are (RFC 9110 §15.5.6).
func methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", strings.Join(allowed(r), ", "))
	auth.WriteError(w, http.StatusMethodNotAllowed, "method_not_allowed", "This is not possible here.", 0)
}

// publicConfig is what a page may know before sign-in.
func publicConfig(c *settings) http.HandlerFunc {
	body := struct {
		Name         string `json:"name"`
		Operator     string `json:"operator"`
		Version      string `json:"version"`
		CodeDigits   int    `json:"code_digits"`
		MaxMeeting   int    `json:"max_meeting_s"`
		Guests       bool   `json:"guests"`
		Confidential bool   `json:"confidential"`
		Audited      bool   `json:"audited"`
	}{
		c.Name, c.Operator, version(), c.Auth.CodeDigits, int(c.Meetings.MaxMeeting / time.Second), c.Auth.Guests,
		c.Meetings.Confidential, c.Auditing.Audit,
	}
	return func(w http.ResponseWriter, _ *http.Request) { auth.WriteJSON(w, http.StatusOK, body) }
}

// observe logs and counts each request by what it was, never by who or where exactly: the route's pattern, not the
// path.
func observe(log *slog.Logger, m *metrics) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(ww, r)
			status := ww.Status()
			if status == 0 {
				status = http.StatusOK
			}
			method, route, duration := knownMethod(r.Method), routePattern(r), time.Since(start)
			m.request(method, route, status, duration)
			log.Log(r.Context(), requestLevel(route), "request", "method", method, "route", route, "status", status,
				"duration_ms", duration.Milliseconds())
		})
	}
}

// requestLevel logs what people do to the API, and leaves files and probes to debugging.
func requestLevel(route string) slog.Level {
	if strings.HasPrefix(route, "/api/") || route == "/ws" {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// knownMethod keeps what a client made up out of logs and labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return method
	}
	return "other"
}

func routePattern(r *http.Request) string {
	if ctx := chi.RouteContext(r.Context()); ctx != nil {
		if p := ctx.RoutePattern(); p != "" {
			return p
		}
	}
	return "none"
}

// recoverPanics keeps one request's panic from ending the process. The value is not logged: it may hold what the client
// sent.
func recoverPanics(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				switch v := recover(); v {
				case nil:
				case http.ErrAbortHandler:
					panic(v)
				default:
					log.Error("panic in a request", "route", routePattern(r), "stack", string(debug.Stack()))
					auth.WriteError(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}
