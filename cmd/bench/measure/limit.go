package measure

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/process"
	"conclave/sfu/batch"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport/srtp"
)

// limitName names the limit among the servers of forward.
const limitName = "limit"

// Limit measures what no forwarder of these packets can go below on this machine: sealing each packet for its
// destination and handing it to the kernel. Nothing is received, decided, counted or kept, and nothing waits for
// anything.
//
// The packets are those of the scenario, in the batches that an engine would send them in (plan.go), in place of a
// second's worth over and over. The receiving sockets are drained by other threads as the bots do it, so that the
// kernel's work of queueing and waking is in the figure, as it is in a server's. Two figures: flat out (batch after
// batch) and paced (each batch when it is due, which adds a timer and cold caches; forwarding in real time cannot go
// below that one).
type Limit struct {
	Runs      int           `default:"5" help:"Runs of each scenario, interleaved."`
	Time      time.Duration `default:"2s" help:"How long is measured in each run, flat out and paced each."`
	Scenarios []string      `default:"A,B,C,D,E" help:"As of forward."`
	JSON      string        `name:"json" placeholder:"FILE" help:"Write all runs there."`
	Quick     bool          `help:"A smoke test of some seconds: the figures mean nothing."`
}

// limitRun is one measurement. Times are of the sending thread.
type limitRun struct {
	Micros      float64 `json:"us_per_packet"`
	PacedMicros float64 `json:"paced_us_per_packet"`
	SealMicros  float64 `json:"seal_us_per_packet"`
	Segments    float64 `json:"packets_per_message"`
	Batch       float64 `json:"packets_per_batch"`
	Lost        float64 `json:"lost"` // of the flat-out packets, at the receiving sockets
}

// Run measures.
func (cmd *Limit) Run(ctx context.Context, c figures.Console) error {
	list, err := chosen(cmd.Scenarios)
	if err != nil {
		return err
	}
	if cmd.Quick {
		cmd.Runs, cmd.Time = 1, 200*time.Millisecond
	}
	runs := make([][]limitRun, len(list))
	for n := range cmd.Runs {
		for i, s := range list {
			r, err := measureLimit(ctx, s, cmd.Time)
			if err != nil {
				return err
			}
			runs[i] = append(runs[i], r)
			c.Progress("%d/%d  %s %-7s  %.3f µs/packet flat out, %.3f paced", n+1, cmd.Runs, s.Name, s.Title, r.Micros,
				r.PacedMicros)
		}
	}
	rows := [][]string{{"scenario", "µs/packet", "min–max", "of it sealing", "paced", "packets/message", "packets/batch",
		"lost %"}}
	for i, s := range list {
		get := func(number func(limitRun) float64) figures.Spread {
			return figures.SpreadOf(figures.Pluck(runs[i], number))
		}
		flat := get(func(r limitRun) float64 { return r.Micros })
		rows = append(rows, []string{
			s.Name + ": " + s.Title, figures.Number(flat.Median, 3), fmt.Sprintf("%.3f–%.3f", flat.Min, flat.Max),
			figures.Number(get(func(r limitRun) float64 { return r.SealMicros }).Median, 3),
			figures.Number(get(func(r limitRun) float64 { return r.PacedMicros }).Median, 3),
			figures.Number(get(func(r limitRun) float64 { return r.Segments }).Median, 1),
			figures.Number(get(func(r limitRun) float64 { return r.Batch }).Median, 1),
			figures.Number(100*get(func(r limitRun) float64 { return r.Lost }).Median, 2),
		})
	}
	c.Table(figures.Markdown(rows))
	return figures.WriteJSON(cmd.JSON, runs)
}

// measureLimit measures one scenario, each way for the given time.
func measureLimit(ctx context.Context, s scenario, each time.Duration) (r limitRun, err error) {
	l, err := newLimiter(s)
	if err != nil {
		return r, fmt.Errorf("limit: %w", err)
	}
	defer func() { err = errors.Join(err, l.close()) }()
	runtime.LockOSThread() // its CPU clock is the measure
	defer runtime.UnlockOSThread()
	if _, err = l.flatOut(ctx, each/4); err != nil { // warm up
		return r, err
	}
	lostBefore, sentBefore := l.lost, l.sent
	flat, err := l.flatOut(ctx, each)
	if err != nil {
		return r, err
	}
	r.Lost = float64(l.lost-lostBefore) / float64(l.sent-sentBefore)
	paced, err := l.paced(ctx, each)
	if err != nil {
		return r, err
	}
	seal, err := l.sealing()
	if err != nil {
		return r, err
	}
	r.Micros, r.PacedMicros, r.SealMicros = flat, paced, seal
	messages, packets := 0, 0
	for _, b := range l.batches {
		messages += len(b.messages)
		packets += b.packets
	}
	r.Segments, r.Batch = float64(packets)/float64(messages), float64(packets)/float64(len(l.batches))
	return r, nil
}

// limiter is a sender with its receivers.
type limiter struct {
	batches      []plannedBatch
	conn         batch.Conn
	sender       batch.Sender
	destinations []destination
	payload      []byte // shared by all, as a forwarder's is
	arena        []byte
	messages     []batch.Message
	scratch      srtp.Scratch
	sent, lost   uint64

	received atomic.Uint64
	sinks    []*net.UDPConn
	draining sync.WaitGroup
}

// destination is one receiver: its address, its key, its sequence number.
type destination struct {
	to     *batch.Addr
	cipher *srtp.Cipher
	ssrc   uint32
	seq    uint64
}

func newLimiter(s scenario) (l *limiter, err error) {
	l = &limiter{batches: plan(s, 1), payload: make([]byte, child.VideoPayload)}
	_, _ = rand.Read(l.payload) // never fails (crypto/rand)
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.conn, err = batch.Listen(netip.MustParseAddrPort("127.0.0.1:0")); err != nil {
		return l, err
	}
	if l.sender, err = l.conn.NewSender(); err != nil {
		return l, err
	}
	most := 0
	for _, b := range l.batches {
		most = max(most, b.packets)
	}
	l.arena = make([]byte, 0, most*wireSize(child.VideoPayload))
	for i := range s.People * s.rooms() {
		if err := l.addSink(uint32(i)); err != nil {
			return l, err
		}
	}
	return l, nil
}

func (l *limiter) addSink(ssrc uint32) error {
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("receiver: %w", err)
	}
	l.sinks = append(l.sinks, sink)
	_ = sink.SetReadBuffer(1 << 20) // as the bots do; what is lost by less is counted
	read, err := drain(sink)
	if err != nil {
		return err
	}
	keyLen, saltLen := srtp.AES128GCM.Lengths()
	secret := make([]byte, keyLen+saltLen)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	cipher, err := srtp.NewCipher(srtp.AES128GCM, secret[:keyLen], secret[keyLen:])
	if err != nil {
		return err
	}
	bound, err := netip.ParseAddrPort(sink.LocalAddr().String())
	if err != nil {
		return fmt.Errorf("receiver: %w", err)
	}
	l.destinations = append(l.destinations, destination{to: batch.NewAddr(bound), cipher: cipher, ssrc: ssrc})
	l.draining.Go(func() { // ends when the socket is closed
		for {
			n, err := read()
			if err != nil {
				return
			}
			l.received.Add(uint64(n))
			time.Sleep(5 * time.Millisecond) // as the bots do
		}
	})
	return nil
}

func (l *limiter) close() (err error) {
	for _, s := range l.sinks {
		err = errors.Join(err, s.Close())
	}
	l.draining.Wait()
	if l.conn != nil {
		err = errors.Join(err, l.conn.Close())
	}
	return err
}

// seal fills the arena with a batch.
func (l *limiter) seal(b *plannedBatch) {
	l.arena, l.messages = l.arena[:0], l.messages[:0]
	for _, m := range b.messages {
		d := &l.destinations[m.destination]
		begin := len(l.arena)
		for _, n := range m.payloads {
			at := len(l.arena)
			l.arena = l.arena[:at+rtpview.OutHeaderLen]
			rtpview.WriteHeader(l.arena[at:], &rtpview.Header{SSRC: d.ssrc, CSRC: 1, Seq: uint16(d.seq), PT: 96})
			sealed := d.cipher.Seal(l.arena[at:], l.payload[:n], d.ssrc, d.seq, &l.scratch)
			l.arena = l.arena[:at+len(sealed)]
			d.seq++
		}
		l.messages = append(l.messages, batch.Message{Data: l.arena[begin:len(l.arena)], Segment: wireSize(m.payloads[0]),
			To: d.to})
	}
}

// send seals and sends a batch.
func (l *limiter) send(b *plannedBatch) error {
	l.seal(b)
	for rest := l.messages; len(rest) > 0; {
		n, err := l.sender.Send(rest)
		if err != nil {
			return fmt.Errorf("limit: sending: %w", err)
		}
		rest = rest[n:]
	}
	l.sent += uint64(b.packets)
	return nil
}

// perSink bounds what waits in the receiving sockets when sending flat out, in packets for each.
const perSink = 48

// flatOut sends batch after batch until it has taken so much CPU time, and returns the microseconds a packet. While
// the receivers are behind it sleeps, with the clock stopped.
func (l *limiter) flatOut(ctx context.Context, budget time.Duration) (float64, error) {
	var used time.Duration
	from := l.sent
	for i := 0; used < budget && ctx.Err() == nil; {
		began, err := process.ThreadCPU()
		if err != nil {
			return 0, err
		}
		for limit := l.received.Load() + l.lost + perSink*uint64(len(l.destinations)); l.sent < limit; i++ {
			if err := l.send(&l.batches[i%len(l.batches)]); err != nil {
				return 0, err
			}
		}
		ended, err := process.ThreadCPU()
		if err != nil {
			return 0, err
		}
		used += ended - began
		l.settle()
	}
	return figures.PerPacket(used, l.sent-from), ctx.Err()
}

// settle waits until the receivers have nearly everything; what does not come soon was lost.
func (l *limiter) settle() {
	for range 100 {
		if l.received.Load()+l.lost+uint64(len(l.destinations)) >= l.sent {
			return
		}
		time.Sleep(time.Millisecond)
	}
	l.lost = l.sent - l.received.Load()
}

// paced sends each batch when it is due for so long, and returns the microseconds a packet, timers included.
func (l *limiter) paced(ctx context.Context, length time.Duration) (float64, error) {
	l.settle()
	from := l.sent
	began, err := process.ThreadCPU()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for second := time.Duration(0); ; second += time.Second {
		for i := range l.batches {
			due := second + l.batches[i].at
			if due > length || ctx.Err() != nil {
				ended, err := process.ThreadCPU()
				return figures.PerPacket(ended-began, l.sent-from), errors.Join(err, ctx.Err())
			}
			if wait := time.Until(start.Add(due)); wait > 0 {
				process.SleepThread(wait)
			}
			if err := l.send(&l.batches[i]); err != nil {
				return 0, err
			}
		}
	}
}

// sealing measures the sealing alone, over a second's worth of packets.
func (l *limiter) sealing() (float64, error) {
	began, err := process.ThreadCPU()
	if err != nil {
		return 0, err
	}
	packets := 0
	for i := range l.batches {
		l.seal(&l.batches[i])
		packets += l.batches[i].packets
	}
	ended, err := process.ThreadCPU()
	return figures.PerPacket(ended-began, uint64(packets)), err
}
