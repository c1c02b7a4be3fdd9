package sfu

import (
	"context"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/wiretest"
)

// Whoever's certificate does not match the fingerprint of the offer gets no keys: the signalling vouches for the media.
func TestAnotherCertificateThanTheOffersGetsNoKeys(t *testing.T) {
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	failed := make(chan string, 1)
	c := newClient(t, room, 1, clientOptions{video: 1})
	room.listen(1, func(e media.Event) {
		switch e.Kind {
		case media.EventFailed:
			failed <- e.Cause
		case media.EventConnected:
			c.up <- struct{}{}
		default:
		}
	})
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	sdp := candidateLine.ReplaceAllString(c.pc.LocalDescription().SDP, "")
	_, fingerprint, _ := strings.Cut(sdp, "a=fingerprint:sha-256 ")
	fingerprint, _, _ = strings.Cut(fingerprint, "\r\n")
	other := strings.Repeat("AB:", 31) + "AB"
	answer, err := c.peer.Negotiate(context.Background(), strings.ReplaceAll(sdp, fingerprint, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.answered(answer)
	select {
	case reason := <-failed:
		if reason != "dtls" {
			t.Errorf("failed for %q", reason)
		}
	case <-c.up:
		t.Fatal("media came up with a stranger")
	case <-time.After(wiretest.Patience):
		t.Fatal("nothing happened")
	}
	if c.peer.connection.Transport().Keys() != nil {
		t.Error("keys were installed")
	}
}

// The rate of what is forwarded is known, so that admission can stop before the link is full.
func TestTheEgressRateIsMeasured(t *testing.T) {
	room, _, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "a rate near two packets of 230 bytes thirty times a second", func() bool {
		rate := room.server.EgressBitrate()
		return rate > 50_000 && rate < 500_000
	})
}
