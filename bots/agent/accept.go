package agent

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"
)

const (
	// maxHandshakes bounds the strangers that are listened to at once, handshakeTimeout for how long.
	maxHandshakes    = 16
	handshakeTimeout = 10 * time.Second
)

// accept begins to take connections, until ctx ends. Those that know the secret arrive; others are closed.
func (c *conductor) accept(ctx context.Context) error {
	secure, err := c.cfg.Secret.config(conductorSide, agentSide)
	if err != nil {
		return err
	}
	listener := c.cfg.Listener
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	slots := make(chan struct{}, maxHandshakes)
	go func() { // ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			select {
			case slots <- struct{}{}:
			default:
				_ = conn.Close()
				continue
			}
			go func() {
				defer func() { <-slots }()
				c.shake(ctx, tls.Server(conn, secure))
			}()
		}
	}()
	return nil
}

// shake lets an agent in: it must know the secret and speak the same version.
func (c *conductor) shake(ctx context.Context, conn *tls.Conn) {
	keep := false
	defer func() {
		if !keep {
			_ = conn.Close()
		}
	}()
	limited, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if conn.HandshakeContext(limited) != nil {
		return
	}
	l := &link{conn: conn}
	m, err := l.read()
	if err != nil || m.Hello == nil {
		return
	}
	if l.send(&message{Hello: &hello{Version: version, Target: c.run.Config.URL}}) != nil || m.Hello.Version != version {
		return
	}
	select {
	case c.arrived <- l:
		keep = true
	case <-ctx.Done():
	}
}

// gather waits until all agents are there. Those that wait are asked for the time now and then, so that one that is
// gone is noticed.
func (c *conductor) gather(ctx context.Context) error {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	c.cfg.Say(fmt.Sprintf("waiting for %d agents on %s", c.cfg.Agents, c.cfg.Listener.Addr()))
	for len(c.peers) < c.cfg.Agents {
		select {
		case l := <-c.arrived:
			p := &peer{link: l}
			c.peers = append(c.peers, p)
			go c.listen(p) // ends with the connection
			c.cfg.Say(fmt.Sprintf("agent %d of %d is here", len(c.peers), c.cfg.Agents))
			continue
		case <-ticker.C:
			if err := c.all(&message{Ping: &ping{}}); err != nil {
				return err
			}
			continue
		case e := <-c.events:
			if err := c.early(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("bots: the run was interrupted: %w", ctx.Err())
		}
	}
	return nil
}

// early takes what an agent says before the run: the time. One that goes makes room for another.
func (c *conductor) early(e event) error {
	switch {
	case e.err == nil && e.m.Pong != nil:
		return nil
	case e.err == nil && e.m.Bye != nil:
		return fmt.Errorf("agent %d left: %.200q", c.number(e.from), e.m.Bye.Reason)
	}
	for i, p := range c.peers {
		if p == e.from {
			c.peers = append(c.peers[:i], c.peers[i+1:]...)
			_ = p.link.conn.Close()
			c.cfg.Say("an agent is gone; waiting for another")
			break
		}
	}
	return nil
}

// listen passes an agent's messages on until its connection ends.
func (c *conductor) listen(p *peer) {
	for {
		m, err := p.link.read()
		select {
		case c.events <- event{p, m, time.Now(), err}:
		case <-c.over:
			return
		}
		if err != nil {
			return
		}
	}
}
