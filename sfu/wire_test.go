package sfu

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/rtp"
	"github.com/pion/transport/v5/vnet"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/codec"
	"conclave/sfu/wiretest"
)

// lossyNetwork is a virtual network with a server and any number of hosts: 50 ms each way, and, once lossy is set, one
// packet in twenty lost.
type lossyNetwork struct {
	router *vnet.Router
	server *Server
	lossy  atomic.Bool
	hosts  int
}

func newLossyNetwork(t *testing.T) *lossyNetwork {
	t.Helper()
	n := &lossyNetwork{}
	var err error
	n.router, err = vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.0.0.0/8", MinDelay: 50 * time.Millisecond,
		QueueSize: 100_000, LoggerFactory: logging.NewDefaultLoggerFactory()})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	n.router.AddChunkFilter(func(vnet.Chunk) bool {
		mu.Lock()
		defer mu.Unlock()
		return !n.lossy.Load() || random.Float64() >= 0.05
	})
	host, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{"10.9.9.9"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.router.AddNet(host); err != nil {
		t.Fatal(err)
	}
	if err := n.router.Start(); err != nil {
		t.Fatal(err)
	}
	pc, err := host.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 9, 9, 9), Port: 5000})
	if err != nil {
		t.Fatal(err)
	}
	n.server, err = Listen(Config{Sockets: [][]batch.Conn{{batch.FromPacketConn(pc)}}})
	if err != nil {
		t.Fatal(err)
	}
	n.server.pin()
	t.Cleanup(func() {
		if err := n.server.Close(); err != nil {
			t.Error(err)
		}
		_ = n.router.Stop()
	})
	return n
}

func (n *lossyNetwork) host(t *testing.T) *vnet.Net {
	t.Helper()
	n.hosts++
	host, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{fmt.Sprintf("10.1.0.%d", n.hosts)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.router.AddNet(host); err != nil {
		t.Fatal(err)
	}
	return host
}

// received is one packet as a subscriber's depacketizer sees it.
type received struct {
	rtp.Packet
	info  codec.Info
	layer int
}

// bySeq sorts a slot's packets by extended sequence number and drops repeats.
func bySeq(t *testing.T, packets []rtp.Packet) []received {
	t.Helper()
	all := map[uint64]received{}
	var highest uint64
	for i, p := range packets {
		ext := uint64(p.SequenceNumber) + 1<<16
		if i > 0 {
			ext = uint64(int64(highest) + int64(int16(p.SequenceNumber-uint16(highest))))
		}
		highest = max(highest, ext)
		if len(p.Payload) == 0 {
			continue
		}
		info, err := codec.Parse(codec.VP8, p.Payload)
		if err != nil {
			t.Fatalf("a forwarded payload does not parse: %v", err)
		}
		all[ext] = received{Packet: p, info: info, layer: int(p.Payload[len(p.Payload)-1] >> 4)}
	}
	var out []received
	for _, ext := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[ext])
	}
	return out
}

// assertContinuous checks what a decoder relies on: no hole but for residual loss, time and picture ids that go on, and
// changes of layer or owner only at key frames.
func assertContinuous(t *testing.T, packets []received) (switches int) {
	t.Helper()
	missing := 0
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		gap := b.SequenceNumber - a.SequenceNumber - 1
		if !switchesSoon(packets[i:]) { // what was lost of the old layer just before is not worth mending
			missing += int(gap)
		}
		if step := int32(b.Timestamp - a.Timestamp); step < 0 || step > 2*90000 {
			t.Errorf("packet %d: timestamp steps by %d", b.SequenceNumber, step)
		}
		switched := a.layer != b.layer || a.CSRC[0] != b.CSRC[0]
		if switched {
			switches++
			if !b.info.KeyStart && gap == 0 {
				t.Errorf("packet %d: switched in the middle of the stream", b.SequenceNumber)
			}
		}
		if gap > 0 {
			continue
		}
		if a.Marker != b.info.FrameStart && !switched { // a switch may cut the old layer's last frame short
			t.Errorf("packet %d: marker %v before frame start %v", b.SequenceNumber, a.Marker, b.info.FrameStart)
		}
		wantID, wantTL0 := a.info.PictureID, a.info.TL0PicIdx
		if b.info.FrameStart {
			wantID = (wantID + 1) & 0x7fff
			if b.info.TID == 0 {
				wantTL0++
			}
		}
		if b.info.PictureID != wantID || b.info.TL0PicIdx != wantTL0 {
			t.Errorf("packet %d: picture %d/%d after %d/%d, frame start %v", b.SequenceNumber,
				b.info.PictureID, b.info.TL0PicIdx, a.info.PictureID, a.info.TL0PicIdx, b.info.FrameStart)
		}
	}
	if len(packets) == 0 || missing*200 > len(packets) {
		t.Errorf("%d of %d packets are missing after retransmission", missing, len(packets)+missing)
	}
	return switches
}

// switchesSoon says whether layer or owner change within a tenth of a second of video.
func switchesSoon(packets []received) bool {
	for i := 1; i < min(len(packets), 10); i++ {
		if packets[i].layer != packets[i-1].layer || packets[i].CSRC[0] != packets[i-1].CSRC[0] {
			return true
		}
	}
	return false
}

// With 5 % loss and 50 ms each way, a subscriber's one video slot goes through a layer switch and a re-assignment to
// another participant, and what it receives is one continuous stream, mended by RTX.
func TestOneStreamThroughLossLayerSwitchAndReassignment(t *testing.T) {
	network := newLossyNetwork(t)
	room := newRoom(network.server, media.RoomConfig{})
	alice := newClient(t, room, 1, clientOptions{net: network.host(t), layers: 3})
	carol := newClient(t, room, 3, clientOptions{net: network.host(t), layers: 1})
	bob := newClient(t, room, 2, clientOptions{net: network.host(t), video: 1})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []*client{alice, carol, bob} {
		c.negotiate()
		c.waitUp()
	}
	for _, c := range []*client{alice, carol} {
		setLive(c.peer, media.Sources(media.Camera))
		go c.runCamera(ctx, 3)
	}
	network.lossy.Store(true)
	var mid string
	sees := func(id media.ParticipantID, height int) {
		t.Helper()
		bob.peer.SetView([]media.Want{{Participant: id, Source: media.Camera, Height: height}})
		wiretest.Eventually(t, fmt.Sprintf("participant %d at %d", id, height), func() bool {
			var ok bool
			mid, ok = bob.slotOf(id, media.Camera)
			bob.mu.Lock()
			defer bob.mu.Unlock()
			return ok && bob.slots[mid].Height == height
		})
		already := len(bob.packets(mid))
		wiretest.Eventually(t, "a second and a half of it", func() bool { return len(bob.packets(mid)) > already+130 })
	}
	sees(1, 360)
	sees(1, 720)
	sees(3, 720)
	sees(1, 180)
	network.lossy.Store(false)
	time.Sleep(500 * time.Millisecond) // what is lost comes again within some round trips of 100 ms
	packets := bySeq(t, bob.packets(mid))
	if n := assertContinuous(t, packets[:len(packets)-20]); n != 3 {
		t.Errorf("the stream switched %d times, want 3", n)
	}
	if network.server.engine.Senders()[0].Retransmitted.Load() == 0 {
		t.Error("nothing was retransmitted")
	}
	logStats(t, network.server)
}
