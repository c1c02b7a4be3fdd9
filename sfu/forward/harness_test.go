package forward

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport"
	"conclave/sfu/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testLimits = Limits{Streams: 14, Rebinds: 256, PacketsPerSecond: 4000, RTCPPerSecond: 600, AudioSlots: 50,
	VideoSlots: 50}

// rig is an engine on the loopback, and who is connected to it.
type rig struct {
	t      testing.TB
	engine *Engine

	mu    sync.Mutex
	peers []*peer
}

// newRig makes an engine that nothing drives but what arrives, and ticks that look for RTCP.
func newRig(t testing.TB) *rig {
	t.Helper()
	return newRigOf(t, 1)
}

// newRigOf has so many workers.
func newRigOf(t testing.TB, workers int) *rig {
	t.Helper()
	network, err := transport.Open(transport.Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
		Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return rigOn(t, network)
}

// rigOn makes an engine on a network.
func rigOn(t testing.TB, network *transport.Network) *rig {
	t.Helper()
	r := &rig{t: t}
	var err error
	if r.engine, err = New(network, testLimits, nil); err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go r.poll(stop, done)
	t.Cleanup(func() {
		close(stop)
		<-done
		for _, p := range r.list() {
			p.c.transport.Close()
		}
		if err := r.engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// poll has RTCP acted on that waits because no media comes, as package sfu does.
func (r *rig) poll(stop, done chan struct{}) {
	defer close(done)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-stop:
			tick.Stop()
			return
		case <-tick.C:
			r.engine.Poll(time.Now())
		}
	}
}

// drive does what is due by time, as package sfu does, until the test ends.
func (r *rig) drive() *rig {
	stop, done := make(chan struct{}), make(chan struct{})
	r.t.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			for _, p := range r.list() {
				p.tick(time.Now(), n)
			}
		}
	}()
	return r
}

func (p *peer) tick(now time.Time, n int) {
	if p.changed.Swap(false) || n%5 == 0 {
		var retired Retired
		p.c.out.Tidy(now, &retired)
		retired.Clear()
	}
	p.c.Repair(now)
	if n%5 == 0 {
		p.c.SendFeedback()
	}
	if n%50 == 0 {
		p.c.Measure(now)
		p.c.Report(now)
	}
}

func (r *rig) list() []*peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*peer(nil), r.peers...)
}

// peer publishes a camera of three layers and a microphone, and has a slot for each.
type peer struct {
	*wiretest.Endpoint
	c           *Connection
	camera, mic *Track
	told        chan string // what is refused
	changed     atomic.Bool
}

type options struct {
	codec  codec.Kind // of the camera, taken by the slot beside VP8; Opus, the zero value, stands for VP8
	twcc   bool       // it can say what it receives
	remb   bool
	sframe bool // what it publishes must be encrypted
}

func (r *rig) join(id media.ParticipantID, opt options) *peer {
	r.t.Helper()
	p := &peer{Endpoint: wiretest.New(r.t, r.engine.network.Locals()[0].Addr), told: make(chan string, 100)}
	p.c = r.engine.Connect("", id, p)
	formats := map[codec.Kind]codec.Format{codec.Opus: {Codec: codec.Opus, PT: 111}}
	for kind, pt := range wiretest.PayloadTypes() {
		if kind != codec.Opus {
			formats[kind] = codec.Format{Codec: kind, PT: pt, RTX: pt + 1}
		}
	}
	kind := max(opt.codec, codec.VP8)
	p.camera = NewTrack(&TrackConfig{Owner: id, Source: media.Camera, MID: "1", Format: formats[kind],
		RIDs:          []string{"q", "h", "f"},
		Extensions:    rtpview.Extensions{MID: wiretest.ExtMID, RID: wiretest.ExtRID, RepairedRID: wiretest.ExtRepairedRID},
		RequireSFrame: opt.sframe})
	p.mic = NewTrack(&TrackConfig{Owner: id, Source: media.Mic, MID: "0", Format: formats[codec.Opus],
		Extensions: rtpview.Extensions{MID: wiretest.ExtMID, AudioLevel: wiretest.ExtAudioLevel}, RequireSFrame: opt.sframe})
	p.c.Publish(p.camera, nil)
	p.c.Publish(p.mic, nil)
	video := SlotConfig{MID: "2", Video: true, Formats: []codec.Format{formats[codec.VP8]}, REMB: opt.remb}
	if kind != codec.VP8 {
		video.Formats = append(video.Formats, formats[kind])
	}
	audio := SlotConfig{MID: "3", Formats: []codec.Format{formats[codec.Opus]}}
	if opt.twcc {
		video.TWCC, audio.TWCC = wiretest.ExtTWCC, wiretest.ExtTWCC
	}
	p.c.out.AddSlot(&video)
	p.c.out.AddSlot(&audio)
	p.Adopt(p.c.transport)
	r.mu.Lock()
	r.peers = append(r.peers, p)
	r.mu.Unlock()
	return p
}

// live has both sources forwarded.
func (p *peer) live() *peer {
	p.camera.SetLive(true)
	p.mic.SetLive(true)
	return p
}

// watch has the slots carry what other publishes, its lowest layer.
func (p *peer) watch(other *peer) *peer {
	video, audio := p.c.out.Slots()[0], p.c.out.Slots()[1]
	video.temporal, video.passing = allTemporal, allTemporal
	video.Carry(other.camera.layers[0], time.Now())
	audio.Carry(other.mic.layers[0], time.Now())
	return p
}

// The owner of a connection.
func (p *peer) Connected()                       {}
func (p *peer) Failed(transport.Cause)           {}
func (p *peer) Stuck(transport.Cause)            {}
func (p *peer) Wanted(media.Source, []string)    {}
func (p *peer) NotEncrypted(source media.Source) { p.told <- source.String() }
func (p *peer) Changed()                         { p.changed.Store(true) }
func (p *peer) LevelChanged(*Track)              {}
func (p *peer) EstimateChanged()                 {}

// shown says how many packets the peer's slot of video has sent.
func (p *peer) shown() uint32 {
	p.c.out.mu.Lock()
	defer p.c.out.mu.Unlock()
	return p.c.out.slots[0].packets
}

// film sends a camera at 50 packets a second and speech beside it, until the test ends.
func (p *peer) film() {
	stop, done := make(chan struct{}), make(chan struct{})
	p.T.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		for seq := uint16(1); seq < 3000; seq++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			v := wiretest.Video(5, seq, "q")
			v.Payload = append(v.Payload, make([]byte, 900)...)
			p.RTP(v)
			p.RTP(wiretest.Audio(seq, 20))
		}
	}()
}

// watched is a publisher of a camera and a viewer of it that can say what it receives.
func watched(t testing.TB) (r *rig, publisher, viewer *peer) {
	t.Helper()
	r = newRig(t).drive()
	publisher = r.join(1, options{}).live()
	viewer = r.join(2, options{twcc: true}).watch(publisher)
	return r, publisher, viewer
}

// testWorker is a worker that nobody runs, whose messages go nowhere.
func testWorker(e *Engine, to batch.Sender) *worker {
	w := &worker{engine: e, cache: cache{}}
	w.seal.scratch = make([]byte, 0, batch.MaxDatagram+16)
	w.out = []*outbox{newOutbox(arenaBytes, &w.counters)}
	w.out[0].sender = to
	w.openSharing(len(e.mates))
	return w
}

// feed forwards datagrams from p in one batch.
func (w *worker) feed(p *peer, now time.Time, sealed ...[]byte) {
	list := make([]batch.Datagram, len(sealed))
	for i := range sealed {
		list[i] = batch.Datagram{Data: sealed[i], From: p.Address()}
	}
	w.take(list, now)
	w.finish(now)
}

func dropped(e *Engine, r drop.Reason) (n uint64) {
	for _, s := range e.Senders() {
		n += s.Drops[r].Load()
	}
	return n
}

func receivedBy(e *Engine) (n uint64) {
	for _, s := range e.Senders() {
		n += s.Received.Load()
	}
	return n
}

// drained waits until the engine has looked at everything sent so far, which is n datagrams more than before.
func drained(t testing.TB, e *Engine, before, n uint64) {
	t.Helper()
	wiretest.Eventually(t, "what was sent is looked at", func() bool { return receivedBy(e) >= before+n })
	time.Sleep(5 * time.Millisecond) // the batch in hand
}
