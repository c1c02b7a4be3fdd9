package path

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// sendWithin bounds the time that a datagram may wait for a stream: longer, the connection is as good as gone.
const sendWithin = 2 * time.Second

// Framed is a TCP connection that carries datagrams with their length before each (ICE-TCP: RFC 6544, RFC 4571 §2).
// Send and Receive may be called at the same time.
type Framed struct {
	conn net.Conn
	in   *bufio.Reader
	mu   sync.Mutex
	out  []byte // owned by mu
}

// DialTCP connects to a passive TCP candidate of the server.
func DialTCP(ctx context.Context, to netip.AddrPort) (*Framed, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, fmt.Errorf("bots: ICE-TCP: %w", err)
	}
	return newFramed(conn), nil
}

func newFramed(conn net.Conn) *Framed { return &Framed{conn: conn, in: bufio.NewReader(conn)} }

// Send writes one datagram.
func (f *Framed) Send(datagram []byte) error {
	if len(datagram) > 0xFFFF {
		return errors.New("bots: ICE-TCP: a datagram is too long")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out = append(binary.BigEndian.AppendUint16(f.out[:0], uint16(len(datagram))), datagram...)
	_ = f.conn.SetWriteDeadline(time.Now().Add(sendWithin))
	_, err := f.conn.Write(f.out)
	return err //nolint:wrapcheck // counted by the caller
}

// Receive reads one datagram; one that is longer than buf ends the stream.
func (f *Framed) Receive(buf []byte) (n int, err error) {
	var size [2]byte
	if _, err := io.ReadFull(f.in, size[:]); err != nil {
		return 0, fmt.Errorf("bots: ICE-TCP: %w", err)
	}
	n = int(binary.BigEndian.Uint16(size[:]))
	if n > len(buf) {
		return 0, errors.New("bots: ICE-TCP: a datagram is too long")
	}
	if _, err := io.ReadFull(f.in, buf[:n]); err != nil {
		return 0, fmt.Errorf("bots: ICE-TCP: %w", err)
	}
	return n, nil
}

// Close closes the connection.
func (f *Framed) Close() error { return f.conn.Close() } //nolint:wrapcheck // nothing to add

// Relay is one peer of a TURN server, reached by an allocation over TCP or TLS (RFC 8656).
type Relay struct {
	client *turn.Client
	conn   net.Conn
	relay  net.PacketConn
	peer   net.Addr
}

// TURN is what a relay asks for.
type TURN struct {
	// URL is like turns:meet.example.org:443?transport=tcp.
	URL, Username, Password string
}

// Secure says whether the relay is reached over TLS; ok is false of what is not TURN over TCP.
func (t *TURN) Secure() (secure, ok bool) {
	u, err := stun.ParseURI(t.URL)
	if err != nil || u.Proto != stun.ProtoTypeTCP {
		return false, false
	}
	return u.Scheme == stun.SchemeTypeTURNS, u.Scheme == stun.SchemeTypeTURN || u.Scheme == stun.SchemeTypeTURNS
}

// DialTURN makes an allocation by which datagrams go to peer. The certificate of a server that is reached over TLS is
// verified.
func DialTURN(ctx context.Context, t *TURN, peer netip.AddrPort) (*Relay, error) {
	u, err := stun.ParseURI(t.URL)
	if err != nil {
		return nil, fmt.Errorf("bots: TURN: %w", err)
	}
	address := net.JoinHostPort(u.Host, strconv.Itoa(u.Port))
	var conn net.Conn
	if u.Scheme == stun.SchemeTypeTURNS {
		d := tls.Dialer{Config: &tls.Config{ServerName: u.Host, MinVersion: tls.VersionTLS12}}
		conn, err = d.DialContext(ctx, "tcp", address)
	} else {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, fmt.Errorf("bots: TURN: %w", err)
	}
	r := &Relay{conn: conn, peer: net.UDPAddrFromAddrPort(peer)}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends the allocation that waits
	defer stop()
	r.client, err = turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: address, Conn: turn.NewSTUNConn(conn), Username: t.Username, Password: t.Password,
		LoggerFactory: silent{},
	})
	if err == nil {
		err = r.client.Listen()
	}
	if err == nil {
		r.relay, err = r.client.Allocate()
	}
	if err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("bots: TURN: %w", err)
	}
	return r, nil
}

// Send sends one datagram to the peer.
func (r *Relay) Send(datagram []byte) error {
	_ = r.conn.SetWriteDeadline(time.Now().Add(sendWithin))
	_, err := r.relay.WriteTo(datagram, r.peer)
	return err //nolint:wrapcheck // counted by the caller
}

// Receive reads one datagram.
func (r *Relay) Receive(buf []byte) (n int, err error) {
	n, _, err = r.relay.ReadFrom(buf)
	return n, err //nolint:wrapcheck // ends the reader
}

// Close ends the allocation and closes the connection.
func (r *Relay) Close() error {
	if r.relay != nil {
		_ = r.relay.Close()
	}
	if r.client != nil {
		r.client.Close()
	}
	return r.conn.Close() //nolint:wrapcheck // nothing to add
}

// silent keeps Pion's TURN client from writing to the terminal: what fails is returned.
type silent struct{}

// NewLogger implements logging.LoggerFactory.
func (silent) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, io.Discard)
}
