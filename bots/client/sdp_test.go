package client

import (
	"strings"
	"testing"

	"conclave/bots/publish"
)

const answerSDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0 1 2\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n" +
	"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:4 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\n" +
	"a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n" +
	"a=ssrc-group:FID 300 301\r\na=ssrc:300 cname:x\r\na=ssrc:301 cname:x\r\n" +
	"a=extmap:5/sendonly http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n" +
	"m=video 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=inactive\r\n"

func TestAnAnswerIsUnderstood(t *testing.T) {
	lines, err := parseAnswer(answerSDP)
	if err != nil {
		t.Fatal(err)
	}
	want := []mediaLine{
		{mid: "0", ext: publish.Extensions{MID: 1, AudioLevel: 4}, payload: 111},
		{
			mid: "1", video: true, sending: true, ext: publish.Extensions{TWCC: 5}, ssrc: 300, rtx: 301,
			payload: 96, rtxType: 97,
		},
		{mid: "2", video: true, rejected: true},
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("m-line %d: %+v, want %+v", i, lines[i], want[i])
		}
	}
}

func TestBadAnswersAreRefused(t *testing.T) {
	for _, change := range [][2]string{
		{"extmap:1 ", "extmap:16 "}, {"rtpmap:111", "rtpmap:128"}, {"a=ssrc:300 ", "a=ssrc:x "}, {"v=0", "x"},
	} {
		if _, err := parseAnswer(strings.Replace(answerSDP, change[0], change[1], 1)); err == nil {
			t.Errorf("%q was accepted", change[1])
		}
	}
}

func TestCandidatesStayHome(t *testing.T) {
	text := "a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\na=sendonly\r\n"
	if got := stripCandidates(text); got != "a=mid:0\r\na=sendonly\r\n" {
		t.Errorf("%q", got)
	}
}

// FuzzParseAnswer checks that no answer makes a bot fail.
func FuzzParseAnswer(f *testing.F) {
	f.Add(answerSDP)
	f.Add("v=0\r\n")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = parseAnswer(text) })
}
