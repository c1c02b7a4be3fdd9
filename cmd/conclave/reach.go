package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"conclave/config"
	"conclave/protocol"
	"conclave/reach"
	"conclave/sfu/stream"
)

// maxMediaListeners bounds the TCP listeners of media beside the web server's: two an address.
const maxMediaListeners = 2 * maxMediaAddresses

// reaching is what lets clients in whose network blocks UDP.
type reaching struct {
	hub         *stream.Hub
	credentials *reach.Credentials
	echo        *reach.Echo
	relay       *reach.Relay
	tcp         []netip.AddrPort // told to clients
	own         []net.Listener   // of streams only: where the web server does not listen
	urls        []string         // of TURN
}

// listenStreams decides on which TCP addresses streams are served: each address of media has one, the web server's
// port where it listens there, else the port of media. Private addresses get a further port, for UDP and TCP, if that
// is below 1024: Chromium ignores private addresses with ports 80 and 443.
func (s *server) listenStreams(ctx context.Context, m *media, web net.Listener) error {
	r := &m.reach
	own := slices.Clone(s.cfg.Advertise)
	for _, a := range m.addrs {
		own = append(own, a.Addr())
	}
	r.credentials, r.echo = reach.NewCredentials(), reach.NewEcho(own...)
	r.hub = stream.NewHub(0, 0)
	r.relay = reach.NewRelay(r.hub, r.credentials, r.echo, s.now)
	proxied := s.cfg.BehindProxy && urlPort(s.deployment.URL) == strconv.Itoa(int(s.deployment.MediaPorts[0]))
	if proxied {
		s.log.Warn("the proxy has the TCP port of url, so media is served over UDP only; with another first port in " +
			"media_ports, clients whose network blocks UDP get in too")
	}
	for _, a := range m.addrs {
		at := netip.AddrPortFrom(a.Addr(), s.deployment.MediaPorts[0])
		if port := webPort(web, a.Addr()); port != 0 && (!s.cfg.BehindProxy || port == at.Port()) {
			r.tcp = append(r.tcp, netip.AddrPortFrom(a.Addr(), port))
		} else if proxied {
			continue // the proxy may start later than we do
		} else if err := r.listen(ctx, s, "media", at); err != nil {
			return fmt.Errorf("media: %w", err)
		}
	}
	private := uint16(s.cfg.PrivatePort) //nolint:gosec // checked by config.Deploy
	for _, a := range m.addrs {
		first := netip.AddrPortFrom(a.Addr(), s.deployment.MediaPorts[0])
		if !needsPrivatePort(first) || private == 0 {
			continue
		}
		at := netip.AddrPortFrom(a.Addr(), private)
		if err := r.listen(ctx, s, "private", at); errors.Is(err, syscall.EADDRINUSE) {
			s.log.Warn("private_port is in use: Chromium may not reach media by a private address", "port", private)
			continue
		} else if err != nil {
			return fmt.Errorf("private_port: %w", err)
		}
		if at != a && (!s.generations.takesOver() || udpFree(at)) {
			m.addrs = append(m.addrs, at)
		}
	}
	return nil
}

// webPort is the port at which the web server's listener takes connections to an address; 0 if it does not.
func webPort(web net.Listener, a netip.Addr) uint16 {
	t, ok := web.Addr().(*net.TCPAddr)
	if !ok {
		return 0
	}
	at := t.AddrPort()
	host := at.Addr().Unmap()
	if host == a || host == netip.IPv6Unspecified() || host == netip.IPv4Unspecified() && a.Is4() {
		return at.Port()
	}
	return 0
}

// needsPrivatePort says whether Chromium ignores an address: it is private, and the port one of those that web
// servers have.
func needsPrivatePort(a netip.AddrPort) bool {
	ip := a.Addr()
	return a.Port() != 0 && a.Port() < 1024 && (ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast())
}

// listen opens a listener of streams only.
func (r *reaching) listen(ctx context.Context, s *server, purpose string, at netip.AddrPort) error {
	l, err := s.listen(ctx, purpose, at.String())
	if err != nil {
		return err
	}
	r.own = append(r.own, l)
	if t, ok := l.Addr().(*net.TCPAddr); ok {
		r.tcp = append(r.tcp, netip.AddrPortFrom(at.Addr(), t.AddrPort().Port()))
	}
	return nil
}

func (r *reaching) close() {
	for _, l := range r.own {
		_ = l.Close()
	}
}

// Open implements meeting.Relay.
func (r *reaching) Open(until time.Time) (servers []protocol.ICEServer, end func()) {
	credential, end, err := r.credentials.Seat(until)
	if err != nil {
		return nil, nil // the seat goes without
	}
	return r.servers(credential), end
}

func (r *reaching) servers(c reach.Credential) []protocol.ICEServer {
	return []protocol.ICEServer{{URLs: r.urls, Username: c.Username, Credential: c.Password}}
}

// urlPort is the port of a URL, that of its scheme if it says none.
func urlPort(u *url.URL) string {
	if port := u.Port(); port != "" || u.Scheme != "https" {
		return port
	}
	return "443"
}

// relayURLs are the URLs of TURN, the one that passes most firewalls first; none without a TCP port. Behind a proxy the
// name is the proxy's, so that they have an address.
//
// TURN over UDP is served but not listed. It reaches the port that our UDP candidates reach, and Chromium takes
// whatever comes from a TURN server's address for TURN: it would answer no check of ours over UDP.
func (s *server) relayURLs(m *media) (urls []string) {
	if !s.cfg.Turn || len(m.reach.tcp) == 0 {
		return nil
	}
	name, port := s.deployment.URL.Hostname(), urlPort(s.deployment.URL)
	if s.cfg.BehindProxy {
		at := m.sfu.TCPAddresses()[0] // what `advertise` names, if it does
		return []string{turnURL("turn", at.Addr().String(), strconv.Itoa(int(at.Port())), "tcp")}
	}
	if _, err := netip.ParseAddr(name); err != nil && s.deployment.TLS != config.NoTLS {
		urls = append(urls, turnURL("turns", name, port, "tcp"))
	}
	return append(urls, turnURL("turn", name, port, "tcp"))
}

// turnURL writes a URL (RFC 7065).
func turnURL(scheme, host, port, transport string) string {
	return scheme + ":" + net.JoinHostPort(host, port) + "?transport=" + transport
}

// check makes what POST /api/check answers.
func (m *media) check(now time.Time) (c protocol.PathCheck, ok bool) {
	r := &m.reach
	c = protocol.PathCheck{
		ExpiresInS: int(reach.CheckLifetime / time.Second), Fingerprint: m.sfu.Fingerprint(), Candidates: m.sfu.Candidates(),
		ICEServers: []protocol.ICEServer{},
	}
	c.ICEUfrag, c.ICEPwd = r.echo.Issue(now.Add(reach.CheckLifetime))
	if len(r.urls) > 0 {
		credential, err := r.credentials.Check(now)
		if err != nil {
			return c, false
		}
		c.ICEServers = r.servers(credential)
	}
	return c, true
}

// streams lists the addresses of this machine that streams are served on.
func (m *media) streams(withTURN bool) string {
	var text strings.Builder
	for _, a := range m.reach.tcp {
		text.WriteString(a.String() + "/tcp ")
	}
	if text.WriteString("ICE-TCP"); withTURN {
		text.WriteString(", TURN; TURN/udp as media")
	}
	return text.String()
}

// openPort serves what comes to the web server's listener, and to those of streams only: HTTP, ICE-TCP and TURN.
func (s *server) openPort(h *http.Server, l net.Listener, tlsConfig *tls.Config) {
	fair := limitListener(l, &s.cfg.Config, s.deployment.TrustedProxies)
	c := reach.Config{
		TLS: tlsConfig, Hub: s.media.reach.hub, Echo: s.media.reach.echo, Streaming: streaming, MaxPending: fair.ceiling / 4,
	}
	if s.cfg.Turn {
		c.Relay = s.media.reach.relay
	}
	if s.generations != nil {
		c.Elsewhere, c.Fragments = s.generations.elsewhere, s.media.sfu.Knows
	}
	s.port = reach.NewPort(c)
	s.metrics.registry.MustRegister(reach.NewCollector(s.port, s.media.reach.relay, s.media.reach.hub))
	h.Handler, h.ConnContext, h.TLSConfig = reach.WithTLS(h.Handler), reach.ConnContext, tlsConfig
	if tlsConfig == nil {
		s.serve(h, s.port.Plain(l), fair)
	} else {
		s.serve(h, s.port.Secure(l), fair)
		s.serve(newHTTPServer(redirectHandler(s.deployment)), s.port.Plain(l), fair)
	}
	s.accept(fair, true)
	for _, own := range s.media.reach.own {
		s.accept(limitListener(own, &s.cfg.Config, nil), false)
	}
}

// accept serves one listener until the port is drained.
func (s *server) accept(l net.Listener, withHTTP bool) {
	s.starts = append(s.starts, func() { // ends when the port is drained, or closed
		if err := s.port.Serve(l, withHTTP); !errors.Is(err, net.ErrClosed) {
			s.failed <- fmt.Errorf("serving: %w", err)
		}
	})
}
