package client

import (
	"crypto/rand"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"conclave/bots/clip"
	"conclave/bots/measure"
	"conclave/bots/path"
	"conclave/bots/wire"
	"conclave/e2ee/group"
	"conclave/e2ee/sframe"
	"conclave/protocol"
)

// A load of listeners is as large as the generator's memory: a listener's connection, with its association but without
// keys, must stay small.
func TestAListenersConnectionIsSmall(t *testing.T) {
	identity, err := path.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	const bots, most = 64, 128 << 10
	list := make([]*connection, bots)
	var buffers wire.Buffers
	before := heap()
	for i := range list {
		c, err := newConnection(connectionConfig{
			audioSlots: 1, videoSlots: 1, local: net.IPv4(127, 0, 0, 1), identity: identity, buffers: &buffers,
			recent: measure.NewRecent(),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.close() })
		if err := c.answer(t.Context(), answerSDP); err != nil {
			t.Fatal(err)
		}
		list[i] = c
	}
	if each := (heap() - before) / bots; each > most {
		t.Errorf("%d KiB a connection, %d allowed", each>>10, most>>10)
	}
	runtime.KeepAlive(list)
}

// In an end-to-end encrypted meeting of n, a bot knows n others: what it keeps of each must stay small.
func TestABotKeepsLittleOfTheOthersInAMeeting(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector keeps memory of its own")
	}
	const people, bots, most = 300, 8, 300 * 512 // bytes: 512 for each other participant, and what the bot has anyway
	link, err := group.NewLink(rand.Reader, make([]byte, 32), false)
	if err != nil {
		t.Fatal(err)
	}
	root, err := link.Root("k7qm-2f9x-w3dj-8hrt", "")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Meeting: "k7qm-2f9x-w3dj-8hrt", Root: root, Name: "Bot", View: 1}
	entries := make([]protocol.RosterEntry, people)
	for i := range entries {
		s, err := newEncryption(&cfg)
		if err != nil {
			t.Fatal(err)
		}
		entries[i] = protocol.RosterEntry{
			Participant: protocol.Participant(i + 100), Role: protocol.RoleParticipant, Kind: protocol.KindBot,
			Announce: group.Encode(s.session.Announce()), Sources: []protocol.Source{}, Connected: true,
		}
	}
	entries[7].Sources = []protocol.Source{protocol.Mic, protocol.Camera}
	raw, err := protocol.Marshal(&protocol.Roster{Joined: entries})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]*Bot, bots)
	before := heap()
	for i := range list {
		b := New(nil, cfg)
		b.self = protocol.Participant(i + 1)
		if b.encryption, err = newEncryption(&cfg); err != nil {
			t.Fatal(err)
		}
		b.encryption.session.Welcome(time.Now(), uint32(b.self), nil, nil)
		roster, err := protocol.DecodeServer(raw) // each bot reads its own copy
		if err != nil {
			t.Fatal(err)
		}
		if !b.handle(roster) || len(b.wants()) != 1 {
			t.Fatalf("it wants %v", b.wants())
		}
		b.encryption.session.Take()
		list[i] = b
	}
	if each := (heap() - before) / bots; each > most {
		t.Errorf("%d bytes a bot, %d allowed", each, most)
	}
	runtime.KeepAlive(list)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // bytes
}

// A bot's offer names no address of the machine that it runs on.
func TestCandidatesStayHome(t *testing.T) {
	text := writeOffer(&offer{credentials: path.NewCredentials(), fingerprint: "sha-256 AA", audioSlots: 1, videoSlots: 1})
	if strings.Contains(text, "candidate") || strings.Count(text, "c=IN IP4 0.0.0.0\r\n") != 2 {
		t.Error(text)
	}
}

// What an offer says is what the bot was told to send and receive, in order.
func TestAnOfferSaysWhatIsSentAndReceived(t *testing.T) {
	identity, err := path.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	played, err := clip.Load(sframe.AV1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConnection(connectionConfig{
		clip: played, sources: []protocol.Source{protocol.Mic, protocol.Camera, protocol.Screen}, simulcast: true,
		audioSlots: 2, videoSlots: 1, local: net.IPv4(127, 0, 0, 1), identity: identity,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.close() }()
	text, tracks := c.offer()
	if len(tracks) != 3 || tracks[1] != (protocol.Track{MID: "1", Source: protocol.Camera}) {
		t.Errorf("%+v", tracks)
	}
	lines := strings.Split(text, "m=")[1:]
	for i, want := range []string{"audio sendonly", "video sendonly", "video sendonly", "audio recvonly", "audio recvonly",
		"video recvonly"} {
		kind, direction, _ := strings.Cut(want, " ")
		if !strings.HasPrefix(lines[i], kind) || !strings.Contains(lines[i], "a="+direction+"\r\n") {
			t.Errorf("m-line %d is not %s: %s", i, want, lines[i])
		}
	}
	if !strings.Contains(lines[1], "a=simulcast:send q;h;f\r\n") || strings.Contains(lines[1], "a=ssrc") {
		t.Errorf("the camera: %s", lines[1])
	}
	// It sends in the codec of its clip, and receives in all.
	if strings.Contains(lines[1], "VP8") || !strings.HasPrefix(lines[1], "video 9 UDP/TLS/RTP/SAVPF 45 46\r\n") ||
		!strings.HasPrefix(lines[5], "video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 45 46\r\n") ||
		!strings.Contains(lines[5], "a=fmtp:99 apt=98\r\n") {
		t.Errorf("codecs: %s\n%s", lines[1], lines[5])
	}
	if strings.Contains(lines[2], "a=rid") || !strings.Contains(lines[2], "a=ssrc-group:FID ") {
		t.Errorf("the screen: %s", lines[2])
	}
}
