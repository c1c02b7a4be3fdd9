package sfu

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"conclave/media"
	"conclave/sfu/transport"
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
		if reason != "fingerprint_mismatch" {
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

// A participant with each SRTP profile is seen by one with each other: what one seals in one way, all others open in
// theirs.
func TestEachSRTPProfileIsForwardedToEachOther(t *testing.T) {
	profiles := []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM,
		dtls.SRTP_AES128_CM_HMAC_SHA1_80}
	room := newRoom(testServer(t), media.RoomConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	clients := map[media.ParticipantID]*client{}
	for i, p := range profiles {
		id := media.ParticipantID(i + 1)
		c := newClient(t, room, id, clientOptions{layers: 1, video: 2, profiles: []dtls.SRTPProtectionProfile{p}})
		clients[id] = c
		c.negotiate()
		c.waitUp()
		setLive(c.peer, media.Sources(media.Camera))
		go c.runCamera(ctx, 3)
	}
	for to, viewer := range clients {
		var others []media.ParticipantID
		for from := range clients {
			if from != to {
				others = append(others, from)
			}
		}
		viewer.peer.SetView(wantsOf(others...))
		for _, from := range others {
			wiretest.Eventually(t, fmt.Sprintf("participant %d sees participant %d", to, from), func() bool {
				mid, ok := viewer.slotOf(from, media.Camera)
				return ok && len(viewer.packets(mid)) > 30
			})
		}
	}
}

// A client without an SRTP profile of ours is told so, and its next offer makes another connection.
func TestAClientWithoutACommonProfileIsToldSo(t *testing.T) {
	srv, err := Listen(Config{Listen: []netipAddrPort{mustAddrPort("127.0.0.1:0")}, GCMOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.pin()
	t.Cleanup(func() { _ = srv.Close() })
	room := newRoom(srv, media.RoomConfig{})
	c := newClient(t, room, 1, clientOptions{video: 1,
		profiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}})
	failed := make(chan string, 1)
	room.listen(1, func(e media.Event) {
		if e.Kind == media.EventFailed {
			failed <- e.Cause
		}
	})
	c.negotiate()
	again := candidateLine.ReplaceAllString(c.pc.LocalDescription().SDP, "") // the client closes when it fails
	select {
	case cause := <-failed:
		if cause != "no_common_srtp_profile" {
			t.Errorf("failed for %q", cause)
		}
	case <-time.After(wiretest.Patience):
		t.Fatal("not told")
	}
	counted := srv.troubles[trouble{media.EventFailed, transport.CauseNoProfile}].Load()
	if counted != 1 {
		t.Errorf("counted %d times", counted)
	}
	before := c.peer.connection
	if _, err := c.peer.Negotiate(t.Context(), again, c.tracks); err != nil {
		t.Fatal(err)
	}
	if c.peer.connection == before {
		t.Error("the next offer was answered with the connection that failed")
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
