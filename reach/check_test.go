package reach_test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// Each way to the media port can be tried without a meeting: what answers is the echo, and the engine learns nothing.
func TestEachWayReachesTheEcho(t *testing.T) {
	s := newServer(t, "127.0.0.1", http.NotFoundHandler())
	ufrag, pwd := s.echo.Issue(time.Now().Add(time.Minute))
	credential, err := s.credentials.Check(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, way := range map[string]struct {
		network ice.NetworkType
		url     string
	}{
		"UDP": {network: ice.NetworkTypeUDP4}, "ICE-TCP": {network: ice.NetworkTypeTCP4},
		"TURN/UDP": {url: "turn:" + s.udp.String() + "?transport=udp"},
		"TURN/TCP": {url: "turn:" + s.tcp.String() + "?transport=tcp"},
		"TURN/TLS": {url: "turns:" + s.tcp.String() + "?transport=tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &ice.AgentConfig{NetworkTypes: []ice.NetworkType{way.network}, //nolint:staticcheck // shorter
				IncludeLoopback: true, MulticastDNSMode: ice.MulticastDNSModeDisabled}
			candidate := ice.CandidateHostConfig{Network: "udp", Address: "127.0.0.1", Port: int(s.udp.Port()), Component: 1}
			if way.network == ice.NetworkTypeTCP4 {
				candidate.Network, candidate.Port, candidate.TCPType = "tcp", int(s.tcp.Port()), ice.TCPTypePassive
			}
			if way.url != "" {
				url, err := stun.ParseURI(way.url)
				if err != nil {
					t.Fatal(err)
				}
				url.Username, url.Password = credential.Username, credential.Password
				cfg.NetworkTypes = []ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeTCP4}
				cfg.Urls, cfg.CandidateTypes = []*stun.URI{url}, []ice.CandidateType{ice.CandidateTypeRelay}
			}
			a := connect(t, cfg, &candidate)
			conn, err := a.Dial(t.Context(), ufrag, pwd)
			if err != nil {
				t.Fatal(err)
			}
			if way.network == ice.NetworkTypeUDP4 {
				return // over UDP the echo answers checks only
			}
			if _, err := conn.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 100)
			if n, err := conn.Read(b); err != nil || string(b[:n]) != "hello" {
				t.Errorf("%q, %v", b[:n], err)
			}
		})
	}
	if n := s.hub.Stats().Attached; n != 0 {
		t.Errorf("%d streams have reached the engine", n)
	}
}

func connect(t *testing.T, cfg *ice.AgentConfig, //nolint:staticcheck // the form with options is longer
	candidate *ice.CandidateHostConfig,
) *ice.Agent {
	t.Helper()
	a, err := ice.NewAgent(cfg) //nolint:staticcheck // the form with options has no loopback
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	gathered := make(chan struct{})
	if err := a.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(gathered)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.GatherCandidates(); err != nil {
		t.Fatal(err)
	}
	<-gathered
	c, err := ice.NewCandidateHost(candidate)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.AddRemoteCandidate(c); err != nil {
		t.Fatal(err)
	}
	return a
}

// The credential of a check does not reach the engine: a meeting's peer cannot be reached with it.
func TestACheckDoesNotReachTheEngine(t *testing.T) {
	s := newServer(t, "127.0.0.1", http.NotFoundHandler())
	c, err := s.credentials.Check(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	relayed, err := allocate(t, dial(t, s.tcp), c)
	if err != nil {
		t.Fatal(err)
	}
	m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("abcd:efgh"),
		stun.NewShortTermIntegrity("some password of 22 chars"), stun.Fingerprint)
	if _, err := relayed.WriteTo(m.Raw, net.UDPAddrFromAddrPort(s.udp)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // that nothing happens has no event; too short only lets a fault pass
	if n := s.hub.Stats().Attached; n != 0 {
		t.Errorf("%d streams", n)
	}
}
