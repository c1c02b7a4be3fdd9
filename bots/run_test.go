package bots

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"conclave/bots/client"
	"conclave/bots/report"
	"conclave/bots/scenario"
	"conclave/bots/wire"
	"conclave/e2ee/group"
	"conclave/media"
	"conclave/protocol"
)

func TestMain(m *testing.M) {
	// runCleanups is the runtime's own, seen only while it is at work.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.runCleanups"))
}

// short is a run of a second or two.
func short(url string) Config {
	return Config{
		URL: url, Token: fakeToken, Count: 3, Publishers: -1, Simulcast: true, AudioSlots: 4, VideoSlots: 4, View: -1,
		Duration: time.Second, Settle: 100 * time.Millisecond, JoinTimeout: 15 * time.Second, Feedback: true,
		NoDefaultLimits: true, // this machine may be busy
	}
}

func run(t *testing.T, cfg Config) *report.Report {
	t.Helper()
	r, err := Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		_ = r.WriteText(os.Stderr)
	}
	return r
}

func TestEveryBotReceivesEveryOther(t *testing.T) {
	_, url := newFakeServer(t)
	r := run(t, short(url))
	if r.Total.ExpectedAudio != 6 || r.Total.ArrivedAudio != 6 || r.Total.ExpectedVideo != 6 || r.Total.ArrivedVideo != 6 {
		t.Errorf("streams: %+v", r.Total.Traffic)
	}
	if len(r.Failures) > 0 {
		t.Errorf("failures: %q", r.Failures)
	}
	if r.Total.LostAfter > 0 || r.Total.Frames == 0 || r.Total.AudioDelay.Count == 0 || r.Total.VideoDelay.Count == 0 {
		t.Errorf("media: %+v", r.Total)
	}
	for _, b := range r.Bots {
		for _, phase := range []string{
			"socket", "admitted", "answer", "ice", "dtls", "total", "first_rtp", "first_key_frame",
		} {
			if _, ok := b.JoinMS[phase]; !ok {
				t.Errorf("bot %d: no phase %s", b.Bot, phase)
			}
		}
		if len(b.RequestErrors) > 0 {
			t.Errorf("bot %d: %v", b.Bot, b.RequestErrors)
		}
	}
}

func TestBenchListenersCountWithoutDecryptingAll(t *testing.T) {
	_, url := newFakeServer(t)
	cfg := short(url)
	cfg.Bench, cfg.Publishers, cfg.Verify, cfg.Poll, cfg.Feedback = true, 1, 16, 5*time.Millisecond, false
	cfg.Duration = 2 * time.Second
	r := run(t, cfg)
	if len(r.Failures) > 0 {
		t.Errorf("failures: %q", r.Failures)
	}
	// Two listeners of 30 frames of 4 packets and 50 packets of sound a second. By proportion, because a busy machine
	// sends all late.
	for _, b := range r.Bots {
		var frames, video, audio uint64
		for _, s := range b.Received {
			if s.Video {
				frames, video = frames+s.Frames, video+s.Packets
			} else {
				audio += s.Packets
			}
		}
		if len(b.Sent) == 0 && (frames < 30 || video < 4*frames || video > 4*frames+8 || 50*video < 100*audio ||
			50*video > 140*audio) {
			t.Errorf("bot %d counted %d packets of video, %d frames, %d packets of audio", b.Bot, video, frames, audio)
		}
	}
	if r.Total.ExpectedVideo != 2 || r.Total.ArrivedVideo != 2 {
		t.Errorf("streams: %+v", r.Total.Traffic)
	}
}

// A listener with a sample has joined like any, and says of what it did not read no more than it can know.
func TestAListenerWithASampleKnowsWhatCame(t *testing.T) {
	if !wire.CanSample {
		t.Skip("this system has no filters at sockets")
	}
	_, url := newFakeServer(t)
	cfg := short(url)
	publisher := scenario.Bot{
		Sources: []media.Source{media.Mic, media.Camera}, AudioSlots: 1, VideoSlots: 1, View: 1, Height: 180,
	}
	listener := publisher
	listener.Sources = nil
	sampled := listener
	sampled.Sample = 8
	cfg.Plan = &scenario.Plan{
		Meetings: make([]scenario.PlannedMeeting, 1), Bots: []scenario.Bot{publisher, listener, sampled},
		Stages: []scenario.Stage{{Kind: scenario.Join, Bots: 3}, {Kind: scenario.Hold, Length: 3 * time.Second}},
	}
	r := run(t, cfg)
	if len(r.Failures) > 0 || r.Sampled != 1 || r.Total.ArrivedAudio != 2 || r.Total.ArrivedVideo != 2 {
		t.Fatalf("%q, %d with a sample, %+v", r.Failures, r.Sampled, r.Total.Traffic)
	}
	all, some := r.Bots[1], r.Bots[2]
	if all.Sample != 0 || all.SampledPackets != 0 || all.Frames == 0 || all.NACKsSent > 0 {
		t.Errorf("without a sample: %+v", all.Traffic)
	}
	if some.Sample != 8 || some.SampledPackets == 0 || some.ReceivedPackets != 8*some.SampledPackets ||
		some.Frames+some.Freezes+some.PLIsSent+some.NACKsSent > 0 || some.LostAfter > 0 ||
		some.AudioDelay.Count == 0 || some.VideoDelay.Count == 0 {
		t.Errorf("with a sample: %+v", some)
	}
	if _, ok := some.JoinMS["first_rtp"]; ok || some.JoinMS["total"] == 0 {
		t.Errorf("its join: %v", some.JoinMS)
	}
	// Both joined within moments: what the one was sent, the other was.
	if more, less := max(all.Expected, some.Expected), min(all.Expected, some.Expected); 4*less < 3*more {
		t.Errorf("%d packets to the one, %d to the other", all.Expected, some.Expected)
	}
}

func TestSilenceOfTheServerFailsTheRun(t *testing.T) {
	f, url := newFakeServer(t)
	f.mute = true
	cfg := short(url)
	cfg.arrivalWait = 500 * time.Millisecond // for what will not come
	r := run(t, cfg)
	if r.Verdict == report.Passed || r.Total.ArrivedVideo != 0 || r.Total.ExpectedVideo == 0 {
		t.Errorf("%s %q %+v", r.Verdict, r.Failures, r.Total.Traffic)
	}
}

func TestLobbyAndRateLimitAreWaitedFor(t *testing.T) {
	f, url := newFakeServer(t)
	f.lobby, f.busy = 200*time.Millisecond, 2
	cfg := short(url)
	cfg.Count = 2
	r := run(t, cfg)
	if len(r.Failures) > 0 {
		t.Errorf("failures: %q", r.Failures)
	}
	for _, b := range r.Bots {
		if !b.Lobby || b.JoinMS["lobby"] < 150 { // counted from the arrival of the message
			t.Errorf("bot %d: lobby %v, let in after %.0f ms", b.Bot, b.Lobby, b.JoinMS["lobby"])
		}
	}
}

// Other participants see interrupted bots leave, not fall silent.
func TestInterruptedBotsSayGoodbye(t *testing.T) {
	f, url := newFakeServer(t)
	cfg := short(url)
	cfg.Duration = time.Hour
	ctx, interrupt := context.WithCancel(t.Context())
	time.AfterFunc(2*time.Second, interrupt)
	r, err := Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Window.CutShort || r.Verdict != report.Invalid || r.Window.Planned != cfg.Duration.Seconds() {
		t.Errorf("a run cut short: %s %+v %q", r.Verdict, r.Window, r.Invalid)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if in := len(r.Bots); in == 0 || f.left != in {
		t.Errorf("%d of %d said goodbye", f.left, in)
	}
}

func TestChurnReplacesBotsWithoutFailing(t *testing.T) {
	_, url := newFakeServer(t)
	cfg := short(url)
	cfg.Churn, cfg.Duration = 300*time.Millisecond, 2*time.Second
	cfg.VideoSlots, cfg.AudioSlots, cfg.View = 0, 0, 0 // the fake never takes a slot back
	r := run(t, cfg)
	if len(r.Failures) > 0 {
		t.Errorf("failures: %q", r.Failures)
	}
	if len(r.Bots) < 6 {
		t.Errorf("only %d bots took part", len(r.Bots))
	}
	for i, b := range r.Bots { // they are listed by seat; the last one on a seat may only just have come
		last := i+1 == len(r.Bots) || r.Bots[i+1].Bot != b.Bot
		if b.Error != "" || b.SentPackets == 0 && !last {
			t.Errorf("bot %d: sent %d packets, %s", b.Bot, b.SentPackets, b.Error)
		}
	}
}

func TestWithoutTheOperatorsTokenNothingStarts(t *testing.T) {
	_, url := newFakeServer(t)
	cfg := short(url)
	cfg.Token = strings.Repeat("0", 64)
	_, err := Run(context.Background(), cfg)
	var refused *client.RefusedError
	if !errors.As(err, &refused) || refused.ID != protocol.ErrUnauthenticated {
		t.Errorf("got %v", err)
	}
	cfg.Token = ""
	if _, err := Run(context.Background(), cfg); err == nil {
		t.Error("ran without a token")
	}
}

func TestTheTokenIsNeverSentInTheClear(t *testing.T) {
	cfg := short("http://meet.example.org")
	if _, err := Run(context.Background(), cfg); !errors.Is(err, client.ErrPlainHTTP) {
		t.Errorf("got %v", err)
	}
}

// A server that takes the encryption off a meeting whose link has a key gets nothing: threat 27.
func TestADowngradedMeetingIsNotJoined(t *testing.T) {
	f, url := newFakeServer(t) // says, in its welcome, that its meeting is not encrypted
	f.info = protocol.MeetingInfo{Meeting: "k7qm-2f9x-w3dj-8hrt", E2EE: true}
	cfg := short(url)
	creator, err := group.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	link, err := group.NewLink(rand.Reader, creator.Public(), false)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Count, cfg.Meeting = 1, url+"/m/k7qm-2f9x-w3dj-8hrt#"+link.String()
	r := run(t, cfg)
	f.mu.Lock()
	defer f.mu.Unlock()
	told := strings.Contains(strings.Join(r.Failures, " "), client.ErrDowngrade.Error()) // on a busy machine: as invalid
	if r.Verdict == report.Passed || f.offers > 0 || r.Total.SentPackets > 0 || !told {
		t.Errorf("%s %q, %d offers", r.Verdict, r.Failures, f.offers)
	}
	cfg.Meeting = "k7qm-2f9x-w3dj-8hrt#k=AAAA"
	if _, err := Run(context.Background(), cfg); err == nil {
		t.Error("ran with half a link")
	}
}

// Floods and guesses go where the server is the tester's own, and nowhere else.
func TestAttacksAreForServersThatAllowThem(t *testing.T) {
	peaceful, flood, guess := scenario.Bot{Role: "publisher"}, scenario.Bot{Datagrams: 1}, scenario.Bot{Guess: time.Second}
	for _, attacker := range []scenario.Bot{flood, guess, {Requests: 1}} {
		p := &scenario.Plan{Bots: []scenario.Bot{peaceful, attacker}}
		if err := mayRun(p, false); !errors.Is(err, errAttacks) {
			t.Errorf("%+v: %v", attacker, err)
		}
		if err := mayRun(p, true); err != nil {
			t.Errorf("%+v: %v", attacker, err)
		}
	}
	if err := mayRun(&scenario.Plan{Bots: []scenario.Bot{peaceful}}, false); err != nil {
		t.Error(err)
	}
}

func TestWhenEveryJoinFailsTheRunEnds(t *testing.T) {
	f, url := newFakeServer(t)
	f.refuse = protocol.ErrMeetingFull
	cfg := short(url)
	cfg.Duration, cfg.Settle, cfg.arrivalWait = time.Hour, time.Hour, time.Hour
	r := run(t, cfg)
	if r.Joins != (report.Joins{Wanted: 3}) || r.Window.Seconds != 0 || r.Window.CutShort || r.Machine != nil {
		t.Errorf("joins %+v, window %+v", r.Joins, r.Window)
	}
	if text := strings.Join(r.Failures, "\n"); !strings.Contains(text, "bots 1, 2 and 3: join: ") ||
		!strings.Contains(text, "3 of 3 bots did not join") || !strings.Contains(text, "no bot was left") {
		t.Errorf("failures: %q", r.Failures)
	}
	if r.Verdict == report.Passed {
		t.Error("passed")
	}
}

func TestWithoutAHostTheLobbyEnds(t *testing.T) {
	f, url := newFakeServer(t)
	f.lobby = time.Second
	cfg := short(url)
	cfg.Duration, cfg.LobbyTimeout = time.Hour, 100*time.Millisecond
	r := run(t, cfg)
	if text := strings.Join(r.Failures, "\n"); !strings.Contains(text, errLobbyTimeout.Error()) {
		t.Errorf("failures: %q", r.Failures)
	}
}

func TestProgressSaysWhoMustAct(t *testing.T) {
	f, url := newFakeServer(t)
	f.lobby = 1500 * time.Millisecond
	f.info = protocol.MeetingInfo{Meeting: "k7qm-2f9x-w3dj-8hrt", Lobby: true}
	var lines lockedText
	cfg := short(url)
	cfg.Meeting, cfg.Progress = string(f.info.Meeting), &lines
	if r := run(t, cfg); len(r.Failures) > 0 {
		t.Errorf("failures: %q", r.Failures)
	}
	for _, want := range []string{"\"Admit all\"", "0/3 in", "waiting to be let in (3)"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("no %q in\n%s", want, lines.String())
		}
	}
}

// lockedText collects what several goroutines write.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestAMeetingThatCannotBeJoinedIsAnErrorBeforeAnyLoad(t *testing.T) {
	f, url := newFakeServer(t)
	cfg := short(url)
	cfg.Meeting = "k7qm-2f9x-w3dj-8hrt"
	for want, info := range map[string]protocol.MeetingInfo{
		string(protocol.ErrNoSuchMeeting): {Meeting: "aaaa-aaaa-aaaa-aaaa"},
		errNeedsLink.Error():              {Meeting: "k7qm-2f9x-w3dj-8hrt", E2EE: true},
		errNeedsPassword.Error():          {Meeting: "k7qm-2f9x-w3dj-8hrt", Password: true},
	} {
		f.info = info
		if _, err := Run(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	cfg.URL = "http://127.0.0.1:1"
	if _, err := Run(context.Background(), cfg); err == nil {
		t.Error("an unreachable server was joined")
	}
	if f.joins > 0 {
		t.Errorf("%d joins", f.joins)
	}
}

// A link with a key, to a meeting that the server says is not encrypted, is refused before anything is sent.
func TestALinkWithAKeyIsNotForAnUnencryptedMeeting(t *testing.T) {
	f, url := newFakeServer(t)
	f.info = protocol.MeetingInfo{Meeting: "k7qm-2f9x-w3dj-8hrt"}
	cfg := short(url)
	creator, err := group.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	link, err := group.NewLink(rand.Reader, creator.Public(), false)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Meeting = "k7qm-2f9x-w3dj-8hrt#" + link.String()
	if _, err := Run(context.Background(), cfg); !errors.Is(err, client.ErrDowngrade) || f.joins > 0 {
		t.Errorf("%v, %d joins", err, f.joins)
	}
}
