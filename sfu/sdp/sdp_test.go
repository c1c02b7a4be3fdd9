package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	pionsdp "github.com/pion/sdp/v3"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/rtpview"
)

// browserOffer is a real offer: microphone, camera as simulcast, one receiving video m-line, a data channel.
func browserOffer(tb testing.TB, browser string) string {
	tb.Helper()
	b, err := os.ReadFile("testdata/offer-" + browser + ".sdp")
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// sessionLines begin an offer that has all it needs but m-lines.
const sessionLines = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 " +
	"0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
	"a=fingerprint:sha-256 AA:BB\r\na=group:BUNDLE a v s av1 vp9 slot h264\r\n"

// audioLines and videoLines are m-lines as short as they can be.
func audioLines(mid string, more ...string) string {
	return mediaLines("m=audio 9 UDP/TLS/RTP/SAVPF 111", mid, append([]string{"rtpmap:111 opus/48000/2"}, more...)...)
}

func videoLines(mid string, more ...string) string {
	return mediaLines("m=video 9 UDP/TLS/RTP/SAVPF 96 97", mid,
		append([]string{"rtpmap:96 VP8/90000", "rtpmap:97 rtx/90000", "fmtp:97 apt=96"}, more...)...)
}

func mediaLines(m, mid string, attributes ...string) string {
	text := m + "\r\nc=IN IP4 0.0.0.0\r\na=mid:" + mid + "\r\na=rtcp-mux\r\n"
	for _, a := range attributes {
		text += "a=" + a + "\r\n"
	}
	return text
}

func parsed(tb testing.TB, raw string) *Offer {
	tb.Helper()
	o, err := Parse(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

// answered answers o with the given sources by mid, and slots for what else the offer receives.
func answered(o *Offer, sources map[string]media.Source) (*Answer, string) {
	a := &Answer{Ufrag: "ourUfrag", Pwd: "ourPassword0123456789abc", Fingerprint: "sha-256 01:23", SessionID: 7,
		Version: 1,
		Candidates: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:4000"),
			netip.MustParseAddrPort("[2001:db8::1]:4000")},
		Send: map[string]SendLine{}, Sources: sources}
	for i := range o.Media {
		m := &o.Media[i]
		if _, sends := sources[m.MID]; !sends && m.CanSlot() {
			line := SendLine{Index: len(a.Send), SSRC: uint32(1000 + i), TWCC: m.Extensions.TWCC}
			if m.Formats[0].RTX != 0 {
				line.RTX = uint32(2000 + i)
			}
			a.Send[m.MID] = line
		}
	}
	answer := a.Write(o)
	return a, answer
}

// answerLine is every line an answer may have. What is taken from the offer (mids, kinds, payload types, extension ids,
// RIDs) can be nothing but what the SFU knows, or a token.
var answerLine = sync.OnceValue(func() *regexp.Regexp {
	const token = `[!#$%&'*+\-.0-9A-Z^_{|}~a-z` + "`" + `]+`
	const mid = token
	return regexp.MustCompile(`^(` + strings.Join([]string{
		`v=0`, `o=- \d+ \d+ IN IP4 127\.0\.0\.1`, `s=-`, `t=0 0`, `a=group:BUNDLE( ` + mid + `)+`, `a=ice-lite`,
		`a=msid-semantic: WMS \*`,
		`m=` + token + ` 0 \S+ \S+`, `m=(audio|video) 9 (UDP/TLS/)?RTP/S?AVPF?( \d{1,3}){1,8}`, `c=IN IP4 0\.0\.0\.0`,
		`a=ice-ufrag:ourUfrag`, `a=ice-pwd:ourPassword0123456789abc`, `a=fingerprint:sha-256 01:23`, `a=setup:passive`,
		`a=mid:` + mid,
		`a=rtcp-mux`, `a=rtcp-rsize`, `a=rtpmap:\d{1,3} (opus/48000/2|(VP8|VP9|AV1|H264|rtx)/90000)`,
		`a=fmtp:\d{1,3} (minptime=10;useinbandfec=1;usedtx=1|apt=\d{1,3}|profile-id=0|` +
			`level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f|` +
			`((level-idx|profile|tier)=\d{1,2};?){1,3})`,
		`a=rtcp-fb:\d{1,3} (nack|nack pli|transport-cc|goog-remb)`, `a=(inactive|recvonly|sendonly)`, `a=extmap:\d{1,2} (` +
			regexp.QuoteMeta(URIMID) + `|` +
			regexp.QuoteMeta(URIRID) + `|` + regexp.QuoteMeta(URIRepairedRID) + `|` + regexp.QuoteMeta(URIAudioLevel) + `|` +
			regexp.QuoteMeta(URITWCC) + `)`,
		`a=rid:[qhf] recv`, `a=simulcast:recv [qhf](;[qhf])*`, `a=msid:s\d+ ` + mid, `a=ssrc-group:FID \d+ \d+`,
		`a=ssrc:\d+ cname:conclave`,
		`a=candidate:\d+ 1 udp \d+ [0-9a-f.:]+ \d+ typ host`, `a=end-of-candidates`,
	}, "|") + `)$`)
})

// checkAnswer asserts what holds of the answer to any offer.
func checkAnswer(tb testing.TB, o *Offer, p *Answer, answer string) {
	tb.Helper()
	known := answerLine()
	lines := strings.Split(answer, "\r\n")
	if lines[len(lines)-1] != "" {
		tb.Fatal("the last line has no end")
	}
	for _, line := range lines[:len(lines)-1] {
		if !known.MatchString(line) {
			tb.Fatalf("unexpected line %q", line)
		}
	}
	var desc pionsdp.SessionDescription
	if err := desc.UnmarshalString(answer); err != nil {
		tb.Fatalf("pion/sdp: %v\n%s", err, answer)
	}
	if len(desc.MediaDescriptions) != len(o.Media) {
		tb.Fatalf("%d m-lines for %d", len(desc.MediaDescriptions), len(o.Media))
	}
	var accepted []string
	candidates := 0
	for i, md := range desc.MediaDescriptions {
		mid, _ := md.Attribute("mid")
		if mid != o.Media[i].MID {
			tb.Fatalf("m-line %d has mid %q, the offer's is %q", i, mid, o.Media[i].MID)
		}
		for _, a := range md.Attributes {
			if a.Key == "candidate" {
				candidates++
			}
		}
		if md.MediaName.Port.Value != 0 {
			accepted = append(accepted, mid)
			checkAccepted(tb, &o.Media[i], p, md)
		}
	}
	bundle, hasBundle := desc.Attribute("group")
	if hasBundle != (o.Bundle && len(accepted) > 0) || hasBundle && bundle != "BUNDLE "+strings.Join(accepted, " ") {
		tb.Fatalf("group %q, accepted %v", bundle, accepted)
	}
	if want := min(len(accepted), 1) * len(p.Candidates); candidates != want {
		tb.Fatalf("%d candidates, want %d", candidates, want)
	}
}

func checkAccepted(tb testing.TB, m *Media, p *Answer, md *pionsdp.MediaDescription) {
	tb.Helper()
	_, source := p.Sources[m.MID]
	_, slot := p.Send[m.MID]
	if !m.usable() || md.MediaName.Media != m.Kind || !source && !slot {
		tb.Fatalf("accepted %+v", *m)
	}
	_, sends := md.Attribute("sendonly")
	_, receives := md.Attribute("recvonly")
	if sends && receives || sends && !slot {
		tb.Fatalf("m-line %s sends %v, receives %v", m.MID, sends, receives)
	}
	want := m.Formats
	if !sends {
		want = want[:1]
	}
	var pts []string
	for _, f := range want {
		if pts = append(pts, fmt.Sprint(f.PT)); f.RTX != 0 {
			pts = append(pts, fmt.Sprint(f.RTX))
		}
	}
	if !slices.Equal(md.MediaName.Formats, pts) {
		tb.Fatalf("m-line %s has formats %v, want %v", m.MID, md.MediaName.Formats, pts)
	}
}

func TestBrowsersOffersAreUnderstood(t *testing.T) {
	opus := func(pt uint8) []Format {
		return []Format{{Format: codec.Format{Codec: codec.Opus, PT: pt}, fmtp: "minptime=10;useinbandfec=1;usedtx=1"}}
	}
	vp8 := func(pt, rtx uint8) Format { return Format{Format: codec.Format{Codec: codec.VP8, PT: pt, RTX: rtx}} }
	vp9 := func(pt, rtx uint8) Format {
		return Format{Format: codec.Format{Codec: codec.VP9, PT: pt, RTX: rtx}, fmtp: "profile-id=0"}
	}
	av1 := func(pt, rtx uint8, fmtp string) Format {
		return Format{Format: codec.Format{Codec: codec.AV1, PT: pt, RTX: rtx}, fmtp: fmtp}
	}
	h264 := func(pt, rtx uint8) Format {
		return Format{Format: codec.Format{Codec: codec.H264, PT: pt, RTX: rtx}, fmtp: h264Answer}
	}
	chromiumAV1, firefox := av1(45, 46, "level-idx=5;profile=0;tier=0"),
		[]Format{vp8(120, 124), vp9(121, 125), av1(99, 100, "")}
	for _, c := range []struct {
		browser, ufrag, pwd string
		want                []Media
	}{
		{"chromium", "ld4j", "laFQoRBZYYOaLYf85tYcrv8x", []Media{
			{MID: "0", Kind: "audio", Direction: "sendrecv", Formats: opus(111),
				Extensions: rtpview.Extensions{MID: 4, AudioLevel: 1, TWCC: 3},
				SSRCs:      []uint32{1454016331}},
			{MID: "1", Kind: "video", REMB: true, Direction: "sendrecv",
				Formats:    []Format{vp8(96, 97), h264(108, 109), chromiumAV1, vp9(98, 99)},
				Extensions: rtpview.Extensions{MID: 4, RID: 10, RepairedRID: 11, TWCC: 3},
				RIDs:       []string{"q", "h", "f"}},
			{MID: "2", Kind: "video", REMB: true, Direction: "recvonly",
				Formats:    []Format{vp8(96, 97), vp9(98, 99), h264(108, 109), chromiumAV1},
				Extensions: rtpview.Extensions{MID: 4, RID: 10, RepairedRID: 11, TWCC: 3}},
		}},
		{"firefox", "b07ddb14", "5ae510a4660e98e589b6ccf2d1587db3", []Media{
			{MID: "0", Kind: "audio", Direction: "sendrecv", Formats: opus(109),
				Extensions: rtpview.Extensions{MID: 3, AudioLevel: 1, TWCC: 7},
				SSRCs:      []uint32{522891645}},
			{MID: "1", Kind: "video", REMB: true, Direction: "sendrecv", Formats: firefox,
				Extensions: rtpview.Extensions{MID: 3, RID: 9, RepairedRID: 10, TWCC: 7},
				RIDs:       []string{"q", "h", "f"}, SSRCs: []uint32{3725247705, 658956419}},
			{MID: "2", Kind: "video", REMB: true, Direction: "recvonly", Formats: firefox,
				Extensions: rtpview.Extensions{MID: 3, RID: 9, RepairedRID: 10, TWCC: 7},
				SSRCs:      []uint32{3687756190}},
		}},
	} {
		t.Run(c.browser, func(t *testing.T) {
			o := parsed(t, browserOffer(t, c.browser))
			if o.Ufrag != c.ufrag || o.Pwd != c.pwd || !strings.HasPrefix(o.Fingerprint, "sha-256 ") {
				t.Errorf("credentials %q %q %q", o.Ufrag, o.Pwd, o.Fingerprint)
			}
			if len(o.Media) != 4 || o.Media[3].Kind != "application" || len(o.Media[3].Formats) > 0 {
				t.Fatalf("%+v", o.Media)
			}
			for i, want := range c.want {
				got := o.Media[i]
				if !got.Mux || got.Profile != "UDP/TLS/RTP/SAVPF" {
					t.Errorf("m-line %d: %+v", i, got)
				}
				got.Mux, got.RSize, got.Profile, got.First, got.ufrag, got.pwd = false, false, "", "", "", ""
				if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
					t.Errorf("m-line %d is\n%+v, want\n%+v", i, got, want)
				}
			}
			p, answer := answered(o, map[string]media.Source{"0": media.Mic, "1": media.Camera})
			checkAnswer(t, o, p, answer)
			for _, line := range []string{"a=group:BUNDLE 0 1 2\r\n", "a=simulcast:recv q;h;f\r\n", "a=msid:s0 2\r\n",
				fmt.Sprintf("a=extmap:%d %s\r\n", c.want[1].Extensions.RID, URIRID)} {
				if !strings.Contains(answer, line) {
					t.Errorf("no %q in the answer:\n%s", line, answer)
				}
			}
		})
	}
}

func TestPortZeroWithBundleOnlyIsNoRejection(t *testing.T) {
	for attribute, want := range map[string]bool{"bundle-only": true, "sendrecv": false} {
		raw := sessionLines + audioLines("a") + strings.Replace(videoLines("v", "recvonly", attribute), "m=video 9",
			"m=video 0", 1)
		o := parsed(t, strings.Replace(raw, "a=sendrecv", "a=recvonly", 1))
		_, answer := answered(o, map[string]media.Source{"a": media.Mic})
		if got := strings.Contains(answer, "a=group:BUNDLE a v\r\n"); got != want {
			t.Errorf("%s: accepted %v", attribute, got)
		}
	}
}

func TestCandidatesAreInTheFirstAcceptedLine(t *testing.T) {
	o := parsed(t, sessionLines+strings.Replace(audioLines("a"), "m=audio 9", "m=audio 0", 1)+videoLines("v"))
	p, answer := answered(o, map[string]media.Source{"v": media.Camera})
	checkAnswer(t, o, p, answer)
	if at := strings.Index(answer, "a=candidate:"); at < strings.Index(answer, "m=video") {
		t.Errorf("candidates at %d:\n%s", at, answer)
	}
}

func TestNothingAcceptedIsAnsweredWithoutABundle(t *testing.T) {
	o := parsed(t, sessionLines+audioLines("a")+videoLines("v"))
	p, answer := answered(o, nil)
	checkAnswer(t, o, p, answer)
	if strings.Contains(answer, "BUNDLE") || strings.Count(answer, "a=inactive") != 2 {
		t.Error(answer)
	}
}

func TestRTXIsFoundAmongFormatParameters(t *testing.T) {
	for parameters, want := range map[string]uint8{
		"apt=96": 97, "apt=96;rtx-time=3000": 97, "rtx-time=3000;apt=96": 97, "rtx-time=3000; apt=96": 97, "apt=98": 0,
		"apt=": 0, "apt=300": 0, "xapt=96": 0,
	} {
		o := parsed(t, sessionLines+strings.Replace(videoLines("v"), "apt=96", parameters, 1))
		if got := o.Media[0].Formats[0].RTX; got != want {
			t.Errorf("%q: RTX payload type %d, want %d", parameters, got, want)
		}
	}
}

func TestOnlyAudioAndVideoAreMedia(t *testing.T) {
	for _, kind := range []string{"text", "application", "message"} {
		o, err := Parse(sessionLines + strings.ReplaceAll(audioLines("a", "recvonly"), "m=audio", "m="+kind))
		if err != nil {
			continue
		}
		if p, answer := answered(o, nil); len(p.Send) != 0 || len(o.Media[0].Formats) > 0 {
			t.Errorf("%s is taken for media:\n%s", kind, answer)
		}
	}
}

func TestOffersWithoutWhatTheyNeedAreRefused(t *testing.T) {
	whole := sessionLines + audioLines("a")
	parsed(t, whole)
	for name, raw := range map[string]string{
		"empty":            "",
		"not SDP":          "hello",
		"JSON":             `{"type":"offer"}`,
		"no m-line":        sessionLines,
		"no ufrag":         strings.Replace(whole, "a=ice-ufrag:abcd\r\n", "", 1),
		"empty ufrag":      strings.Replace(whole, "ice-ufrag:abcd", "ice-ufrag:", 1),
		"no pwd":           strings.Replace(whole, "a=ice-pwd", "a=ice-other", 1),
		"no fingerprint":   strings.Replace(whole, "a=fingerprint", "a=finger", 1),
		"long ufrag":       strings.Replace(whole, "ice-ufrag:abcd", "ice-ufrag:"+strings.Repeat("a", 257), 1),
		"long pwd":         strings.Replace(whole, "ice-pwd:", "ice-pwd:"+strings.Repeat("a", 257), 1),
		"long fingerprint": strings.Replace(whole, "AA:BB", strings.Repeat("AA:", 200), 1),
		"no mid":           strings.Replace(whole, "a=mid:a\r\n", "", 1),
		"empty mid":        strings.Replace(whole, "a=mid:a", "a=mid:", 1),
		"long mid":         strings.Replace(whole, "a=mid:a", "a=mid:"+strings.Repeat("a", 17), 1),
		"duplicate mid":    whole + videoLines("a"),
	} {
		t.Run(name, func(t *testing.T) {
			if o, err := Parse(raw); !errors.Is(err, ErrBadOffer) {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}

func TestMIDsThatAreNoTokensAreRefused(t *testing.T) {
	alone, _, _ := strings.Cut(sessionLines, "a=group") // a single m-line needs no BUNDLE
	for _, mid := range []string{"a b", "a\tb", "a\"b", "a,b", "a;b", "a:b", "a=b", "a/b", "a@b", "(a)", "<a>", "[a]",
		`a\b`, "a\x7f", "a\x00", "a\x1b", "ä", " a", "a "} {
		if o, err := Parse(alone + audioLines(mid)); err == nil && o.Media[0].MID == mid {
			t.Errorf("mid %q got through", mid)
		}
	}
	for _, mid := range []string{"0", "127", "audio-0", "a_b.c~d", "{z}|'!#$%&*+^`", strings.Repeat("a", 16)} {
		if mid = mid[:min(len(mid), maxMIDLen)]; parsed(t, alone+audioLines(mid)).Media[0].MID != mid {
			t.Errorf("mid %q did not get through", mid)
		}
	}
}

func TestHugeOffersAreRefused(t *testing.T) {
	repeat := func(n int, line func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(i))
		}
		return b.String()
	}
	media := func(i int) string { return audioLines(fmt.Sprint(i)) }
	short := func(i int) string { return fmt.Sprintf("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:%d\r\n", i) }
	candidate := func(i int) string { return fmt.Sprintf("a=candidate:%d 1 udp 1 192.0.2.1 %d typ host\r\n", i, i%65536) }
	lf, cr := strings.NewReplacer("\r\n", "\n"), strings.NewReplacer("\r\n", "\r")
	for name, raw := range map[string]string{
		"10 k m-lines":             sessionLines + repeat(10000, media),
		"129 m-lines":              sessionLines + repeat(maxMedia+1, media),
		"129 m-lines, bare LF":     lf.Replace(sessionLines + repeat(maxMedia+1, media)),
		"129 m-lines, bare CR":     cr.Replace(sessionLines + repeat(maxMedia+1, media)),
		"thousands, bare CR":       cr.Replace(sessionLines + repeat(5000, short)),
		"1 M lines":                sessionLines + strings.Repeat("a=x\n", 1_000_000),
		"1 M lines, bare CR":       sessionLines + strings.Repeat("a=x\r", 1_000_000),
		"too many lines, bare CR":  sessionLines + audioLines("a") + strings.Repeat("a=x\r", maxLines),
		"100 k candidates":         sessionLines + audioLines("a") + repeat(100_000, candidate),
		"a line of a mebibyte":     sessionLines + audioLines("a") + "a=" + strings.Repeat("x", 1<<20) + "\r\n",
		"one byte over the length": sessionLines + audioLines("a") + strings.Repeat("a", maxOfferBytes),
	} {
		t.Run(name, func(t *testing.T) {
			if o, err := Parse(raw); !errors.Is(err, ErrBadOffer) {
				t.Errorf("%d bytes are accepted, with %d m-lines", len(raw), len(o.Media))
			}
		})
	}
	group := "a=group:BUNDLE" + repeat(maxMedia, func(i int) string { return fmt.Sprint(" ", i) }) + "\r\n"
	whole := strings.Replace(sessionLines, "a=group", group+"a=group", 1) + repeat(maxMedia, media)
	if o := parsed(t, whole); len(o.Media) != maxMedia {
		t.Errorf("%d m-lines", len(o.Media))
	}
}

func TestExtensionIDsAndPayloadTypesOutOfRangeAreIgnored(t *testing.T) {
	extmaps := make([]string, 0, 256)
	for id := range 256 {
		extmaps = append(extmaps, fmt.Sprintf("extmap:%d urn:example:%d", id, id))
	}
	for _, id := range []string{"0", "15", "16", "255", "256", "-1", "", "99999999999999999999", "4.0", "0x4"} {
		extmaps = append(extmaps, "extmap:"+id+" "+URIMID)
	}
	o := parsed(t, sessionLines+audioLines("a", extmaps...))
	if o.Media[0].Extensions != (rtpview.Extensions{}) {
		t.Errorf("%+v", o.Media[0].Extensions)
	}
	o = parsed(t, sessionLines+audioLines("a", "extmap:14/sendonly "+URIMID+" with attributes", "extmap:5 "+URITWCC))
	if o.Media[0].Extensions != (rtpview.Extensions{MID: 14, TWCC: 5}) {
		t.Errorf("%+v", o.Media[0].Extensions)
	}
	for _, pt := range []string{"128", "255", "256", "-1", "99999999999999999999", "1e1"} {
		raw := sessionLines + strings.ReplaceAll(audioLines("a"), "111", pt)
		if o, err := Parse(raw); err == nil && len(o.Media[0].Formats) > 0 {
			t.Errorf("payload type %s is used: %+v", pt, o.Media[0])
		}
	}
}

func TestTheOffersPreferenceDecidesAmongOurCodecs(t *testing.T) {
	o := parsed(t, sessionLines+mediaLines("m=video 9 UDP/TLS/RTP/SAVPF 100 101 96 98", "v",
		"rtpmap:96 VP8/90000", "rtpmap:98 vp8/90000", "rtpmap:100 H264/90000", "rtpmap:101 VP9/90000"))
	if got := o.Media[0].Formats; !slices.Equal(got, []Format{{Format: codec.Format{Codec: codec.VP9, PT: 101},
		fmtp: "profile-id=0"}, {Format: codec.Format{Codec: codec.VP8, PT: 96}}}) {
		t.Errorf("%+v", got)
	}
	o = parsed(t, sessionLines+mediaLines("m=audio 9 UDP/TLS/RTP/SAVPF 0 8", "a", "rtpmap:0 PCMU/8000",
		"rtpmap:8 PCMA/8000"))
	if len(o.Media[0].Formats) > 0 {
		t.Errorf("%+v", o.Media[0])
	}
}

func TestRIDsAreOursInOurOrder(t *testing.T) {
	o := parsed(t, sessionLines+videoLines("v", "rid:f send", "rid:evil send", "rid:q send pt=96", "rid:q send",
		"rid:h recv", "rid:f;x send", "simulcast:send f;evil"))
	if got := o.Media[0].RIDs; !slices.Equal(got, []string{"q", "f"}) {
		t.Errorf("%v", got)
	}
}

func TestNothingOfTheOfferIsInjectedIntoTheAnswer(t *testing.T) {
	whole := sessionLines + audioLines("a", "extmap:1 "+URIMID) + videoLines("v", "rid:q send", "rid:h send") +
		videoLines("s", "recvonly")
	fields := []string{"abcd", "abcdefghijklmnopqrstuvwx", "AA:BB", "audio 9", "mid:a", "mid:s", "opus/48000/2",
		"VP8/90000", "apt=96", "rid:q send",
		"extmap:1 " + URIMID, "recvonly", "IN IP4 0.0.0.0", "SAVPF 111", "SAVPF"}
	for _, field := range fields {
		for _, evil := range []string{"\r\na=evil:1", "\ra=evil:1", "\na=evil:1", "\x00a=evil:1", "\u2028a=evil:1",
			" a=evil:1", "\r\nm=video 9 X evil", ";evil", "/evil", "=evil"} {
			for _, raw := range []string{strings.ReplaceAll(whole, field, field+evil), strings.ReplaceAll(whole, field, evil)} {
				o, err := Parse(raw)
				if err != nil {
					if !errors.Is(err, ErrBadOffer) {
						t.Errorf("%q in place of %q: %v", evil, field, err)
					}
					continue
				}
				p, answer := answered(o, map[string]media.Source{"a": media.Mic, "v": media.Camera})
				checkAnswer(t, o, p, answer)
				if strings.Contains(answer, "evil") && !strings.Contains(answer, "a=mid:") {
					t.Errorf("%q in place of %q:\n%s", evil, field, answer)
				}
				checkCredentials(t, o)
			}
		}
	}
}

func TestErrorsQuoteNothingOfTheOffer(t *testing.T) {
	whole := sessionLines + audioLines("a")
	const marker = "MARKER"
	for _, field := range []string{"abcd", "AA:BB", "audio", "IN IP4", "v=0", "m=", "a=mid:a\r\n", "opus/48000/2",
		"t=0 0"} {
		for _, by := range []string{marker, marker + strings.Repeat("x", 600), " " + marker + " ", "\r\n" + marker} {
			if _, err := Parse(strings.Replace(whole, field, by, 1)); err != nil && strings.Contains(err.Error(), marker) {
				t.Errorf("%q in place of %q: %v", by, field, err)
			}
		}
	}
}

func TestEveryTruncatedOfferIsRefusedOrAnswered(t *testing.T) {
	for _, browser := range []string{"chromium", "firefox"} {
		raw := browserOffer(t, browser)
		for n := 0; n < len(raw); n += 7 {
			checkOffer(t, raw[:n])
		}
	}
	raw := sessionLines + audioLines("a", "recvonly") + videoLines("v", "rid:q send")
	for n := range raw {
		checkOffer(t, raw[:n])
	}
}

// A publisher is told to send the first codec of its offer that the server takes; a viewer's slot may carry each that
// the viewer takes.
func TestAPublisherIsAnsweredOneCodecAndASlotAll(t *testing.T) {
	formats := []string{"rtpmap:96 VP8/90000", "rtpmap:97 rtx/90000", "fmtp:97 apt=96", "rtpmap:98 VP9/90000",
		"fmtp:98 profile-id=0",
		"rtpmap:99 rtx/90000", "fmtp:99 apt=98", "rtpmap:45 AV1/90000", "rtpmap:46 rtx/90000", "fmtp:46 apt=45",
		"rtpmap:102 H264/90000"}
	line := func(mid, order string, more ...string) string {
		return mediaLines("m=video 9 UDP/TLS/RTP/SAVPF "+order, mid, append(more, formats...)...)
	}
	o := parsed(t, sessionLines+line("av1", "102 45 46 96 97 98 99")+line("vp9", "98 99 45 46")+line("slot",
		"102 98 99 45 46 96 97", "recvonly"))
	p, answer := answered(o, map[string]media.Source{"av1": media.Camera, "vp9": media.Screen})
	checkAnswer(t, o, p, answer)
	for _, want := range []string{"SAVPF 45 46\r\n", "SAVPF 98 99\r\n", "SAVPF 98 99 45 46 96 97\r\n"} {
		if strings.Count(answer, want) != 1 {
			t.Errorf("no single %q in\n%s", want, answer)
		}
	}
	for _, never := range []string{"H264", "apt=102", "dependency-descriptor"} {
		if strings.Contains(answer, never) {
			t.Errorf("%q in\n%s", never, answer)
		}
	}
}

func TestProfilesThatNotEverybodyDecodesAreLeftOut(t *testing.T) {
	for parameters, want := range map[string]string{
		"98 VP9/90000;": "profile-id=0", "98 VP9/90000;profile-id=0": "profile-id=0",
		"98 VP9/90000;max-fr=60":    "profile-id=0",
		"98 VP9/90000;profile-id=2": "-", "98 VP9/90000;profile-id=": "-",
		"98 AV1/90000;": "", "98 AV1/90000;level-idx=8; tier=1;x=y": "level-idx=8;tier=1",
		"98 AV1/90000;profile=0": "profile=0",
		"98 AV1/90000;profile=1": "-", "98 AV1/90000;level-idx=99": "-", "98 AV1/90000;tier=high": "-",
	} {
		rtpmap, fmtp, _ := strings.Cut(parameters, ";")
		o := parsed(t, sessionLines+mediaLines("m=video 9 UDP/TLS/RTP/SAVPF 98", "v", "rtpmap:"+rtpmap, "fmtp:98 "+fmtp))
		got := "-"
		if len(o.Media[0].Formats) > 0 {
			got = o.Media[0].Formats[0].fmtp
		}
		if got != want {
			t.Errorf("%s: %q, want %q", parameters, got, want)
		}
	}
}

// checkOffer parses any text and, if it is an offer, answers it in the ways a meeting could.
func checkOffer(tb testing.TB, raw string) {
	tb.Helper()
	o, err := Parse(raw)
	if err != nil {
		if !errors.Is(err, ErrBadOffer) || o != nil {
			tb.Fatalf("%+v, %v", o, err)
		}
		return
	}
	if len(o.Media) > maxMedia {
		tb.Fatalf("%d m-lines", len(o.Media))
	}
	checkCredentials(tb, o)
	var tracks []media.Track
	for i := range o.Media {
		m := &o.Media[i]
		if len(m.RIDs) > len(RIDs) || len(m.SSRCs) > 2 || m.Extensions.MID > 14 || len(m.Formats) > int(codec.Kinds) ||
			!isToken(m.MID) {
			tb.Fatalf("%+v", *m)
		}
		for _, s := range []media.Source{media.Mic, media.Camera, media.ScreenAudio, media.Screen} {
			if candidate := append(slices.Clone(tracks), media.Track{MID: m.MID, Source: s}); m.Direction != "recvonly" {
				if _, err := o.Sources(candidate); err == nil {
					tracks = candidate
					break
				}
			}
		}
	}
	sources, err := o.Sources(tracks)
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range []map[string]media.Source{nil, sources} {
		p, answer := answered(o, s)
		checkAnswer(tb, o, p, answer)
	}
}

var usableCredentials = regexp.MustCompile(`^[A-Za-z0-9+/]{1,256} [A-Za-z0-9+/]{1,256} [A-Za-z0-9 :,-]+$`)

// checkCredentials asserts that what is given to Pion has no other characters than RFC 8839 §5.4 and RFC 8122 §5 allow.
func checkCredentials(tb testing.TB, o *Offer) {
	tb.Helper()
	if text := o.Ufrag + " " + o.Pwd + " " + o.Fingerprint; !usableCredentials.MatchString(text) {
		tb.Fatalf("credentials %q", text)
	}
}

func TestSourcesMustFitTheOffer(t *testing.T) {
	o := parsed(t, sessionLines+audioLines("a")+videoLines("v")+
		mediaLines("m=video 9 UDP/TLS/RTP/SAVPF 100", "h264", "rtpmap:100 H264/90000"))
	for name, tracks := range map[string][]media.Track{
		"unknown source": {{MID: "a", Source: media.NumSources}},
		"unknown mid":    {{MID: "x", Source: media.Mic}},
		"empty mid":      {{MID: "", Source: media.Mic}},
		"m-line twice":   {{MID: "a", Source: media.Mic}, {MID: "a", Source: media.ScreenAudio}},
		"source twice": {{MID: "a", Source: media.Mic}, {MID: "v", Source: media.Camera},
			{MID: "h264", Source: media.Camera}},
		"video on audio": {{MID: "a", Source: media.Camera}},
		"audio on video": {{MID: "v", Source: media.Mic}},
		"more than m-lines": {{MID: "a", Source: media.Mic}, {MID: "v", Source: media.Camera},
			{MID: "h264", Source: media.Screen}, {MID: "x", Source: media.ScreenAudio}},
	} {
		if got, err := o.Sources(tracks); !errors.Is(err, ErrBadOffer) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := o.Sources([]media.Track{{MID: "a", Source: media.Mic},
		{MID: "v", Source: media.Screen}}); err != nil || got["a"] != media.Mic || got["v"] != media.Screen {
		t.Errorf("%v, %v", got, err)
	}
}

// FuzzOffer feeds arbitrary text: no panic, and whatever is accepted gets an answer that pion/sdp reads, with the
// offer's m-lines in order, a BUNDLE of the accepted ones alone, and nothing in it that is not ours or a token.
func FuzzOffer(f *testing.F) {
	f.Add(browserOffer(f, "chromium"))
	f.Add(browserOffer(f, "firefox"))
	f.Add(sessionLines + audioLines("a", "recvonly") + videoLines("v", "rid:q send", "rid:h send", "extmap:3 "+URITWCC))
	f.Add(sessionLines + strings.Replace(videoLines("v", "recvonly", "bundle-only"), "m=video 9", "m=video 0", 1) +
		mediaLines("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "d"))
	f.Fuzz(func(t *testing.T, raw string) { checkOffer(t, raw) })
}
