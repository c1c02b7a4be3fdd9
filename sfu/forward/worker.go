package forward

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/drop"
	"conclave/sfu/overload"
	"conclave/sfu/rtpview"
	"conclave/sfu/stream"
)

const (
	// maxPending bounds what one receive batch may fan out to before it is sent: 64 packets to 200 viewers. More go out in
	// several rounds.
	maxPending = 64 * 200
	// maxCached bounds a worker's private copy of the address table.
	maxCached = 8192
)

// worker receives from one socket and forwards to completion: no queue between a packet's arrival and its departures. A
// peer's packets always come to the same worker, because the kernel spreads remote addresses over the sockets.
type worker struct {
	sender
	engine *Engine
	local  int // index of transport.Network.Locals
	conn   batch.Conn
	recv   batch.Receiver
	relay  stream.Relay // nil where there is none: nothing that comes over a stream is relayed
	cache  cache
	known  uint64 // the network's generation that cache is of

	polling

	round
	rtcpBuf []byte
	waiting overload.Queue // what the kernel holds for it
	stands  bool           // that queue: video that has waited in it for long is left out
}

// cache is a worker's copy of whose packets come from which address. At most maxCached entries.
type cache map[netip.AddrPort]*Connection

// round is what a worker has received and not forwarded yet.
type round struct {
	index   int // of the worker, and of its chain in each destination
	packets [batch.MaxReceive]packet
	n       int
	pending []pending
	touched []*destination
	sharing sharing
	gathered
}

// pending is one packet for one output, linked with those for the same destination.
type pending struct {
	out  *output
	pkt  int32
	next int32 // index into round.pending, -1: last
}

// chain is the list of what a worker's batch holds for one destination. Only that worker touches it.
type chain struct{ head, tail int32 }

// run receives until the socket is closed.
func (w *worker) run() {
	defer w.engine.wg.Done()
	for {
		err := w.recv.Run(func(datagrams []batch.Datagram) bool {
			w.busy.Lock()
			defer w.busy.Unlock()
			w.forwardBatch(datagrams, time.Now())
			return true
		})
		if errors.Is(err, net.ErrClosed) || w.engine.closing.Load() {
			return
		}
		w.engine.log.Warn("receiving", "error", err)
		time.Sleep(10 * time.Millisecond) // avoid a busy loop on a persistent error
	}
}

// forwardBatch forwards one receive batch, received at began.
func (w *worker) forwardBatch(datagrams []batch.Datagram, began time.Time) {
	waited := datagrams[0].Age(began)
	w.stands = w.waiting.Observe(waited, began)
	w.forget()
	w.take(datagrams, began)
	w.finish(began)
	ended := time.Now()
	w.counters.Batches.Add(1)
	w.counters.BatchSize.observe(float64(len(datagrams)))
	w.counters.Busy.Add(uint64(ended.Sub(began)))
	w.counters.Latency.observe(ended.Sub(began).Seconds())
	w.counters.Delay.observe((waited + ended.Sub(began)).Seconds())
	if w.stands {
		w.engine.stands.Store(true)
	}
	w.poll(ended)
}

// take sorts datagrams by their first byte (RFC 7983) and queues what is media for its outputs.
func (w *worker) take(datagrams []batch.Datagram, now time.Time) {
	for i := range datagrams {
		d := &datagrams[i]
		w.counters.Received.Add(1)
		w.counters.ReceivedBytes.Add(uint64(len(d.Data)))
		switch {
		case len(d.Data) == 0:
			w.drop(drop.Malformed)
		case d.Data[0] < 4:
			if w.relay != nil && stream.IsRelayed(d.Data) {
				w.relayed(d)
			} else if why, ok := w.engine.network.Check(d, w.local, w.conn, w.rtcpBuf, now); ok {
				w.counters.Checks.Add(1)
			} else if w.relay != nil && (why == drop.UnknownAddress || why == drop.Malformed) && stream.IsRequest(d.Data) {
				w.relayed(d) // no peer of ours is meant: plain STUN, or a check of the ways in
			} else {
				w.drop(why)
			}
		case d.Data[0] >= 20 && d.Data[0] < 64:
			if why, ok := w.engine.network.Handshake(d); !ok {
				w.drop(why)
			}
		case d.Data[0] < 128 || d.Data[0] > 191:
			if w.relay != nil && stream.IsRelayed(d.Data) {
				w.relayed(d)
			} else {
				w.drop(drop.Malformed)
			}
		default:
			w.media(d, now)
		}
	}
}

// relayed gives a datagram to the TURN server.
func (w *worker) relayed(d *batch.Datagram) {
	if !w.relay.Datagram(d.Data, d.From, w.conn) {
		w.drop(drop.Relay)
	}
}

func (w *worker) media(d *batch.Datagram, now time.Time) {
	c := w.connectionOf(d.From)
	if c == nil {
		w.drop(drop.UnknownAddress)
		return
	}
	if !rtpview.IsRTP(d.Data) {
		c.receiveRTCP(d, now, w)
		return
	}
	if w.n == len(w.packets) || len(w.pending) >= maxPending {
		w.flush(now)
	}
	p := &w.packets[w.n]
	late := w.stands && d.Age(now) > overload.Rest
	why, ok := c.in.receive(d.Data, late, now, &w.seal.srtp, p)
	if !ok {
		w.drop(why)
		*p = packet{} // a batch this long may not come again for hours: it must not keep the publisher alive
		return
	}
	outs := p.layer.outputs()
	if len(outs) == 0 {
		*p = packet{}
		return
	}
	for _, o := range outs {
		w.queue(o, int32(w.n))
	}
	w.n++
}

// connectionOf finds whose packet came from addr, nil if there is none.
func (w *worker) connectionOf(addr netip.AddrPort) *Connection {
	if c := w.cache[addr]; c != nil && !c.transport.Closed() {
		return c
	}
	t := w.engine.network.Lookup(addr)
	if t == nil {
		return nil
	}
	c, ok := t.Owner().(*Connection)
	if !ok {
		return nil
	}
	if len(w.cache) >= maxCached {
		clear(w.cache)
	}
	w.cache[addr] = c
	return c
}

// forget empties the cache when a peer has left: it must not keep what that peer published alive.
func (w *worker) forget() {
	if g := w.engine.network.Generation(); g != w.known {
		w.known = g
		clear(w.cache)
	}
}

func (w *worker) queue(o *output, pkt int32) {
	at := int32(len(w.pending))
	w.pending = append(w.pending, pending{out: o, pkt: pkt, next: -1})
	c := &o.to.chains[w.index]
	if c.head < 0 {
		c.head, c.tail = at, at
		w.touched = append(w.touched, o.to)
		return
	}
	w.pending[c.tail].next = at
	c.tail = at
}

// flush forwards the queued packets, destination by destination, so that packets to one are adjacent and become one
// message. Where there are many destinations, others take a share of them.
func (w *worker) flush(now time.Time) {
	w.level()
	if len(w.touched) < shareFrom || !w.share(now) {
		w.forward(&w.round, w.touched, now)
		w.send()
	}
	clear(w.touched)
	w.touched = w.touched[:0]
	clear(w.pending)
	w.pending = w.pending[:0]
	clear(w.packets[:w.n])
	w.n = 0
	w.emptied()
}

// forward seals what r holds for some of its destinations. It is sent when there is enough of it, the rest by send.
func (s *sender) forward(r *round, list []*destination, now time.Time) {
	s.seal.now = now
	for _, d := range list {
		s.forwardTo(r, d)
	}
}

func (s *sender) forwardTo(r *round, d *destination) {
	c := &d.chains[r.index]
	head := c.head
	c.head, c.tail = -1, -1
	ks, to, ok := d.transport.Ready()
	if !ok {
		for i := head; i >= 0; i = r.pending[i].next {
			s.drop(drop.NotReady)
		}
		return
	}
	box := s.begin(ks, to, s.seal.now)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reach(to, s.seal.now)
	before := len(box.arena)
	for _, video := range [...]bool{true, false} { // a shorter audio packet can end a message, not begin one
		s.forwardChain(r, head, video, d, box)
	}
	if len(box.arena) > before {
		d.spoke.Store(true)
	}
}

// forwardChain forwards the packets of one kind of media to d, which is locked.
func (s *sender) forwardChain(r *round, head int32, video bool, d *destination, box *outbox) {
	for i := head; i >= 0; i = r.pending[i].next {
		p := &r.pending[i]
		if p.out.slot.Video != video {
			continue
		}
		if !video && p.out.slot.egress.audio.copies.level > 0 {
			s.copyLatest(p.out.slot, box)
		}
		at := len(box.arena)
		why, ok := drop.SocketFull, box.fits()
		if ok {
			box.arena, why, ok = p.out.slot.write(box.arena, p.out, &r.packets[p.pkt], &s.seal)
		}
		if !ok {
			s.drop(why)
			continue
		}
		s.counters.Forwarded.Add(1)
		s.counters.ForwardedBytes.Add(uint64(len(box.arena) - at))
		d.emit(box, at, video, s.seal.now)
		if at = len(box.arena); video && box.fits() {
			if box.arena, ok = p.out.slot.repeatEnd(box.arena, &r.packets[p.pkt], s.seal.now, &s.seal); ok {
				s.counters.Copied.Add(1)
				d.emit(box, at, video, s.seal.now)
			}
		}
	}
}
