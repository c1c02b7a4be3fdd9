package client

import (
	"context"
	"errors"
	"net/netip"

	"conclave/bots/network"
	"conclave/bots/path"
	"conclave/bots/wire"
	"conclave/protocol"
)

// Errors of a way that the server does not have.
var (
	errNoUDP  = errors.New("bots: the server offers no media address of the family that its web address has")
	errNoTCP  = errors.New("bots: the server offers no ICE-TCP: its answer has no TCP candidate")
	errNoTURN = errors.New("bots: the server offers no TURN of that kind: its welcome has no such address")
)

// ways returns the addresses that the agent tries, and connects the streams that stand behind some of them.
func (c *connection) ways(ctx context.Context, a *answered) ([]netip.AddrPort, error) {
	switch c.cfg.transport {
	case network.ICETCP:
		return c.overTCP(ctx, a)
	case network.TURNTCP, network.TURNTLS:
		return c.relayed(ctx, a, c.cfg.transport == network.TURNTLS)
	}
	var direct []netip.AddrPort
	for _, to := range a.candidates {
		if c.wire.Reaches(to) {
			direct = append(direct, to)
		}
	}
	if c.cfg.network == nil || !c.cfg.network.UDPBlocked {
		if len(direct) == 0 {
			return nil, errNoUDP
		}
		return direct, nil
	}
	// As a browser does: UDP is tried, and so is what goes over TCP.
	over, err := c.overTCP(ctx, a)
	if errors.Is(err, errNoTCP) {
		if over, err = c.relayed(ctx, a, true); errors.Is(err, errNoTURN) {
			over, err = c.relayed(ctx, a, false)
		}
	}
	return append(over, direct...), err
}

// overTCP connects to the first TCP candidate.
func (c *connection) overTCP(ctx context.Context, a *answered) ([]netip.AddrPort, error) {
	if len(a.tcp) == 0 {
		return nil, errNoTCP
	}
	s, err := path.DialTCP(ctx, a.tcp[0])
	if err != nil {
		return nil, err //nolint:wrapcheck // says what failed
	}
	return c.add(s)
}

// relayed makes an allocation by which the first UDP candidate is reached.
func (c *connection) relayed(ctx context.Context, a *answered, secure bool) ([]netip.AddrPort, error) {
	for i := range c.cfg.relays {
		t := &c.cfg.relays[i]
		if s, ok := t.Secure(); !ok || s != secure || len(a.candidates) == 0 {
			continue
		}
		r, err := path.DialTURN(ctx, t, a.candidates[0])
		if err != nil {
			return nil, err //nolint:wrapcheck // says what failed
		}
		return c.add(r)
	}
	return nil, errNoTURN
}

func (c *connection) add(s wire.Stream) ([]netip.AddrPort, error) {
	key, err := c.wire.Add(s)
	if err != nil {
		_ = s.Close()
		return nil, err //nolint:wrapcheck // says what failed
	}
	return []netip.AddrPort{key}, nil
}

// relaysOf lists what a welcome offers; at most 16 (protocol).
func relaysOf(list []protocol.ICEServer) (out []path.TURN) {
	for i := range list {
		for _, url := range list[i].URLs {
			out = append(out, path.TURN{URL: url, Username: list[i].Username, Password: list[i].Credential})
		}
	}
	return out
}
