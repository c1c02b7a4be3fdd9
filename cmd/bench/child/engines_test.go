package child

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conclave/bots"
)

// serving starts the server of a child in this process.
func serving(t *testing.T, cfg ServerConfig) *Server {
	t.Helper()
	s, err := newBenchServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.router())
	t.Cleanup(func() {
		web.Close()
		s.close()
	})
	return &Server{Ready: serverReady{URL: web.URL, Token: s.token}, http: web.Client()}
}

// A comparison means something only if both engines deliver the same: each bot receives all others' sound and picture.
func TestTheEnginesThatAreComparedDeliverAll(t *testing.T) {
	for _, engine := range []string{Engine, Naive} {
		t.Run(engine, func(t *testing.T) {
			s := serving(t, ServerConfig{Media: engine, EmptyAfter: time.Minute})
			r, err := bots.Run(t.Context(), bots.Config{
				URL: s.Ready.URL, Token: s.Ready.Token, Count: 3, Publishers: -1, AudioSlots: 2, VideoSlots: 2, View: -1,
				Bench: true, Settle: 100 * time.Millisecond, Duration: 2 * time.Second, NoDefaultLimits: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			if r.Total.ArrivedAudio != 6 || r.Total.ArrivedVideo != 6 || r.Total.LostAfter > 0 || r.Total.UndecodedPackets > 0 {
				t.Errorf("%q %+v", r.Failures, r.Total.Traffic)
			}
			st, err := s.Stats(t.Context(), true)
			if err != nil || st.HeapBytes == 0 || st.Goroutines == 0 || st.RuntimeBytes == 0 {
				t.Errorf("%+v %v", st, err)
			}
			if n := st.Counters["forwarded_packets_total"]; n < float64(r.Total.Expected) {
				t.Errorf("%v packets forwarded, %d received", n, r.Total.Expected)
			}
		})
	}
}

// Without UDP_SEGMENT a message is a packet, and all arrives as with it.
func TestAServerWithoutSegmentationSendsEachPacketAlone(t *testing.T) {
	for _, without := range []bool{false, true} {
		s := serving(t, ServerConfig{Media: Engine, EmptyAfter: time.Minute, NoSegmentation: without})
		r, err := bots.Run(t.Context(), bots.Config{
			URL: s.Ready.URL, Token: s.Ready.Token, Count: 3, Publishers: 1, AudioSlots: 1, VideoSlots: 1, View: -1,
			Bench: true, Settle: 100 * time.Millisecond, Duration: time.Second, NoDefaultLimits: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Total.ArrivedAudio != 2 || r.Total.ArrivedVideo != 2 || r.Total.LostAfter > 0 {
			t.Errorf("%v: %q %+v", without, r.Failures, r.Total.Traffic)
		}
		st, err := s.Stats(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		messages, packets := st.Counters["messages_total"], st.Counters["forwarded_packets_total"]
		if alone := messages == packets; alone != without || packets == 0 {
			t.Errorf("%v: %v packets in %v messages", without, packets, messages)
		}
	}
}

func TestBareClientsJoinTheLab(t *testing.T) {
	for _, engine := range []string{Engine, Bare} {
		t.Run(engine, func(t *testing.T) {
			s := serving(t, ServerConfig{Media: engine})
			c, err := join(t.Context(), s.http, &ClientsConfig{Server: s.Ready, AudioSlots: 1}, 1)
			if err != nil {
				t.Fatal(err)
			}
			c.close()
		})
	}
	s := serving(t, ServerConfig{Media: Engine})
	publisher := &ClientsConfig{Server: s.Ready, Publish: true, FPS: 30, Frame: 2000, Audio: true}
	c, err := join(t.Context(), s.http, publisher, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if c.audio == nil || c.video == nil {
		t.Error("a publisher without tracks")
	}
	st, err := s.Stats(t.Context(), false)
	if err != nil || st.Counters["peers"] != 1 {
		t.Errorf("%v peers, %v", st.Counters["peers"], err)
	}
	if paths, err := s.Paths(t.Context()); err != nil || len(paths) != 1 {
		t.Errorf("%v %v", paths, err)
	}
}

func TestTheServerTellsItsParent(t *testing.T) {
	s := serving(t, ServerConfig{Media: Engine, Web: true})
	id, err := s.Meeting(t.Context())
	if err != nil || len(id) != len("k7qm-2f9x-w3dj-8hrt") {
		t.Errorf("%q %v", id, err)
	}
	dir := t.TempDir()
	heap, cpu := filepath.Join(dir, "heap"), filepath.Join(dir, "cpu")
	if err := s.Heap(t.Context(), heap); err != nil {
		t.Error(err)
	}
	if err := s.Profile(t.Context(), cpu); err != nil {
		t.Error(err)
	}
	if err := s.Profile(t.Context(), ""); err != nil {
		t.Error(err)
	}
	for _, file := range []string{heap, cpu} {
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := s.Heap(t.Context(), filepath.Join(dir, "no", "such", "folder")); err == nil ||
		!strings.Contains(err.Error(), "500") {
		t.Errorf("a profile that cannot be written: %v", err)
	}
	wrong := &Server{Ready: serverReady{URL: s.Ready.URL, Token: strings.Repeat("0", 64)}, http: s.http}
	if _, err := wrong.Meeting(t.Context()); err == nil {
		t.Error("a wrong token made a meeting")
	}
}

func TestThereAreThreeEngines(t *testing.T) {
	if _, err := newBenchServer(ServerConfig{Media: "nonsense"}); err == nil {
		t.Error("there is a fourth engine")
	}
	if _, err := newBenchServer(ServerConfig{Media: Engine, Address: "nonsense"}); err == nil {
		t.Error("it listens on nonsense")
	}
	foreign := ServerConfig{Media: Engine, Address: "192.0.2.1", NoSegmentation: true} // TEST-NET-1: no machine's
	if _, err := newBenchServer(foreign); err == nil {
		t.Error("it listens on another machine's address")
	}
}
