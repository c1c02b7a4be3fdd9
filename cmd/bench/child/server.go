package child

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"conclave/auth"
	"conclave/cmd/bench/bare"
	"conclave/cmd/bench/naive"
	"conclave/meeting"
	"conclave/protocol"
	"conclave/sfu"
	"conclave/signaling"
	"conclave/static"
)

// The media engines a server child can run.
const (
	Engine = "engine" // package sfu
	Naive  = "naive"  // package naive
	Bare   = "pion"   // package bare: ICE and DTLS, no media
)

// ServerConfig configures a server child.
type ServerConfig struct {
	Media string `json:"media"`
	// Workers is sfu.Config's.
	Workers int `json:"workers"`
	// Address is where it listens; default 127.0.0.1.
	Address string `json:"address"`
	// NoSegmentation has the engine send each packet as a message of its own, as on a kernel without UDP_SEGMENT.
	NoSegmentation bool `json:"no_segmentation"`
	// Web serves the web client too, and keeps sign-in codes for GET /bench/code.
	Web bool `json:"web"`
	// EmptyAfter is how long an empty meeting lasts.
	EmptyAfter time.Duration `json:"empty_after"`
}

// serverReady is what a server child says once it can be reached.
type serverReady struct {
	URL   string         `json:"url"`
	Token string         `json:"token"`
	Media netip.AddrPort `json:"media"` // of the engine
}

// ServerStats is what a server child says of itself.
type ServerStats struct {
	HeapBytes   uint64 `json:"heap_bytes"` // in objects that are in use
	HeapObjects uint64 `json:"heap_objects"`
	StackBytes  uint64 `json:"stack_bytes"`
	// RuntimeBytes is all that the Go runtime holds and has not given back.
	RuntimeBytes uint64 `json:"runtime_bytes"`
	Goroutines   int    `json:"goroutines"`
	// ForwardingP99 is in how many seconds, at most, 99 of 100 receive batches had been sent on, since the start: the
	// bound of a bucket.
	ForwardingP99 float64 `json:"forwarding_p99_s"`
	// Counters are the engine's metrics, summed over their labels, and those of each worker as name/worker.
	Counters map[string]float64 `json:"counters"`
}

// Serve is the server child: the server's parts put together as cmd/conclave does, without what an operator
// configures (TLS, mail, the web client), plus routes under /bench to look inside.
type Serve struct{}

// Run serves until the parent closes the standard input.
func (Serve) Run(parent context.Context) error {
	var cfg ServerConfig
	ctx, cancel, err := inheritance(parent, &cfg)
	if err != nil {
		return err
	}
	defer cancel()
	s, err := newBenchServer(cfg)
	if err != nil {
		return err
	}
	defer s.close()
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", cfg.address()+":0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	web := &http.Server{Handler: s.router(), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	defer func() { _ = web.Close() }()
	ready := serverReady{URL: "http://" + listener.Addr().String(), Token: s.token}
	if s.sfu != nil {
		ready.Media = s.sfu.Addresses()[0]
	}
	if err := tell(ready); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		drain, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		_ = s.signaling.Drain(drain) // slow clients are cut off
		return nil
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	}
}

// benchServer is what a server child runs.
type benchServer struct {
	token     string
	media     meeting.Media
	sfu       *sfu.Server // of the engine
	naive     *naive.Server
	metrics   *prometheus.Registry
	auth      *auth.Service
	registry  *meeting.Registry
	signaling *signaling.Handler
	lab       *lab
	web       http.Handler // nil: no web client
	mail      mailbox
	profile   *os.File
}

func (c *ServerConfig) address() string { return cmp.Or(c.Address, "127.0.0.1") }

// mailbox keeps the latest sign-in code.
type mailbox struct{ code atomic.Pointer[string] }

// Send implements auth.Mailer.
func (m *mailbox) Send(_ context.Context, mail auth.Message) error {
	m.code.Store(&mail.Code)
	return nil
}

func newBenchServer(cfg ServerConfig) (s *benchServer, err error) {
	s = &benchServer{metrics: prometheus.NewRegistry()}
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails (crypto/rand)
	s.token = hex.EncodeToString(secret[:])
	begun := s // also when nil is returned
	defer func() {
		if err != nil {
			begun.close()
		}
	}()
	if err := s.startMedia(cfg); err != nil {
		return nil, err
	}
	if s.auth, err = auth.New(auth.Config{Insecure: true, BotTokens: []string{s.token}},
		auth.Deps{Mailer: &s.mail}); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	s.registry, err = meeting.NewRegistry(meeting.Config{Media: s.media, EmptyAfter: cfg.EmptyAfter,
		MaxMeeting: 12 * time.Hour, MeetingsPerAddress: many})
	if err != nil {
		return nil, fmt.Errorf("meetings: %w", err)
	}
	if s.signaling, err = signaling.New(s.admission(), s.auth, s.registry); err != nil {
		return nil, fmt.Errorf("signaling: %w", err)
	}
	s.lab = newLab(s.media)
	if cfg.Web {
		if s.web, err = static.Handler(static.Options{}); err != nil {
			return nil, fmt.Errorf("web client: %w", err)
		}
	}
	return s, nil
}

// many is beyond what a measurement takes: all its bots are one address and one client.
const many = 10_000

// admission has the engine say whether it carries one more.
func (s *benchServer) admission() (c signaling.Config) {
	c.MeetingsPerAddressHour, c.SocketsPerClient = many, many
	if s.sfu != nil {
		c.Reserve = s.sfu.Admit
	}
	return c
}

func (s *benchServer) startMedia(cfg ServerConfig) (err error) {
	switch cfg.Media {
	case Engine:
		address, err := netip.ParseAddr(cfg.address())
		if err != nil {
			return fmt.Errorf("address: %w", err)
		}
		media := sfu.Config{Listen: []netip.AddrPort{netip.AddrPortFrom(address, 0)}, Workers: cfg.Workers}
		if cfg.NoSegmentation {
			if media.Sockets, err = unsegmentedSockets(media.Listen[0], cfg.Workers); err != nil {
				return err
			}
		}
		if s.sfu, err = sfu.Listen(media); err != nil {
			return err
		}
		s.media = meeting.FromSFU(s.sfu)
		return s.metrics.Register(s.sfu.Collector())
	case Naive:
		s.naive, err = naive.New()
		s.media = s.naive
		return err
	case Bare:
		s.media, err = bare.New()
		return err
	}
	return fmt.Errorf("there is no media engine %q", cfg.Media)
}

func (s *benchServer) close() {
	if s.registry != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.registry.Close(ctx)
	}
	if s.lab != nil {
		s.lab.clear()
	}
	if s.sfu != nil {
		_ = s.sfu.Close()
	}
	if s.auth != nil {
		s.auth.Close()
	}
}

func (s *benchServer) router() http.Handler {
	r := chi.NewRouter()
	r.Group(func(r chi.Router) {
		r.Use(auth.ClientIPMiddleware(nil))
		r.Mount("/api/auth", s.auth.Routes())
		s.signaling.Routes(r)
	})
	r.Get("/bench/stats", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("collect") {
			collect()
		}
		auth.WriteJSON(w, http.StatusOK, s.stats())
	})
	r.Post("/bench/profile", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w,
			s.profiling(r.URL.Query().Get("file")))
	})
	r.Post("/bench/heap", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w,
			heapProfile(r.URL.Query().Get("file")))
	})
	r.Get("/bench/paths", func(w http.ResponseWriter, _ *http.Request) { auth.WriteJSON(w, http.StatusOK, s.sfu.Paths()) })
	r.Post("/bench/peers", s.lab.join)
	r.Delete("/bench/peers", func(w http.ResponseWriter, _ *http.Request) { s.lab.clear(); s.answer(w, nil) })
	if s.web != nil {
		r.Get("/bench/code", func(w http.ResponseWriter, _ *http.Request) {
			if code := s.mail.code.Swap(nil); code != nil {
				_, _ = io.WriteString(w, *code)
			}
		})
		r.Get("/api/config", func(w http.ResponseWriter, _ *http.Request) {
			auth.WriteJSON(w, http.StatusOK, protocol.Config{Name: "Bench", CodeDigits: 6})
		})
		r.NotFound(s.web.ServeHTTP)
	}
	return r
}

func (s *benchServer) answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	auth.WriteJSON(w, http.StatusOK, struct{}{})
}

// collect frees what can be freed: twice, because finalizers and pools give up their objects in the first round.
func collect() {
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
}

func (s *benchServer) stats() ServerStats {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	st := ServerStats{
		HeapBytes: m.HeapAlloc, HeapObjects: m.HeapObjects, StackBytes: m.StackInuse, RuntimeBytes: m.Sys - m.HeapReleased,
		Goroutines: runtime.NumGoroutine(), Counters: map[string]float64{},
	}
	if s.naive != nil {
		st.Counters["forwarded_packets_total"] = float64(s.naive.Forwarded())
	}
	families, err := s.metrics.Gather()
	if err != nil {
		return st
	}
	for _, f := range families {
		name := f.GetName()[len("conclave_sfu_"):]
		if name == "delay_seconds" {
			st.ForwardingP99 = quantile(f.GetMetric(), 0.99)
		}
		for _, m := range f.GetMetric() {
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			st.Counters[name] += value
			for _, l := range m.GetLabel() {
				st.Counters[name+"/"+l.GetValue()] = value
			}
		}
	}
	return st
}

// quantile is the upper bound of the bucket in which a share q of all observations of a histogram's metrics has been
// counted.
func quantile(metrics []*dto.Metric, q float64) float64 {
	var total uint64
	cumulative := map[float64]uint64{}
	for _, m := range metrics {
		total += m.GetHistogram().GetSampleCount()
		for _, b := range m.GetHistogram().GetBucket() {
			cumulative[b.GetUpperBound()] += b.GetCumulativeCount()
		}
	}
	last := 0.0
	for _, bound := range slices.Sorted(maps.Keys(cumulative)) {
		if float64(cumulative[bound]) >= q*float64(total) {
			return bound
		}
		last = bound
	}
	return 2 * last // above all bounds: JSON knows no infinity
}

// profiling starts a CPU profile into file, or ends the one that runs if file is empty.
func (s *benchServer) profiling(file string) (err error) {
	if file == "" {
		pprof.StopCPUProfile()
		if s.profile == nil {
			return errors.New("no profile runs")
		}
		err = s.profile.Close()
		s.profile = nil
		return err
	}
	if s.profile, err = os.Create(file); err != nil {
		return err
	}
	return pprof.StartCPUProfile(s.profile)
}

// heapProfile writes what is in use, after garbage collection.
func heapProfile(file string) error {
	collect()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("heap").WriteTo(f, 0), f.Close())
}
