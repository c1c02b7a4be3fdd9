package client

import (
	"strings"
	"testing"

	"conclave/bots/path"
	"conclave/bots/publish"
)

const answerSDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0 1 2\r\n" +
	"a=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 AA\r\n" +
	"a=candidate:1 1 udp 1 192.0.2.1 443 typ host\r\na=candidate:2 1 tcp 1 192.0.2.1 443 typ host tcptype passive\r\n" +
	"a=candidate:3 1 udp 1 2001:db8::1 443 typ host\r\na=candidate:4 1 udp 1 name.local 443 typ host\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n" +
	"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:4 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\n" +
	"a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n" +
	"a=ssrc-group:FID 300 301\r\na=ssrc:300 cname:x\r\na=ssrc:301 cname:x\r\n" +
	"a=extmap:5/sendonly http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n" +
	"m=video 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=inactive\r\n"

func TestAnAnswerIsUnderstood(t *testing.T) {
	a, err := parseAnswer(answerSDP)
	if err != nil {
		t.Fatal(err)
	}
	lines := a.lines
	if a.credentials != (path.Credentials{Ufrag: "u", Pwd: "p"}) || a.fingerprint != "sha-256 AA" ||
		len(a.candidates) != 2 || a.candidates[1].String() != "[2001:db8::1]:443" ||
		len(a.tcp) != 1 || a.tcp[0].String() != "192.0.2.1:443" {
		t.Errorf("%+v", a)
	}
	want := []mediaLine{
		{mid: "0", ext: publish.Extensions{MID: 1, AudioLevel: 4}},
		{
			mid: "1", video: true, sending: true, ext: publish.Extensions{TWCC: 5}, ssrc: 300, rtx: 301,
			rtxType: 97,
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
		{"extmap:1 ", "extmap:16 "}, {"rtpmap:111", "rtpmap:128"}, {"a=ssrc:300 ", "a=ssrc:x "}, {"v=0", "x"}, {"a=ice-ufrag:u", "a=x"},
		{"a=ice-pwd:p", "a=x"}, {"a=fingerprint", "a=x"},
	} {
		if _, err := parseAnswer(strings.Replace(answerSDP, change[0], change[1], 1)); err == nil {
			t.Errorf("%q was accepted", change[1])
		}
	}
}

// FuzzParseAnswer checks that no answer makes a bot fail.
func FuzzParseAnswer(f *testing.F) {
	f.Add(answerSDP)
	f.Add("v=0\r\n")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = parseAnswer(text) })
}
