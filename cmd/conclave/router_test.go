package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"conclave/auth"
	"conclave/config"
	"conclave/meeting"
	"conclave/sfu"
	"conclave/signaling"
	"conclave/static"
)

// noMail is a mailer that sends nothing.
type noMail struct{}

func (noMail) Send(context.Context, auth.Message) error { return nil }

// world is the public router of a configuration, without sockets.
type world struct {
	*testing.T
	cfg *settings
	d   *config.Deployment
	r   *chi.Mux
	log *bytes.Buffer
	m   *metrics
}

// fineHealth is that of a server whose mail works.
func fineHealth() *health {
	return &health{mail: func() auth.MailHealth { return auth.MailHealth{} }}
}

// newWorld builds the router of a command line.
func newWorld(t *testing.T, args ...string) *world {
	t.Helper()
	w := &world{T: t, cfg: parseConfig(t, args...), log: &bytes.Buffer{}, m: newMetrics()}
	var err error
	if w.d, err = w.cfg.Deploy(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	svc, err := auth.New(auth.Config{Insecure: !w.d.Secure}, auth.Deps{Mailer: noMail{}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(svc.Close)
	registry, err := meeting.NewRegistry(meeting.Config{Media: meeting.FromSFU(&sfu.Server{})})
	if err != nil {
		t.Fatal(err)
	}
	sig, err := signaling.New(signaling.Config{Origins: []string{w.d.URL.String()}}, svc, registry)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sig.Drain(context.Background()) })
	client, err := static.Handler(static.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.r, err = newRouter(parts{
		cfg: w.cfg, deployment: w.d, auth: svc, meetings: sig.Routes, client: client,
		health: &health{mail: svc.MailHealth}, metrics: w.m, log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// parseConfig reads a command line as `conclave serve` does.
func parseConfig(t *testing.T, args ...string) *settings {
	t.Helper()
	cfg, err := parseServe(args)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func public() []string {
	return []string{
		"--domain",
		"meet.example.org",
		"--smtp",
		"smtps://conclave@example.org@mx.example.org",
		"--smtp-password",
		"x",
	}
}

// do sends a request as a client on the network would; change may alter it.
func (w *world) do(method, target, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = w.d.URL.Host
	r.RemoteAddr = "192.0.2.1:5555"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	w.r.ServeHTTP(rec, r)
	return rec
}

// headers are the ones that access must find on every answer, in full.
func headers(secure bool) map[string]string {
	h := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
			"media-src 'self' blob: mediastream:; font-src 'self'; connect-src 'self'; worker-src 'self'; " +
			"manifest-src 'self'; " +
			"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
			"require-trusted-types-for 'script'; trusted-types conclave",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "same-origin",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Permissions-Policy":        "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), screen-wake-lock=(self)",
		"Strict-Transport-Security": "",
	}
	if secure {
		h["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
	}
	return h
}

func expectHeaders(t *testing.T, what string, got http.Header, secure bool) {
	t.Helper()
	for name, want := range headers(secure) {
		if g := got.Get(name); g != want {
			t.Errorf("%s: %s is %q, want %q", what, name, g, want)
		}
	}
	for _, name := range []string{"Server", "X-Powered-By"} {
		if got.Get(name) != "" {
			t.Errorf("%s: tells %s", what, name)
		}
	}
}

// routes walks a router: every pattern with its methods, wildcards and parameters filled in.
func routes(t *testing.T, r chi.Router) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := chi.Walk(r, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		path := strings.NewReplacer("{id}", "k7qm-2f9x-w3dj-8hrt", "/*", "/anything").Replace(pattern)
		all[path] = append(all[path], method)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryRouteCarriesEveryHeader(t *testing.T) {
	for _, secure := range []bool{false, true} {
		var args []string
		if secure {
			args = public()
		}
		w := newWorld(t, args...)
		all := routes(t, w.r)
		for _, must := range []string{
			"/api/config", "/api/auth/code", "/api/auth/verify", "/api/meetings", "/ws", "/livez", "/readyz",
		} {
			if len(all[must]) == 0 {
				t.Errorf("the walk has not seen %s", must)
			}
		}
		for path, methods := range all {
			for _, method := range append(methods, "DELETE", "TRACE") { // what is refused carries them too
				expectHeaders(t, method+" "+path, w.do(method, path, "", nil).Header(), secure)
			}
		}
		for _, path := range []string{"/", "/m/k7qm-2f9x-w3dj-8hrt", "/nothing", "/api/nothing", "/.git/config"} {
			expectHeaders(t, path, w.do("GET", path, "", nil).Header(), secure)
		}
		expectHeaders(
			t,
			"other host",
			w.do("GET", "/", "", func(r *http.Request) { r.Host = "evil.example" }).Header(),
			secure,
		)
		expectHeaders(t, "redirect", serveOne(redirectHandler(w.d), "GET", "/").Header(), false)
		admin := newAdminRouter(fineHealth(), w.m.handlerOf(w.m.registry), nil)
		for path := range routes(t, admin) {
			if path != "/debug/pprof/profile" && path != "/debug/pprof/trace" { // these take their time
				expectHeaders(t, "admin "+path, serveOne(admin, "GET", path).Header(), false)
			}
		}
	}
}

func serveOne(h http.Handler, method, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "localhost:1"
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestMetricsAndProfilesCannotBeReachedFromOutside(t *testing.T) {
	w := newWorld(t, public()...)
	for path := range routes(t, w.r) {
		if strings.Contains(path, "pprof") || strings.Contains(path, "metrics") {
			t.Errorf("public route %s", path)
		}
	}
	for _, path := range []string{
		"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/api/metrics", "//metrics", "/m/../metrics",
	} {
		if rec := w.do("GET", path, "", nil); rec.Code == 200 && strings.Contains(rec.Body.String(), "go_goroutines") ||
			strings.Contains(rec.Body.String(), "profile") {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	admin := newAdminRouter(fineHealth(), w.m.handlerOf(w.m.registry), nil)
	if rec := serveOne(admin, "GET", "/metrics"); rec.Code != 200 ||
		!strings.Contains(rec.Body.String(), "conclave_auth_events_total") {
		t.Errorf("admin metrics: %d", rec.Code)
	}
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Host = "evil.example" // a page of evil.example whose name now points to 127.0.0.1
	rec := httptest.NewRecorder()
	if admin.ServeHTTP(rec, r); rec.Code != http.StatusMisdirectedRequest {
		t.Errorf("DNS rebinding reaches metrics: %d", rec.Code)
	}
	if rec := serveOne(admin, "GET", "/debug/pprof/cmdline"); rec.Code != 404 {
		t.Errorf("the command line may hold secrets: %d", rec.Code)
	}
}

func TestOnlyOurOwnNameIsAnswered(t *testing.T) {
	w := newWorld(t, public()...)
	for host, ok := range map[string]bool{
		"meet.example.org": true, "MEET.example.org:443": true, "evil.example": false, "meet.example.org.evil.example": false,
		"192.0.2.1": false, "localhost": false, "": false, "[::1]:443": false, "[": false, "meet.example.org@evil.example": false,
	} {
		rec := w.do("GET", "/api/config", "", func(r *http.Request) { r.Host = host })
		if (rec.Code == 200) != ok {
			t.Errorf("Host %q: %d", host, rec.Code)
		}
		if strings.Contains(rec.Body.String(), "evil") {
			t.Errorf("Host %q is repeated", host)
		}
	}
	local := newWorld(t)
	for _, host := range []string{"127.0.0.1:8080", "localhost:8080", "[::1]:8080"} {
		if rec := local.do("GET", "/api/config", "", func(r *http.Request) { r.Host = host }); rec.Code != 200 {
			t.Errorf("Host %q on loopback: %d", host, rec.Code)
		}
	}
}

func TestForwardedHeadersChangeNothingWithoutAProxy(t *testing.T) {
	w := newWorld(t, public()...)
	spoof := func(n string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("X-Forwarded-For", "198.51.100."+n)
			r.Header.Set("X-Forwarded-Host", "evil.example")
			r.Header.Set("X-Forwarded-Proto", "http")
			r.Header.Set("Forwarded", "for=198.51.100."+n+";host=evil.example;proto=http")
			r.Header.Set("X-Real-IP", "198.51.100."+n)
			r.Header.Set("X-HTTP-Method-Override", "DELETE")
			r.Header.Set("X-Original-URL", "/metrics")
		}
	}
	limited := false
	for i := range 70 { // 60 an hour per client are free, whatever it calls itself
		rec := w.do(
			"POST",
			"/api/auth/code",
			fmt.Sprintf(`{"email": "a%d@example.org"}`, i),
			spoof(string(rune('0'+i%10))),
		)
		limited = limited || rec.Code != http.StatusAccepted
		if strings.Contains(rec.Body.String()+rec.Header().Get("Location")+rec.Header().Get("Set-Cookie"), "evil") {
			t.Fatal("a spoofed host is repeated")
		}
	}
	if !limited {
		t.Error("X-Forwarded-For evades the limit")
	}
}

func TestBehindAProxyOnlyTheProxyIsAnswered(t *testing.T) {
	args := append([]string{"--behind-proxy", "--trusted-proxies", "10.1.0.0/16", "--listen", "0.0.0.0:8080"}, public()...)
	w := newWorld(t, args...)
	if rec := w.do("GET", "/api/config", "", nil); rec.Code != http.StatusForbidden {
		t.Errorf("around the proxy: %d", rec.Code)
	}
	through := func(r *http.Request) {
		r.RemoteAddr = "10.1.2.3:1"
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
	}
	if rec := w.do("GET", "/api/config", "", through); rec.Code != 200 {
		t.Errorf("through the proxy: %d", rec.Code)
	}
	expectHeaders(t, "through the proxy", w.do("GET", "/", "", through).Header(), true)
}

func TestNoPathLeadsOutOfTheClient(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"/../../etc/passwd", "/..%2f..%2fetc/passwd", "/assets/../../go.mod", "/assets/..%2f..%2fgo.mod", "/m/..%5c..%5cgo.mod", "/%2e%2e/go.mod",
		"/....//go.mod", "/static.go", "/static/static.go", "/.git/config", "/config.yaml", "/js/../static.go", "/\x00", "//etc/passwd",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawPath = path, ""
		r.Host, r.RemoteAddr = w.d.URL.Host, "192.0.2.1:5"
		rec := httptest.NewRecorder()
		w.r.ServeHTTP(rec, r)
		body := rec.Body.String()
		if strings.Contains(body, "root:") || strings.Contains(body, "module conclave") ||
			strings.Contains(body, "package static") ||
			strings.Contains(body, "[core]") {
			t.Errorf("%q leads out: %d", path, rec.Code)
		}
		if l := rec.Header().Get("Location"); strings.HasPrefix(l, "//") || strings.Contains(l, "://") {
			t.Errorf("%q redirects to %q", path, l)
		}
	}
}

func TestRedirectGoesToOurOwnNameOnly(t *testing.T) {
	w := newWorld(t, public()...)
	h := redirectHandler(w.d)
	for _, tt := range []struct{ host, path, want string }{
		{"meet.example.org", "/m/x?y=1", "https://meet.example.org/m/x?y=1"},
		{"evil.example", "/", "https://meet.example.org/"},
		{"meet.example.org", "//evil.example/", "https://meet.example.org//evil.example/"},
		{"meet.example.org", "/%0d%0aSet-Cookie:x", "https://meet.example.org/%0d%0aSet-Cookie:x"},
		{"meet.example.org", "/\\evil.example", "https://meet.example.org/%5Cevil.example"},
		{"meet.example.org", "/@evil.example", "https://meet.example.org/@evil.example"},
	} {
		r := httptest.NewRequest("GET", "http://meet.example.org/", nil)
		u, err := r.URL.Parse("http://h" + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL, r.Host = u, tt.host
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if got := rec.Header().Get("Location"); rec.Code != 308 || got != tt.want {
			t.Errorf("%s %s: %d %q, want %q", tt.host, tt.path, rec.Code, got, tt.want)
		}
	}
	if rec := serveOne(h, "POST", "/api/auth/code"); rec.Code != http.StatusForbidden {
		t.Errorf("a POST in the clear: %d (a redirect would teach clients to send secrets twice)", rec.Code)
	}
}

func TestCORSAllowsTheConfiguredOriginOnly(t *testing.T) {
	w := newWorld(t, append(public(), "--client-url", "https://app.example.org")...)
	for origin, ok := range map[string]bool{
		"https://app.example.org": true, "https://evil.example": false, "null": false, "http://app.example.org": false,
		"https://app.example.org.evil.example": false, "https://APP.example.org": false, "https://app.example.org:444": false, "": false,
	} {
		set := func(r *http.Request) {
			if origin != "" {
				r.Header.Set("Origin", origin)
			}
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		for _, method := range []string{"OPTIONS", "GET"} {
			h := w.do(method, "/api/config", "", set).Header()
			if (h.Get("Access-Control-Allow-Origin") == origin && origin != "") != ok ||
				(h.Get("Access-Control-Allow-Credentials") == "true") != ok {
				t.Errorf("%s from %q: %v", method, origin, h)
			}
			if !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
				t.Errorf("%s from %q: caches may mix origins up", method, origin)
			}
		}
	}
	foreign := func(r *http.Request) { r.Header.Set("Origin", "https://app.example.org") }
	h := newWorld(t, public()...).do("GET", "/api/config", "", foreign).Header()
	for name := range h {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("without client_url: %s", name)
		}
	}
}

func TestCrossOriginChangesAreRefused(t *testing.T) {
	w := newWorld(t, append(public(), "--client-url", "https://app.example.org")...)
	for name, tt := range map[string]struct {
		header, value string
		ok            bool
	}{
		"cross_site": {"Sec-Fetch-Site", "cross-site", false}, "same_site": {"Sec-Fetch-Site", "same-site", false},
		"same_origin": {"Sec-Fetch-Site", "same-origin", true}, "other_origin": {"Origin", "https://evil.example", false},
		"null_origin": {"Origin", "null", false}, "own_origin": {"Origin", "https://meet.example.org", true},
		"client_url": {"Origin", "https://app.example.org", true}, "no_browser": {"X-None", "1", true},
	} {
		for _, path := range []string{"/api/auth/code", "/api/auth/verify", "/api/auth/logout", "/api/meetings"} {
			rec := w.do("POST", path, `{}`, func(r *http.Request) { r.Header.Set(tt.header, tt.value) })
			if refused := strings.Contains(rec.Body.String(), `"bad_origin"`); refused == tt.ok {
				t.Errorf("%s %s: %d %s", name, path, rec.Code, rec.Body)
			}
		}
	}
}

func TestBigBodiesAreRefusedEverywhere(t *testing.T) {
	w := newWorld(t, public()...)
	big := `{"email": "` + strings.Repeat("a", 1<<20) + `"}`
	for path := range routes(t, w.r) {
		if strings.HasPrefix(path, "/livez") || strings.HasPrefix(path, "/readyz") {
			continue // these read none
		}
		if rec := w.do("POST", path, big, nil); rec.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("announced, %s: %d", path, rec.Code)
		}
	}
	rec := w.do("POST", "/api/auth/code", big, func(r *http.Request) { r.ContentLength = -1 })
	if rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("chunked: %d", rec.Code)
	}
}

// TestRequestLogHoldsNothingOfAPerson sends marker strings in every place a request has.
func TestRequestLogHoldsNothingOfAPerson(t *testing.T) {
	w := newWorld(t, public()...)
	for _, path := range []string{
		"/m/canary", "/api/meetings/canary?canary=1", "/canary", "/api/canary", "/ws?token=canary",
	} {
		for _, method := range []string{"GET", "POST", "CANARY"} {
			w.do(method, path, `{"email": "canary@canary.example", "canary": "canary"}`, func(r *http.Request) {
				r.RemoteAddr = "203.0.113.77:1"
				r.Header.Set("User-Agent", "canary")
				r.Header.Set("Referer", "https://canary.example/")
				r.Header.Set("Cookie", "__Host-conclave=canary")
				r.Header.Set("Authorization", "Bearer canary")
			})
		}
	}
	w.do("POST", "/api/auth/code", `{"email": "canary@canary.example"}`, nil)
	rec := httptest.NewRecorder()
	w.m.handlerOf(w.m.registry).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	for _, where := range []string{w.log.String(), rec.Body.String()} {
		for _, marker := range []string{"canary", "CANARY", "203.0.113", "192.0.2"} {
			if i := strings.Index(where, marker); i >= 0 {
				t.Errorf("%q is kept: …%s…", marker, where[max(0, i-100):min(len(where), i+60)])
			}
		}
	}
	if !strings.Contains(w.log.String(), "route=/api/meetings/{id}") || !strings.Contains(w.log.String(), "status=202") {
		t.Errorf("the log says too little:\n%s", w.log)
	}
}

func TestAPanicEndsOneRequestAndLogsNoValue(t *testing.T) {
	var log bytes.Buffer
	h := recoverPanics(
		slog.New(slog.NewTextHandler(&log, nil)),
	)(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("canary") }),
	)
	rec := serveOne(h, "GET", "/")
	if rec.Code != 500 || !strings.Contains(rec.Body.String(), `"internal"`) ||
		strings.Contains(log.String(), "canary\n") ||
		log.Len() == 0 {
		t.Errorf("%d %s %s", rec.Code, rec.Body, log.String())
	}
	if strings.Contains(log.String(), `panic("canary")`) || strings.Contains(log.String(), "canary") {
		t.Errorf("the value is logged: %s", log.String())
	}
}

// TestWebSocketUpgradeSurvivesTheMiddlewares: what wraps the ResponseWriter must let it be hijacked.
func TestWebSocketUpgradeSurvivesTheMiddlewares(t *testing.T) {
	hijacked := make(chan error, 10)
	h := observe(
		slog.New(slog.DiscardHandler),
		newMetrics(),
	)(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			hijacked <- err
			if err == nil {
				_ = c.Close()
			}
		}),
	)
	srv := httptest.NewServer(h)
	defer srv.Close()
	if resp, err := http.Get(srv.URL); err == nil {
		_ = resp.Body.Close()
	}
	if err := <-hijacked; err != nil {
		t.Error(err)
	}
}

// TestReadinessTellsStrangersNothingOfTheMail: the public answer is ready or not; the reason is on the admin listener.
func TestReadinessTellsStrangersNothingOfTheMail(t *testing.T) {
	failing := false
	h := &health{mail: func() auth.MailHealth { return auth.MailHealth{Failing: failing} }}
	get := func(f http.HandlerFunc) string {
		rec := httptest.NewRecorder()
		f(rec, httptest.NewRequest("GET", "/readyz", nil))
		return fmt.Sprintf("%d %s", rec.Code, strings.TrimSpace(rec.Body.String()))
	}
	for _, tt := range []struct {
		failing, draining bool
		public, admin     string
	}{
		{false, false, `200 {"status":"ready"}`, `200 {"status":"ok","mail":"ok"}`},
		{true, false, `200 {"status":"ready"}`, `200 {"status":"degraded","mail":"failing"}`},
		{true, true, `503 {"status":"not_ready"}`, `503 {"status":"draining","mail":"failing"}`},
		{false, true, `503 {"status":"not_ready"}`, `503 {"status":"draining","mail":"ok"}`},
	} {
		failing = tt.failing
		h.draining.Store(tt.draining)
		if public, admin := get(h.ready), get(h.detail); public != tt.public || admin != tt.admin {
			t.Errorf("%+v: public %s, admin %s", tt, public, admin)
		}
	}
}
