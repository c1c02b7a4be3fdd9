package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"conclave/bots/measure"
)

// phaseOrder is the order in which a join goes.
var phaseOrder = [...]string{
	"sign_in", "socket", "admitted", "lobby", "answer", "ice", "dtls", "total", "first_rtp", "first_key_frame",
}

// Phases returns the phases of a join, in the order in which they happen.
func Phases() []string { return slices.Clone(phaseOrder[:]) }

// WriteText writes the report for a person.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	if r.Scenario != "" {
		fmt.Fprintf(&b, "\n%s\nmeetings: %d; ", r.Scenario, r.Meetings)
	} else {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%d bots, %d publishing; %d of %d joins succeeded; %s\n\n",
		r.Count, r.Publishers, r.Joins.Joined, r.Joins.Wanted, r.Length())
	fmt.Fprintf(&b, "%-16s %9s %9s %9s %9s\n", "join (ms)", "p50", "p95", "p99", "max")
	for _, name := range phaseOrder {
		if q, ok := r.Join[name]; ok {
			writeQuantiles(&b, name, &q)
		}
	}
	if r.Joins.Joined > 0 {
		r.writeMedia(&b)
	}
	r.writeMachine(&b)
	r.writeWorst(&b)
	for _, f := range first(r.Failures, maxLines) {
		fmt.Fprintf(&b, "FAILED   %s\n", f)
	}
	if n := len(r.Failures) - maxLines; n > 0 {
		fmt.Fprintf(&b, "FAILED   and %d more\n", n)
	}
	for _, f := range r.Invalid {
		fmt.Fprintf(&b, "INVALID  %s\n", f)
	}
	fmt.Fprintf(&b, "verdict  %s\n", r.Verdict)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("bots: report: %w", err)
	}
	return nil
}

// maxLines bounds the failures, and the bots that did worst, that the text lists. The JSON form has all.
const maxLines = 10

// Length says how long was measured.
func (r *Report) Length() string {
	w := &r.Window
	switch {
	case w.Seconds == 0:
		return "nothing was measured"
	case w.CutShort:
		return fmt.Sprintf("cut short: measured for %.0f of %.0f s", w.Seconds, w.Planned)
	}
	return fmt.Sprintf("measured for %.0f s", w.Seconds)
}

// Sampling says which part of the figures comes from samples; empty: none.
func (r *Report) Sampling() string {
	if r.Sampled == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d bots read a sample, %d packets: what they received and lost is estimated; "+
		"frames, freezes, PLI and NACK are of the other %d", r.Sampled, r.Count, r.Total.SampledPackets, r.Count-r.Sampled)
}

func writeQuantiles(b *strings.Builder, name string, q *measure.Quantiles) {
	if q.Count > 0 {
		fmt.Fprintf(b, "%-16s %9.2f %9.2f %9.2f %9.2f\n", name, q.P50, q.P95, q.P99, q.Max)
	}
}

// writeMedia writes what was sent and what came.
func (r *Report) writeMedia(b *strings.Builder) {
	t, w := &r.Total, &r.Window
	if t.AudioDelay.Count+t.VideoDelay.Count > 0 {
		fmt.Fprintf(b, "\n%-16s %9s %9s %9s %9s\n", "one way (ms)", "p50", "p95", "p99", "max")
		writeQuantiles(b, "audio", &t.AudioDelay)
		writeQuantiles(b, "video", &t.VideoDelay)
	}
	fmt.Fprintf(b, "\nstreams   audio %d of %d arrived, video %d of %d\n",
		t.ArrivedAudio, t.ExpectedAudio, t.ArrivedVideo, t.ExpectedVideo)
	fmt.Fprintf(b, "sent      %d packets, %.1f MB\n", t.SentPackets, float64(t.SentBytes)/1e6)
	fmt.Fprintf(b, "received  %d packets, %.1f MB; %.0f packets/s, %.1f Mbit/s in the window\n",
		t.ReceivedPackets, float64(t.ReceivedBytes)/1e6, w.PacketsPerS, w.MbitPerS)
	if s := r.Sampling(); s != "" {
		fmt.Fprintf(b, "sampled   %s\n", s)
	}
	if t.Expected == 0 {
		b.WriteString("loss      no packets came, so none can be missed\n")
	} else {
		fmt.Fprintf(b, "loss      %d of %d packets (%.4f %%), %d before retransmission; %d duplicates, %d out of order\n",
			t.LostAfter, t.Expected, 100*ratio(t.LostAfter, t.Expected), t.LostBefore, t.Duplicates, t.Reordered)
	}
	fmt.Fprintf(b, "video     %d frames, %d key frames, %d lost; %d freezes (%.0f ms); %d PLI, %d NACK sent\n",
		t.Frames, t.KeyFrames, t.LostFrames, t.Freezes, t.FreezeMS, t.PLIsSent, t.NACKsSent)
	if part, measured := r.Metric("concealed"); measured {
		fmt.Fprintf(b, "sound     %.2f %% concealed\n", 100*part)
	}
	if r.E2EE {
		e := &t.Opened
		fmt.Fprintf(b, "e2ee      %d frames opened, %d failed, %d without a key, %d before the key; %d stale, %d repeated\n",
			e.Frames, e.Failed, e.NoKey, e.Early, e.Stale, e.Repeat)
	}
}

// writeMachine writes how the server's process, the bots' and their machine did.
func (r *Report) writeMachine(b *strings.Builder) {
	w, g := &r.Window, &r.Generator
	if w.ServerCPUSeconds > 0 {
		fmt.Fprintf(b, "server    %.2f s of CPU, %.2f µs per packet delivered, %.0f MiB resident\n",
			w.ServerCPUSeconds, w.ServerCPUMicrosPerPacket, w.ServerRSSMiB)
	}
	if w.Seconds > 0 {
		fmt.Fprintf(b, "generator %.2f s of CPU on %d cores, %.0f MiB resident, %.2f ms late at p99, %d socket drops\n",
			g.CPUSeconds, g.Cores, g.RSSMiB, g.Lag.P99, g.SocketDrops)
	}
	for i := range r.Agents {
		fmt.Fprintf(b, "agent %-3d %s\n", r.Agents[i].Agent, &r.Agents[i])
	}
	if m := r.Machine; m != nil {
		fmt.Fprintf(b, "machine   %s\n", m)
	}
	if m := r.Joining; m != nil {
		fmt.Fprintf(b, "joining   %s\n", m)
	}
	b.WriteByte('\n')
}

// writeWorst lists the bots that did worst, so that a bad seat is seen without reading the JSON.
func (r *Report) writeWorst(b *strings.Builder) {
	for _, x := range r.Worst(maxLines) {
		fmt.Fprintf(b, "bot %-4d  audio %d/%d, video %d/%d, lost %d, freezes %d %s\n", x.Bot,
			x.ArrivedAudio, x.ExpectedAudio, x.ArrivedVideo, x.ExpectedVideo, x.LostAfter, x.Freezes, x.Error)
	}
}

// Worst returns the bots that did worst, at most n; none that did well.
func (r *Report) Worst(n int) []*Bot {
	bad := make([]*Bot, 0, len(r.Bots))
	for i := range r.Bots {
		if x := &r.Bots[i]; x.Error != "" || x.badness() > 0 {
			bad = append(bad, x)
		}
	}
	slices.SortStableFunc(bad, func(x, y *Bot) int { return y.badness() - x.badness() })
	return first(bad, n)
}

func (b *Bot) badness() int {
	missing := b.ExpectedAudio - b.ArrivedAudio + b.ExpectedVideo - b.ArrivedVideo
	return 1000*missing + int(min(b.LostAfter, 1e6)) + int(min(b.Freezes, 1e6))
}

func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }
