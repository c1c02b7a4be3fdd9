package forward

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"conclave/sfu/rtpview"
	"conclave/sfu/wiretest"
)

// isFull says whether a compound is one of RFC 3550 §6.1: reports first, then a CNAME for each, then the rest.
func isFull(packets []rtcp.Packet) bool {
	named := map[uint32]bool{}
	var reports []uint32
	for i, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			reports = append(reports, p.SSRC)
		case *rtcp.ReceiverReport:
			reports = append(reports, p.SSRC)
		case *rtcp.SourceDescription:
			for _, c := range p.Chunks {
				named[c.Source] = len(c.Items) == 1 && c.Items[0].Type == rtcp.SDESCNAME && c.Items[0].Text == rtpview.CNAME
			}
		default:
			if i == 0 || len(named) == 0 {
				return false
			}
		}
	}
	for _, ssrc := range reports {
		if !named[ssrc] {
			return false
		}
	}
	return len(reports) > 0
}

func TestAPeerThatDidNotOfferReducedSizeGetsFullCompoundsOnly(t *testing.T) {
	r := newRig(t)
	p := r.join(1, options{})
	p.c.TakesReducedSize(false)
	for name, send := range map[string]func(){
		"a request for a key frame": func() { p.c.sendRTCP(&rtcp.PictureLossIndication{MediaSSRC: 5}) },
		"a NACK": func() {
			p.c.sendRTCP(&rtcp.TransportLayerNack{MediaSSRC: 5, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{7})})
		},
		"a receiver report": func() { p.c.sendRTCP(&rtcp.ReceiverReport{SSRC: 9}) },
		"sender reports":    func() { p.c.sendRTCP(&rtcp.SenderReport{SSRC: 9}, &rtcp.SenderReport{SSRC: 10}) },
		"a pulse": func() {
			p.c.spoke.Store(false)
			r.engine.Pulse([]*Connection{p.c}, time.Now())
		},
	} {
		send()
		if got := p.Report(name); !isFull(got) {
			t.Errorf("%s is %v", name, got)
		}
	}
}

// What the engine sends by itself goes the same way: a real publisher's key frame is asked for in a full compound.
func TestAKeyFrameIsAskedForInAFullCompoundWithoutReducedSize(t *testing.T) {
	r := newRig(t)
	alice := r.join(1, options{}).live()
	alice.c.TakesReducedSize(false)
	bob := r.join(2, options{}).watch(alice)
	alice.RTP(wiretest.Video(5, 1, "q"))
	wiretest.Eventually(t, "a picture", func() bool { return bob.shown() > 0 })
	alice.camera.layers[0].RequestKey(time.Now().Add(time.Minute))
	for {
		got := alice.Report("a request for a key frame")
		if !isFull(got) {
			t.Fatalf("%v", got)
		}
		if _, ok := got[len(got)-1].(*rtcp.PictureLossIndication); ok {
			return
		}
	}
}

func TestReducedSizeIsSentToWhoOfferedIt(t *testing.T) {
	r := newRig(t)
	p := r.join(1, options{})
	p.c.TakesReducedSize(true)
	p.c.sendRTCP(&rtcp.PictureLossIndication{MediaSSRC: 5})
	if got := p.Report("a request for a key frame"); len(got) != 1 {
		t.Errorf("%v", got)
	}
}
