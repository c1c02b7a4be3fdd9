package main

import (
	"context"
	"os"
	"testing"
	"time"

	"conclave/bots"
	"conclave/bots/report"
)

// encrypted runs bots in an end-to-end encrypted meeting of a real server and fails unless every frame decrypts.
func encrypted(t *testing.T, cfg bots.Config) *report.Report {
	t.Helper()
	cfg.URL, cfg.Token = startServer(t)
	cfg.E2EE, cfg.View, cfg.Feedback, cfg.JoinTimeout, cfg.Settle = true, -1, true, 20*time.Second, 200*time.Millisecond
	var r *report.Report
	for range 3 { // on a machine too busy for the bots themselves an acknowledgement may take longer than a second, once
		var err error
		if r, err = bots.Run(context.Background(), cfg); err != nil {
			t.Fatal(err)
		}
		if testing.Verbose() {
			_ = r.WriteText(os.Stderr)
		}
		if r.Total.Opened.Failed > 0 || r.Total.Opened.NoKey == 0 || len(r.Invalid) == 0 {
			break
		}
	}
	if e := r.Total.Opened; e.Frames == 0 || r.Total.Frames == 0 || e.Failed+e.NoKey > 0 {
		t.Errorf("frames: %+v", e)
	}
	return r
}

// TestEveryFrameOfBotsDecrypts: VP8 simulcast with layer switches, screens, Opus, through the real server.
func TestEveryFrameOfBotsDecrypts(t *testing.T) {
	r := encrypted(t, bots.Config{
		Count: 4, Publishers: 3, Screens: 1, Simulcast: true, AudioSlots: 4, VideoSlots: 4, Duration: 4 * time.Second,
		Flip: 700 * time.Millisecond,
	})
	if r.Total.AudioDelay.Count == 0 || r.Total.VideoDelay.Count == 0 {
		t.Error("no send stamp was found inside opened frames")
	}
	for i := range r.Bots {
		if b := &r.Bots[i]; b.Opened.Frames == 0 || b.Error != "" || len(b.RequestErrors) > 0 {
			t.Errorf("bot %d opened %d frames: %s %v", b.Bot, b.Opened.Frames, b.Error, b.RequestErrors)
		}
	}
}

// TestEveryFrameDecryptsWhileTenComeAndTenGo: in a few seconds.
func TestEveryFrameDecryptsWhileTenComeAndTenGo(t *testing.T) {
	r := encrypted(t, bots.Config{
		Count: 6, Publishers: -1, Simulcast: true, AudioSlots: 6, VideoSlots: 6,
		Duration: 16 * time.Second, Churn: 700 * time.Millisecond,
	})
	if len(r.Rekeys) < 10 {
		t.Errorf("%d leaves", len(r.Rekeys))
	}
	for i, k := range r.Rekeys {
		t.Logf("leave %d: %+v", i, k)
	}
}
