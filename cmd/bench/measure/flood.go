package measure

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"conclave/bots"
	"conclave/bots/report"
	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/process"
)

// Flood measures what a stranger's datagrams cost a meeting: the server must drop them before they cost more than their
// arrival, and those in the meeting must lose nothing. It fails if they do, or if the server keeps memory for them.
//
// The flood comes from one socket of this process, so its CPU time is not the server's; on a machine with two cores the
// two compete.
type Flood struct {
	PerSecond int           `default:"50000" help:"Datagrams a second."`
	Lasting   time.Duration `default:"10s" help:"How long each kind lasts."`
	People    int           `default:"6" help:"How many are in the meeting; two of them publish."`
	JSON      string        `name:"json" placeholder:"FILE" help:"Write all runs there."`
	Quick     bool          `help:"A smoke test of some seconds."`
}

// floodRun is what one kind of datagram did.
type floodRun struct {
	Kind     string  `json:"kind"`
	Sent     float64 `json:"sent_per_s"`
	Received float64 `json:"received_per_s"` // by the server, the meeting's packets included; the rest the kernel dropped
	Lost     uint64  `json:"lost"`           // by the meeting's viewers, after retransmission
	Packets  uint64  `json:"packets"`        // that they received
	Cores    float64 `json:"server_cores"`
	Micros   float64 `json:"us_per_datagram"` // of the server, over what the calm run took
	GrownMiB float64 `json:"grown_mib"`       // of the server's memory
}

// most that a flood may leave in the server's memory: the runtime's own noise.
const mostGrownMiB = 16

// floodKinds are what anybody can send, each datagram another.
func floodKinds() []struct {
	name string
	fill func([]byte) []byte
} {
	random := func(b []byte) {
		for i := 0; i+8 <= len(b); i += 8 {
			binary.LittleEndian.PutUint64(b[i:], rand.Uint64())
		}
	}
	return []struct {
		name string
		fill func([]byte) []byte
	}{
		{"nothing", nil},
		{"RTP of strangers", func(b []byte) []byte {
			random(b[:200])
			b[0], b[1] = 0x80, 96
			return b[:200]
		}},
		{"checks of strangers", func(b []byte) []byte { return strangersCheck(b, random) }},
		{"DTLS of strangers", func(b []byte) []byte {
			random(b[:120])
			copy(b, []byte{22, 0xfe, 0xfd, 0, 0})
			binary.BigEndian.PutUint16(b[11:], 120-13)
			return b[:120]
		}},
		{"random bytes", func(b []byte) []byte {
			random(b[:1200])
			return b[:1+rand.IntN(1200)]
		}},
	}
}

// strangersCheck is a STUN request that is well formed up to its fingerprint.
func strangersCheck(b []byte, random func([]byte)) []byte {
	b = b[:96]
	random(b)
	copy(b, []byte{0, 1, 0, 76, 0x21, 0x12, 0xa4, 0x42}) // a binding request of 76 bytes after the header
	copy(b[20:], []byte{0, 6, 0, 72})                    // USERNAME takes the rest: no integrity, no fingerprint
	return b
}

// Run measures.
func (cmd *Flood) Run(ctx context.Context, c figures.Console) error {
	if cmd.Quick {
		cmd.PerSecond, cmd.Lasting = 5000, time.Second
	}
	var runs []floodRun
	for _, kind := range floodKinds() {
		r, err := cmd.one(ctx, kind.fill)
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		r.Kind = kind.name
		if len(runs) > 0 && r.Sent > 0 {
			r.Micros = (r.Cores - runs[0].Cores) * 1e6 / r.Sent
		}
		c.Progress("%s: %.0f/s sent, %d of %d packets lost", r.Kind, r.Sent, r.Lost, r.Packets+r.Lost)
		runs = append(runs, r)
	}
	c.Table(floodTable(runs))
	return errors.Join(figures.WriteJSON(cmd.JSON, runs), judgeFlood(runs))
}

// judgeFlood is an error if a flood harmed the meeting or left something.
func judgeFlood(runs []floodRun) (err error) {
	for _, r := range runs {
		if r.Packets == 0 || r.Lost > 0 || r.GrownMiB > mostGrownMiB {
			err = errors.Join(err, fmt.Errorf("%s: %d packets lost of %d, memory grew by %.0f MiB",
				r.Kind, r.Lost, r.Packets+r.Lost, r.GrownMiB))
		}
	}
	return err
}

// one runs a meeting under a flood.
func (cmd *Flood) one(ctx context.Context, fill func([]byte) []byte) (r floodRun, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmd.Lasting+2*time.Minute)
	defer cancel()
	srv, err := child.StartServer(ctx, child.ServerConfig{Media: child.Engine})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, srv.Stop()) }()
	cfg := bots.Config{Count: cmd.People, Publishers: 2, AudioSlots: 2, VideoSlots: 2, Feedback: true,
		Ramp: 20 * time.Millisecond, Duration: cmd.Lasting, Settle: time.Second}
	began := make(chan struct{})
	watch := process.StartWatch(ctx, srv.PID())
	flood := make(chan floodRun, 1)
	go func() {
		<-began
		flood <- cmd.flood(ctx, srv, fill)
	}()
	whole, err := child.RunBots(ctx, srv, cfg, whenComplete(func() { close(began) }))
	readings := watch.End()
	if err != nil {
		return r, err
	}
	select {
	case r = <-flood:
	default:
		return r, errors.New("the bots were never complete, or ended before the flood")
	}
	return r.with(whole, readings), nil
}

// flood sends for as long as asked, but ends before the bots do.
func (cmd *Flood) flood(ctx context.Context, srv *child.Server, fill func([]byte) []byte) (r floodRun) {
	lasting := cmd.Lasting * 8 / 10
	before, _ := srv.Stats(ctx, false) // zero: the rate is then too high, and says so
	began := time.Now()
	sent := 0
	if fill == nil {
		time.Sleep(lasting)
	} else {
		sent = send(srv.Ready.Media, cmd.PerSecond, lasting, fill)
	}
	seconds := time.Since(began).Seconds()
	after, _ := srv.Stats(ctx, false)
	r.Sent = float64(sent) / seconds
	r.Received = (after.Counters["received_packets_total"] - before.Counters["received_packets_total"]) / seconds
	return r
}

// send sends datagrams at a steady rate and returns how many.
func send(to netip.AddrPort, perSecond int, lasting time.Duration, fill func([]byte) []byte) (sent int) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return 0
	}
	defer conn.Close()
	buffer := make([]byte, 1500)
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		since := time.Since(began)
		if since >= lasting {
			return sent
		}
		for due := int(since.Seconds() * float64(perSecond)); sent < due; sent++ {
			_, _ = conn.Write(fill(buffer)) // refused by ICMP or a full buffer: it is a flood
		}
	}
}

// with adds what the meeting and the server say of the run.
func (r floodRun) with(whole *report.Report, readings process.Series) floodRun {
	r.Lost, r.Packets = whole.Total.LostAfter, whole.Total.ReceivedPackets
	from := whole.Window.Start
	to := from.Add(time.Duration(whole.Window.Seconds * float64(time.Second)))
	if whole.Window.Seconds > 0 {
		r.Cores = readings.Between(from, to).Total.Seconds() / whole.Window.Seconds
	}
	r.GrownMiB = float64(readings.At(to).RSS-readings.At(from).RSS) / (1 << 20)
	return r
}

// floodTable is the outcome in Markdown.
func floodTable(runs []floodRun) string {
	rows := [][]string{{"flood", "sent/s", "received/s", "lost of the meeting's", "server cores", "µs a datagram",
		"memory, MiB"}}
	for _, r := range runs {
		rows = append(rows, []string{r.Kind, figures.Number(r.Sent, 0), figures.Number(r.Received, 0),
			fmt.Sprintf("%d of %d", r.Lost, r.Packets+r.Lost), figures.Number(r.Cores, 2), figures.Number(r.Micros, 2),
			figures.Number(r.GrownMiB, 1)})
	}
	return figures.Markdown(rows)
}
