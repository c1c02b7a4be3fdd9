package attack

import (
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// checkMessage is a connectivity check (RFC 8445 §7.2.2) as this client makes it.
func (c *client) checkMessage(nominate bool) []byte {
	c.t.Helper()
	setters := []stun.Setter{stun.BindingRequest, stun.TransactionID, stun.NewUsername(c.theirs.ufrag + ":" + c.ufrag),
		stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)},
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x6e, 0, 1, 0xff}}}
	if nominate {
		setters = append(setters, stun.RawAttribute{Type: stun.AttrUseCandidate})
	}
	m, err := stun.Build(append(setters, stun.NewShortTermIntegrity(c.theirs.pwd), stun.Fingerprint)...)
	if err != nil {
		c.t.Fatal(err)
	}
	return m.Raw
}

// sendCheck sends a check from the client's own socket.
func (c *client) sendCheck(check []byte) error {
	_, err := c.current().WriteToUDPAddrPort(check, c.media)
	return err
}

// check makes checks until one is answered, as browsers do.
func (c *client) check(nominate bool) {
	c.t.Helper()
	before := c.answered.Load()
	last := time.Time{}
	eventually(c.t, "a check is answered", func() bool {
		if time.Since(last) > 50*time.Millisecond {
			last = time.Now()
			_ = c.sendCheck(c.checkMessage(nominate))
		}
		return c.answered.Load() > before
	})
}

// stun takes in an answer, or answers a check of the server's if it is one of ours (RFC 8445 §7.3).
func (c *client) stun(raw []byte, from netip.AddrPort, socket *net.UDPConn) {
	m := &stun.Message{Raw: append([]byte(nil), raw...)}
	if m.Decode() != nil {
		return
	}
	switch m.Type {
	case stun.BindingSuccess:
		if stun.NewShortTermIntegrity(c.theirs.pwd).Check(m) == nil {
			c.answered.Add(1)
		}
	case stun.BindingRequest:
		if answer := c.answerTo(m, from); answer != nil && !c.answersOff.Load() {
			_, _ = socket.WriteToUDPAddrPort(answer, from) // the server asks again
		}
	}
}

// answerTo is the answer to a check that is for this client, nil to any other.
func (c *client) answerTo(m *stun.Message, from netip.AddrPort) []byte {
	var name stun.Username
	if name.GetFrom(m) != nil || name.String() != c.ufrag+":"+c.theirs.ufrag {
		return nil
	}
	if !m.Contains(stun.AttrICEControlled) || !m.Contains(stun.AttrPriority) || stun.Fingerprint.Check(m) != nil {
		c.t.Errorf("a check of the server's is not as RFC 8445 §7.1 asks: %s", m)
		return nil
	}
	if stun.NewShortTermIntegrity(c.pwd).Check(m) != nil {
		return nil
	}
	mapped := &stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())}
	answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess, mapped,
		stun.NewShortTermIntegrity(c.pwd), stun.Fingerprint)
	if err != nil {
		return nil
	}
	return answer.Raw
}

// current is the socket in use.
func (c *client) current() *net.UDPConn {
	c.socketMu.Lock()
	defer c.socketMu.Unlock()
	return c.socket
}

// move opens a socket at another address of the participant's and nominates it. The old one stays open and goes
// unheard.
func (c *client) move(ip string) {
	c.t.Helper()
	old := c.socket
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		c.t.Fatal(err)
	}
	c.socketMu.Lock()
	c.socket, c.addr = socket, netip.MustParseAddrPort(socket.LocalAddr().String())
	c.socketMu.Unlock()
	c.t.Cleanup(func() { _ = old.Close() })
	go c.read(socket)
	c.t.Cleanup(func() { _ = socket.Close() })
	c.check(true)
}
