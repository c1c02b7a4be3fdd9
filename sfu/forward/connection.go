package forward

import (
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/sfu/transport"
)

// Owner is told what happens to a connection. Its methods must not block.
type Owner interface {
	transport.Owner
	// Wanted names the RIDs that viewers want of a track of this connection's, on change.
	Wanted(source media.Source, rids []string)
	// NotEncrypted is called once a track when nothing more of it is forwarded because it is not end-to-end encrypted. It
	// is called on the packet path, with locks held.
	NotEncrypted(source media.Source)
	// Changed is called when a slot has switched or waits to: Egress.Tidy has work. It is called on the packet path, with
	// locks held.
	Changed()
	// LevelChanged is called when a live track has a new level: once, until Track.TakeLevel. It is called on the packet
	// path, with locks held.
	LevelChanged(t *Track)
	// EstimateChanged is called when the estimate has left the bounds of Egress.Expect, when a queue drains, and while the
	// viewer is silent. It is called on the packet path, with locks held.
	EstimateChanged()
}

// link is what both directions of a connection share.
type link struct {
	engine    *Engine
	transport *transport.Transport
	owner     Owner
	rtt       atomic.Int64 // nanoseconds, 0 unknown
	spoke     atomic.Bool  // something was sent to the peer since the last pulse
	full      atomic.Bool  // the peer takes full compounds of RTCP only
	health    health
}

// Connection is one PeerConnection of a participant: a transport, what is received over it and what is sent. A new DTLS
// fingerprint makes a new connection. Safe for concurrent use.
type Connection struct {
	link
	in         ingress
	out        Egress
	rtcpBudget budget
	reports    atomic.Uint64 // authentic datagrams of RTCP
}

// Connect makes a connection of the viewer with that number, whose certificate has the given fingerprint. The owner
// closes its transport.
func (e *Engine) Connect(fingerprint string, viewer media.ParticipantID, owner Owner) *Connection {
	c := &Connection{link: link{engine: e, owner: owner}}
	c.in.init(&c.link)
	c.out.init(&c.link, viewer)
	c.rtcpBudget.fill(e.limits.RTCPPerSecond)
	c.transport = e.network.New(fingerprint, c)
	return c
}

// Connected implements transport.Owner.
func (c *Connection) Connected() { c.owner.Connected() }

// Failed implements transport.Owner.
func (c *Connection) Failed(cause transport.Cause) { c.owner.Failed(cause) }

// Stuck implements transport.Owner.
func (c *Connection) Stuck(cause transport.Cause) { c.owner.Stuck(cause) }

// TakesReducedSize says whether the peer takes RTCP of reduced size (RFC 5506), as its offer says: without it each
// compound begins with a report and a CNAME. A new connection is sent reduced size.
func (c *Connection) TakesReducedSize(ok bool) { c.full.Store(!ok) }

// Transport is the connection's way to its peer.
func (c *Connection) Transport() *transport.Transport { return c.transport }

// Egress is the connection's sending half.
func (c *Connection) Egress() *Egress { return &c.out }

// Heard counts the authentic packets that have come from the peer: of media, and of any kind.
func (c *Connection) Heard() (media, life uint64) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return c.in.heard, c.in.heard + c.reports.Load()
}

// Repair asks the publisher again for what is missing, and for key frames that are due. Call it every 20 ms while the
// connection publishes.
func (c *Connection) Repair(now time.Time) {
	for _, t := range c.in.published() {
		for _, l := range t.layers {
			c.in.askAgain(l, now)
			if t.Source.Video() && l.wantKey.Load() {
				l.RequestKey(now)
			}
		}
	}
}

// Measure takes the rates of what is published. Call it some times a second.
func (c *Connection) Measure(now time.Time) {
	for _, t := range c.in.published() {
		for _, l := range t.layers {
			c.in.mu.Lock()
			bytes := l.receive.bytes
			c.in.mu.Unlock()
			l.Observe(now, bytes)
		}
	}
}

// Report sends receiver and sender reports, fills the budgets, and revises what the way to the viewer carries. Call it
// once a second.
func (c *Connection) Report(now time.Time) {
	c.transport.Watch(now)
	c.in.refill()
	c.rtcpBudget.fill(c.engine.rtcpPerSecond())
	c.out.refill()
	c.out.revise(now)
	c.out.reviseCopies(now)
	c.sendReports(now)
}

// SendFeedback sends transport-wide congestion control feedback, by which the publisher's own estimator works.
func (c *Connection) SendFeedback() {
	for _, p := range c.in.takeFeedback() {
		c.sendRTCP(p)
	}
}

// Discard drops the payloads kept of what was published, even while a track is referenced. Call it when the connection
// ends.
func (c *Connection) Discard() {
	for _, t := range c.in.published() {
		t.discard()
	}
}

// budget is a count that control fills once a second and the packet path takes from.
type budget struct{ left atomic.Int64 }

func (b *budget) fill(n int64) { b.left.Store(n) }

func (b *budget) take(n int64) bool { return b.left.Add(-n) >= 0 }
