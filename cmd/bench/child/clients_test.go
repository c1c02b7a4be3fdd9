package child

import (
	"testing"

	"github.com/pion/sdp/v3"
)

func TestClientsOfferIsSDP(t *testing.T) {
	const own = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AA\r\nm=audio 9 " +
		"UDP/TLS/RTP/SAVPF 111\r\n" +
		"c=IN IP4 0.0.0.0\r\na=setup:actpass\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:efgh\r\n"
	var d sdp.SessionDescription
	if err := d.UnmarshalString(slotsOffer(own, 4, 9)); err != nil {
		t.Fatal(err)
	}
	if len(d.MediaDescriptions) != 13 {
		t.Fatalf("%d m-lines", len(d.MediaDescriptions))
	}
	for i, m := range d.MediaDescriptions {
		if ufrag, _ := m.Attribute("ice-ufrag"); ufrag != "abcd" {
			t.Errorf("m-line %d has the ufrag %q", i, ufrag)
		}
		if _, ok := m.Attribute("recvonly"); !ok || (m.MediaName.Media == "audio") != (i < 4) {
			t.Errorf("m-line %d is %q, receiving %v", i, m.MediaName.Media, ok)
		}
	}
}

func TestClientsSeeTheFirstLineOfAnAnswer(t *testing.T) {
	got := firstLineOf("v=0\r\na=group:BUNDLE 0 1\r\nm=audio 9 X 111\r\na=mid:0\r\na=sendonly\r\na=msid:a b\r\n" +
		"a=ssrc:1 cname:x\r\na=candidate:1\r\nm=video 9 X 96\r\na=mid:1\r\n")
	want := "v=0\r\na=group:BUNDLE 0\r\nm=audio 9 X 111\r\na=mid:0\r\na=inactive\r\na=candidate:1\r\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
