package sfu

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	pionsrtp "github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"conclave/sfu/batch"
	"conclave/sfu/srtp"
)

// transport is one PeerConnection of a peer, used for what Pion is good at: ICE and DTLS. Pion is shown a description with
// a single inactive m-line, whatever the browser offered; media descriptions and media packets never enter it. That keeps a join's
// cost and memory independent of the number of slots.
type transport struct {
	session *session
	pc      *webrtc.PeerConnection
	keyLog  keyLog

	keys   atomic.Pointer[keys]
	remote atomic.Pointer[remote] // the selected ICE pair's remote address
	closed atomic.Bool
	once   sync.Once
}

// remote is where to send to, and from which of our addresses.
type remote struct {
	to    *batch.Addr
	local int // index of Server.locals
}

// keys are the SRTP and SRTCP contexts of a finished handshake.
type keys struct {
	in, out *srtp.Cipher
	rtcpMu  sync.Mutex // RTCP is some packets a second a peer: one lock for both contexts
	rtcpIn  *pionsrtp.Context
	rtcpOut *pionsrtp.Context
}

// transportEvents are called from Pion's goroutines.
type transportEvents struct {
	connected func()
	failed    func(reason string)
}

// iceTimeouts: browsers check consent every 5 s or so (RFC 7675); we call it lost after 15 s of silence and let the
// reconnect ladder work until the meeting gives the seat away. We are lite and send no keep-alives of our own.
const (
	iceDisconnected = 7 * time.Second
	iceFailed       = 20 * time.Second
	iceKeepAlive    = 10 * time.Second
)

// newTransport makes the PeerConnection. It does not start anything: negotiate does.
func (s *Server) newTransport(sess *session, ev transportEvents) (*transport, error) {
	t := &transport{session: sess}
	var se webrtc.SettingEngine
	se.SetLite(true)
	se.SetICEUDPMux(s.mux)
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	se.SetICETimeouts(iceDisconnected, iceFailed, iceKeepAlive)
	se.DisableActiveTCP(true)
	se.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	// ECDSA, because the certificate is; SHA-256 suites alone, because exportSRTP's PRF is.
	se.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	se.SetDTLSInsecureSkipHelloVerify(true) // ICE has verified the address already: one round trip less
	se.SetDTLSKeyLogWriter(&t.keyLog)
	se.SetDTLSServerHelloMessageHook(t.keyLog.serverHello)
	se.DisableMediaEngineCopy(true)
	se.LoggerFactory = s.pionLog
	if err := se.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(s.mediaEngine),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{s.certificate}})
	if err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
	}
	t.pc = pc
	dtlsTransport := pc.SCTP().Transport()
	dtlsTransport.ICETransport().OnSelectedCandidatePairChange(func(pair *webrtc.ICECandidatePair) { s.bind(t, pair) })
	dtlsTransport.OnStateChange(func(state webrtc.DTLSTransportState) {
		switch state {
		case webrtc.DTLSTransportStateConnected:
			if err := t.installKeys(); err != nil {
				ev.failed("srtp")
				return
			}
			ev.connected()
		case webrtc.DTLSTransportStateFailed:
			ev.failed("dtls")
		}
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			if !t.closed.Load() {
				ev.failed("ice")
			}
		}
	})
	return t, nil
}

// negotiate gives Pion new remote credentials (the first, or those of an ICE restart) and returns ours.
func (t *transport) negotiate(ctx context.Context, o *offer) (ufrag, pwd string, err error) {
	remoteSDP := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"+
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"+
		"a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:actpass\r\n", o.ufrag, o.pwd, o.fingerprint)
	if err := t.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: remoteSDP}); err != nil {
		return "", "", badOffer("ICE or DTLS parameters are not usable")
	}
	answer, err := t.pc.CreateAnswer(nil)
	if err != nil {
		return "", "", fmt.Errorf("sfu: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(t.pc)
	if err := t.pc.SetLocalDescription(answer); err != nil {
		return "", "", fmt.Errorf("sfu: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", "", ctx.Err()
	}
	ufrag, pwd = cutLine(t.pc.LocalDescription().SDP, "a=ice-ufrag:"), cutLine(t.pc.LocalDescription().SDP, "a=ice-pwd:")
	if ufrag == "" || pwd == "" {
		return "", "", errors.New("sfu: no local ICE credentials")
	}
	return ufrag, pwd, nil
}

// cutLine returns the rest of the first line of text that begins with prefix.
func cutLine(text, prefix string) string {
	_, rest, ok := strings.Cut(text, prefix)
	if !ok {
		return ""
	}
	line, _, _ := strings.Cut(rest, "\r\n")
	return line
}

// close ends the PeerConnection. No packet from or to it is handled once it returns; Pion's part, which takes some
// milliseconds, ends in the background.
func (t *transport) close() {
	t.once.Do(func() {
		t.closed.Store(true)
		t.session.server.unbind(t)
		t.session.server.inBackground(func() {
			_ = t.pc.Close() // nothing to tell anybody: it is gone either way
		})
	})
}

// installKeys derives the SRTP keys once the handshake has finished and the certificate matched its fingerprint.
func (t *transport) installKeys() error {
	material, err := t.keyLog.exportSRTP()
	if err != nil {
		return err
	}
	// RFC 5764 §4.2: client key, server key, client salt, server salt. We are the server.
	const k, s = srtp.KeyLen, srtp.SaltLen
	clientKey, serverKey := material[:k], material[k:2*k]
	clientSalt, serverSalt := material[2*k:2*k+s], material[2*k+s:]
	ks := &keys{}
	if ks.in, err = srtp.NewCipher(clientKey, clientSalt); err != nil {
		return err
	}
	if ks.out, err = srtp.NewCipher(serverKey, serverSalt); err != nil {
		return err
	}
	const profile = pionsrtp.ProtectionProfileAeadAes128Gcm
	if ks.rtcpIn, err = pionsrtp.CreateContext(clientKey, clientSalt, profile, pionsrtp.SRTCPReplayProtection(64)); err != nil {
		return fmt.Errorf("sfu: %w", err)
	}
	if ks.rtcpOut, err = pionsrtp.CreateContext(serverKey, serverSalt, profile); err != nil {
		return fmt.Errorf("sfu: %w", err)
	}
	t.keys.Store(ks)
	return nil
}

// keyLog catches what RFC 5705 needs to export keys: Pion keeps its DTLS connection to itself. The master secret goes
// nowhere but into exportSRTP, which forgets it.
type keyLog struct {
	mu                         sync.Mutex
	clientRandom, serverRandom []byte
	master                     []byte
}

// Write takes a line of the NSS key log format: "CLIENT_RANDOM <client random> <master secret>".
func (k *keyLog) Write(line []byte) (int, error) {
	fields := strings.Fields(string(line))
	if len(fields) != 3 || fields[0] != "CLIENT_RANDOM" {
		return len(line), nil
	}
	random, err1 := hex.DecodeString(fields[1])
	master, err2 := hex.DecodeString(fields[2])
	k.mu.Lock()
	defer k.mu.Unlock()
	if err1 == nil && err2 == nil {
		k.clientRandom, k.master = random, master
	}
	return len(line), nil
}

func (k *keyLog) serverHello(m handshake.MessageServerHello) handshake.Message {
	random := m.Random.MarshalFixed()
	k.mu.Lock()
	k.serverRandom = random[:]
	k.mu.Unlock()
	return &m
}

var errNoKeys = errors.New("sfu: handshake left no keys")

// exportSRTP is the exporter of RFC 5705 with the label of RFC 5764 §4.2, for suites whose PRF is SHA-256:
// newTransport enables no other.
func (k *keyLog) exportSRTP() ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.master == nil || k.serverRandom == nil {
		return nil, errNoKeys
	}
	seed := append(append([]byte("EXTRACTOR-dtls_srtp"), k.clientRandom...), k.serverRandom...)
	out := prf12(k.master, seed, 2*(srtp.KeyLen+srtp.SaltLen))
	clear(k.master)
	k.master = nil
	return out, nil
}

// prf12 is P_SHA256 of RFC 5246 §5.
func prf12(secret, seed []byte, n int) []byte {
	h := func(parts ...[]byte) []byte {
		m := hmac.New(sha256.New, secret)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	var out []byte
	for a := h(seed); len(out) < n; a = h(a) {
		out = append(out, h(a, seed)...)
	}
	return out[:n]
}

// bind notes the address of the selected pair, so that media from it finds its session and media to it its way.
func (s *Server) bind(t *transport, pair *webrtc.ICECandidatePair) {
	if pair == nil || pair.Remote == nil || pair.Local == nil {
		return
	}
	addr, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil {
		return
	}
	r := &remote{to: batch.NewAddr(netip.AddrPortFrom(addr, pair.Remote.Port)), local: s.localIndex(pair.Local)}
	s.addrMu.Lock()
	defer s.addrMu.Unlock()
	if t.closed.Load() {
		return
	}
	if old := t.remote.Swap(r); old != nil && s.addrs[old.to.AddrPort] == t {
		delete(s.addrs, old.to.AddrPort)
	}
	s.addrs[r.to.AddrPort] = t
}

func (s *Server) unbind(t *transport) {
	s.addrMu.Lock()
	defer s.addrMu.Unlock()
	if old := t.remote.Load(); old != nil && s.addrs[old.to.AddrPort] == t {
		delete(s.addrs, old.to.AddrPort)
	}
	s.generation.Add(1)
}

// lookup finds the transport media from addr belongs to, nil if none.
func (s *Server) lookup(addr netip.AddrPort) *transport {
	s.addrMu.RLock()
	defer s.addrMu.RUnlock()
	return s.addrs[addr]
}

// localIndex finds which of our addresses a local candidate is.
func (s *Server) localIndex(c *webrtc.ICECandidate) int {
	for i, l := range s.locals {
		if l.addr.Addr().String() == c.Address && l.addr.Port() == c.Port {
			return i
		}
	}
	return 0
}
