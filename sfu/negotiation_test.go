package sfu

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/codec"
)

// A client may offer any number of receiving m-lines: no more than the limit become slots, and each knows what its
// viewer takes.
func TestSlotsAreBounded(t *testing.T) {
	room := newRoom(testServer(t), media.RoomConfig{})
	a := newAttacker(t, room, 1)
	const video = "m=video 9 UDP/TLS/RTP/SAVPF 98 99 96 97\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n" +
		"a=rtpmap:97 rtx/90000\r\n" +
		"a=fmtp:97 apt=96\r\na=rtpmap:98 VP9/90000\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=mid:v%d\r\n"
	const audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n" +
		"a=mid:a%d\r\n"
	var lines, group strings.Builder
	for i := range 60 {
		fmt.Fprintf(&lines, video+audio, i, i)
		fmt.Fprintf(&group, " v%d a%d", i, i)
	}
	bundled := strings.Replace(attackerOffer, "BUNDLE 0 1 2 3", "BUNDLE 0 1 2 3"+group.String(), 1)
	answer := a.renegotiate(bundled + lines.String())
	if got, want := strings.Count(answer, "a=sendonly\r\n"), MaxAudioSlots+MaxVideoSlots; got != want {
		t.Errorf("%d slots are announced, want %d", got, want)
	}
	inAudio, inVideo := a.connection.audio, a.connection.video
	if len(inAudio) != MaxAudioSlots || len(inVideo) != MaxVideoSlots {
		t.Errorf("%d audio and %d video slots", len(inAudio), len(inVideo))
	}
	if e := a.connection.Egress(); !e.Takes(codec.VP8) || e.Takes(codec.AV1) {
		t.Error("the slots take other codecs than the viewer")
	}
}

// A peer that makes no checks any more is lost; the meeting is told once.
func TestTheMeetingIsToldThatAPeerIsLost(t *testing.T) {
	room, publishers, _ := meet(t, 1, clientOptions{video: 1})
	failed := make(chan string, 9)
	p := publishers[0].peer
	room.listen(1, func(e media.Event) {
		if e.Kind == media.EventFailed {
			failed <- e.Cause
		}
	})
	now := time.Now()
	for _, silent := range []time.Duration{26 * time.Second, 28 * time.Second, time.Minute} {
		p.connection.Report(now.Add(silent))
	}
	if reason := <-failed; reason != "ice_timeout" {
		t.Errorf("failed for %q", reason)
	}
	if len(failed) != 0 {
		t.Error("told twice")
	}
}
