package forward

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"conclave/sfu/batch"
	"conclave/sfu/sframe"
	"conclave/sfu/stream"
	"conclave/sfu/transport"
)

// Limits bound what one connection may cost. They are its owner's to choose.
type Limits struct {
	Streams          int   // SSRCs received
	Rebinds          int   // how often a source may come with a new SSRC: browsers do so when they re-create a sender
	PacketsPerSecond int   // received, all sources and retransmissions together; beyond, packets are dropped unopened
	RTCPPerSecond    int64 // RTCP datagrams opened
	AudioSlots       int
	VideoSlots       int
}

// Engine owns the workers that receive and forward, and the senders that need no packet to arrive: the player of kept
// key frames, the pacer and the pulse; and the mates that share a worker's fan-out. Safe for concurrent use.
type Engine struct {
	network *transport.Network
	log     *slog.Logger
	limits  Limits
	ssrc    uint32 // of our receiver reports and feedback
	clocks  atomic.Uint64
	stats   stats
	workers []*worker
	mates   []*mate
	player  player
	pacer   pacer
	pulse   sender
	closing atomic.Bool
	gathers atomic.Bool
	level   atomic.Int32 // overload.Level
	stands  atomic.Bool  // some worker's queue, since Delay was last read
	stop    chan struct{}
	wg      sync.WaitGroup
}

// stats are counted for the engine as a whole.
type stats struct {
	keyFrameRequests, nacked atomic.Uint64
	ups, downs               atomic.Uint64 // switches of layer
	frames                   [sframe.Results]atomic.Uint64
}

// New starts the workers on the network's sockets. A nil log discards. Close ends them, and the network.
func New(network *transport.Network, limits Limits, log *slog.Logger) (*Engine, error) {
	e := &Engine{network: network, log: log, limits: limits, ssrc: random32(), stop: make(chan struct{})}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	for i, l := range network.Locals() {
		for j, c := range l.Conns {
			w, err := e.newWorker(i, j, c)
			if err != nil {
				return nil, err
			}
			if len(l.RTCP) > 0 {
				w.openPolling(l.RTCP[j])
			}
			e.workers = append(e.workers, w)
		}
	}
	for _, s := range []*sender{&e.player.sender, &e.pacer.sender, &e.pulse} {
		if err := s.open(network, 0, 2*destinationPackets*packetCapacity); err != nil {
			return nil, err
		}
	}
	if err := e.openMates(); err != nil {
		return nil, err
	}
	e.pacer.signal = make(chan struct{}, 1)
	e.wg.Add(len(e.workers) + len(e.mates) + 1)
	for _, w := range e.workers {
		go w.run()
	}
	for _, m := range e.mates {
		go m.run(e)
	}
	go e.pacer.run(e)
	return e, nil
}

func (e *Engine) newWorker(local, index int, conn batch.Conn) (*worker, error) {
	w := &worker{engine: e, local: local, conn: conn, cache: cache{}}
	w.index = len(e.workers)
	if !stream.IsKey(conn.LocalAddr().Addr()) {
		w.relay = e.network.Relay()
	}
	w.counters.Latency.base = histogramBase.Seconds()
	w.counters.Delay.base = histogramBase.Seconds()
	w.counters.BatchSize.base, w.counters.BatchSize.coarse = 1, true
	w.rtcpBuf = make([]byte, 0, batch.MaxDatagram)
	var err error
	if w.recv, err = conn.NewReceiver(); err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	if err := w.open(e.network, index, arenaBytes); err != nil {
		return nil, err
	}
	return w, nil
}

// Close closes the network, once the owners of all connections have closed their transports, and waits for the workers
// and the pacer.
func (e *Engine) Close() error {
	e.closing.Store(true)
	close(e.stop)
	err := e.network.Close()
	e.wg.Wait()
	return err //nolint:wrapcheck // the network's own
}

// random32 is for SSRCs and initial timestamps (RFC 3550 §5.1 asks for randomness).
func random32() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.BigEndian.Uint32(b[:])
}
