package sfu

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/drop"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport"
	"conclave/sfu/transport/srtp"
)

const (
	// maxPending bounds what one receive batch may fan out to before it is sent: 64 packets to 200 subscribers. More go
	// out in several rounds.
	maxPending = 64 * 200
	// arenaBytes is the send buffer of one worker and local address.
	arenaBytes = 1 << 20
	// maxCached bounds a worker's private copy of the address table.
	maxCached = 8192
)

// worker receives from one socket and forwards to completion: no queue between a packet's arrival and its departures. A peer's
// packets always come to the same worker, because the kernel spreads remote addresses over the sockets.
type worker struct {
	server *Server
	index  int
	local  int // index of transport.Network.Locals
	conn   batch.Conn
	recv   batch.Receiver
	cache  map[netip.AddrPort]*session // by the addresses of their peers, as of known
	known  uint64                      // the network's generation

	packets [batch.MaxReceive]packet
	n       int
	pending []pending
	touched []*egress
	out     []*outbox // by local address
	seal    sealer
	rtcpBuf []byte

	stats workerStats
}

// pending is one packet for one output, linked with those for the same egress.
type pending struct {
	out  *output
	pkt  int32
	next int32 // index into worker.pending, -1: last
}

// chain is the list of what a worker's batch holds for one egress. Only that worker touches it.
type chain struct{ head, tail int32 }

// sealer is what sealing needs beside the packet: one goroutine's scratch, the cipher of the egress at hand, and the time.
type sealer struct {
	cipher  *srtp.Cipher
	now     time.Time // when what is sealed counts as sent
	nonce   srtp.Nonce
	scratch []byte
}

// outbox gathers sealed packets for one local address until they are sent.
type outbox struct {
	sender   batch.Sender
	arena    []byte
	messages []batch.Message
	segments int // of the last message
	maxSeg   int
	worker   *worker
}

// workerStats are written by the worker alone and read by the metrics.
type workerStats struct {
	received, receivedBytes  atomic.Uint64
	forwarded, forwardBytes  atomic.Uint64
	retransmitted            atomic.Uint64
	historyMisses            atomic.Uint64
	checks                   atomic.Uint64
	batches, messages, calls atomic.Uint64
	busy                     atomic.Uint64 // nanoseconds
	drops                    drop.Counters
	latency                  histogram
	batchSize                histogram
}

func (w *worker) drop(r drop.Reason, n int) { w.stats.drops.Add(r, n) }

// run receives until the socket is closed.
func (w *worker) run() {
	defer w.server.wg.Done()
	for {
		err := w.recv.Run(func(datagrams []batch.Datagram) bool {
			w.forwardBatch(datagrams)
			return true
		})
		if errors.Is(err, net.ErrClosed) || w.server.closing.Load() {
			return
		}
		w.server.log.Warn("receiving", "error", err)
		time.Sleep(10 * time.Millisecond) // an error that stays must not spin
	}
}

// forwardBatch forwards one receive batch.
func (w *worker) forwardBatch(datagrams []batch.Datagram) {
	began := time.Now()
	w.forget()
	w.take(datagrams, began)
	w.flush(began)
	ended := time.Now()
	w.stats.batches.Add(1)
	w.stats.batchSize.observe(float64(len(datagrams)))
	w.stats.busy.Add(uint64(ended.Sub(began)))
	w.stats.latency.observe(ended.Sub(began).Seconds())
}

// take sorts datagrams by their first byte (RFC 7983) and queues what is media for its outputs.
func (w *worker) take(datagrams []batch.Datagram, now time.Time) {
	for i := range datagrams {
		d := &datagrams[i]
		w.stats.received.Add(1)
		w.stats.receivedBytes.Add(uint64(len(d.Data)))
		switch {
		case len(d.Data) == 0:
			w.drop(drop.Malformed, 1)
		case d.Data[0] < 4:
			if why, ok := w.server.network.Check(d, w.local, w.conn, w.rtcpBuf, now); ok {
				w.stats.checks.Add(1)
			} else {
				w.drop(why, 1)
			}
		case d.Data[0] >= 20 && d.Data[0] < 64:
			if why, ok := w.server.network.Handshake(d); !ok {
				w.drop(why, 1)
			}
		case d.Data[0] < 128 || d.Data[0] > 191:
			w.drop(drop.Malformed, 1)
		default:
			w.media(d, now)
		}
	}
}

func (w *worker) media(d *batch.Datagram, now time.Time) {
	s := w.sessionOf(d.From)
	if s == nil {
		w.drop(drop.UnknownAddress, 1)
		return
	}
	if !rtpview.IsRTP(d.Data) {
		s.receiveRTCP(d.Data, now, w)
		return
	}
	if w.n == len(w.packets) || len(w.pending) >= maxPending {
		w.flush(now)
	}
	p := &w.packets[w.n]
	why, ok := s.receiveRTP(d.Data, now, &w.seal.nonce, p)
	if !ok {
		w.drop(why, 1)
		*p = packet{} // a batch this long may not come again for hours: it must not keep the sender alive
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

// sessionOf finds whose packet came from addr, nil if there is none.
func (w *worker) sessionOf(addr netip.AddrPort) *session {
	if s := w.cache[addr]; s != nil && !s.transport.Closed() {
		return s
	}
	t := w.server.network.Lookup(addr)
	if t == nil {
		return nil
	}
	s, ok := t.Owner().(*session)
	if !ok {
		return nil
	}
	if len(w.cache) >= maxCached {
		clear(w.cache)
	}
	w.cache[addr] = s
	return s
}

// forget empties the cache when a peer has left: it must not keep what that peer published alive.
func (w *worker) forget() {
	if g := w.server.network.Generation(); g != w.known {
		w.known = g
		clear(w.cache)
	}
}

func (w *worker) queue(o *output, pkt int32) {
	at := int32(len(w.pending))
	w.pending = append(w.pending, pending{out: o, pkt: pkt, next: -1})
	c := &o.egress.chains[w.index]
	if c.head < 0 {
		c.head, c.tail = at, at
		w.touched = append(w.touched, o.egress)
		return
	}
	w.pending[c.tail].next = at
	c.tail = at
}

// flush forwards the queued packets, subscriber by subscriber, so that packets to one destination are adjacent and
// become one message.
func (w *worker) flush(now time.Time) {
	w.seal.now = now
	for i, e := range w.touched {
		w.flushEgress(e)
		w.touched[i] = nil
	}
	for _, b := range w.out {
		b.send()
	}
	w.touched = w.touched[:0]
	clear(w.pending)
	w.pending = w.pending[:0]
	clear(w.packets[:w.n])
	w.n = 0
}

func (w *worker) flushEgress(e *egress) {
	c := &e.chains[w.index]
	head := c.head
	c.head, c.tail = -1, -1
	ks, to, ok := e.session.transport.Ready()
	if !ok {
		for i := head; i >= 0; i = w.pending[i].next {
			w.drop(drop.NotReady, 1)
		}
		return
	}
	w.seal.cipher = ks.Out
	box := w.out[to.Local]
	box.begin()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, video := range [...]bool{true, false} { // a shorter audio packet can end a message, not begin one
		w.forwardChain(head, video, e, box, to)
	}
}

// forwardChain forwards the packets of one kind of media. The egress is locked.
func (w *worker) forwardChain(head int32, video bool, e *egress, box *outbox, to *transport.Remote) {
	for i := head; i >= 0; i = w.pending[i].next {
		if w.pending[i].out.slot.video != video {
			continue
		}
		at := len(box.arena)
		why, ok := drop.SocketFull, box.hasRoom()
		if ok {
			box.arena, why, ok = e.forward(box.arena, w.pending[i].out, &w.packets[w.pending[i].pkt], &w.seal)
		}
		if !ok {
			w.drop(why, 1)
			continue
		}
		w.stats.forwarded.Add(1)
		w.stats.forwardBytes.Add(uint64(len(box.arena) - at))
		e.emit(box, at, to, video, w.seal.now)
	}
}

// destinationPackets is what begin makes room for: a whole receive batch, were it all for one destination.
const destinationPackets = batch.MaxReceive

// begin starts a new destination and makes room for it, so that no system call falls between two of its packets: its egress is locked then.
func (b *outbox) begin() {
	if cap(b.arena)-len(b.arena) < destinationPackets*packetRoom {
		b.send()
	}
	if len(b.messages) >= batch.MaxMessages {
		b.sendMessages()
	}
	b.segments, b.maxSeg = 0, b.sender.MaxSegments()
}

// packetRoom is the most one forwarded packet can take: it gains at most a CSRC, an OSN and a tag over what came in.
const packetRoom = batch.MaxDatagram + 64

func (b *outbox) hasRoom() bool {
	return cap(b.arena)-len(b.arena) >= packetRoom && len(b.messages) < cap(b.messages)
}

// add takes in the packet at arena[at:]: as a further segment of the last message if it may be, else as a new one.
func (b *outbox) add(at int, to *transport.Remote) {
	size := len(b.arena) - at
	if b.segments > 0 && b.segments < b.maxSeg {
		m := &b.messages[len(b.messages)-1]
		if size <= m.Segment && len(m.Data)+size <= batch.MaxMessage {
			m.Data = m.Data[:len(m.Data)+size]
			if b.segments++; size < m.Segment {
				b.segments = 0 // a shorter one is the last
			}
			return
		}
	}
	b.messages = append(b.messages, batch.Message{Data: b.arena[at:len(b.arena):cap(b.arena)], Segment: size, To: to.To})
	b.segments = 1
}

func (b *outbox) send() {
	b.sendMessages()
	b.arena = b.arena[:0]
	b.segments = 0
}

// sendMessages sends what is gathered. If the socket takes no more, the rest, which is the newest, is lost: waiting would
// hold up everybody else. A message the kernel refuses for its own sake (its network is unreachable) is lost alone.
func (b *outbox) sendMessages() {
	if len(b.messages) == 0 {
		return
	}
	w := b.worker
	for rest := b.messages; len(rest) > 0; {
		n, err := b.sender.Send(rest)
		w.stats.calls.Add(1)
		w.stats.messages.Add(uint64(n))
		rest = rest[n:]
		switch {
		case err == nil || len(rest) == 0:
		case errors.Is(err, batch.ErrFull) || errors.Is(err, net.ErrClosed):
			for _, m := range rest {
				w.drop(drop.SocketFull, m.Segments())
			}
			rest = nil
		default:
			w.drop(drop.Unreachable, rest[0].Segments())
			rest = rest[1:]
		}
	}
	clear(b.messages)
	b.messages = b.messages[:0]
	b.segments = 0
}
