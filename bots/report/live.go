package report

import (
	"fmt"
	"strings"
	"time"
)

// Live is how a run stands, for the display while it goes on.
type Live struct {
	Sample
	// Title heads the display; Stage says what happens.
	Title, Stage string
	Count        int
	// Streams that arrive and that should.
	Audio, ExpectedAudio, Video, ExpectedVideo int
}

// Line writes the state in one line. Tools read its beginning.
func (l *Live) Line() string {
	line := fmt.Sprintf("%4.0fs  %d/%d in  audio %d/%d  video %d/%d  %.0f packets/s  %.1f Mbit/s", l.AtS, l.In, l.Count,
		l.Audio, l.ExpectedAudio, l.Video, l.ExpectedVideo, l.PacketsPerS, l.MbitPerS)
	for _, w := range l.Warnings() {
		line += "  " + w
	}
	return line
}

// Block writes the state in several lines of at most width columns.
func (l *Live) Block(width int) []string {
	lines := []string{
		fmt.Sprintf("%s  %s  %s", clock(l.AtS), l.Title, l.Stage),
		fmt.Sprintf("bots     %d of %d in, %d joined, %d failed", l.In, l.Count, l.Joined, l.Failed),
		fmt.Sprintf("rate     %.0f packets/s, %.1f Mbit/s", l.PacketsPerS, l.MbitPerS),
		fmt.Sprintf("streams  audio %d of %d, video %d of %d", l.Audio, l.ExpectedAudio, l.Video, l.ExpectedVideo),
		fmt.Sprintf("loss     %s; %d before retransmission, %d after; %d freezes", l.lossPart(), l.LostBefore, l.LostAfter,
			l.Freezes),
		fmt.Sprintf("one way  audio %.1f ms, %.1f at p99; video %.1f ms, %.1f at p99", l.Sample.Audio.P50, l.Sample.Audio.P99,
			l.Sample.Video.P50, l.Sample.Video.P99),
		fmt.Sprintf("machine  %.0f %% busy, %.0f %% stolen; server %.2f cores, %.0f MiB; bots %.2f cores", 100*l.Busy,
			100*l.Steal, l.ServerCores, l.ServerRSSMiB, l.BotsCores),
	}
	for _, w := range l.Warnings() {
		lines = append(lines, "WARNING  "+w)
	}
	for i := range lines {
		lines[i] = clip(lines[i], width)
	}
	return lines
}

func (x *Sample) lossPart() string {
	if x.Expected == 0 {
		return "no packets"
	}
	return fmt.Sprintf("%.2f %%", 100*ratio(x.LostAfter, x.Expected))
}

// clock writes seconds as 02:07.
func clock(s float64) string {
	d := time.Duration(s * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// clip takes a line's first characters, without control characters: a scenario's name is a stranger's text.
func clip(line string, width int) string {
	out := make([]rune, 0, width)
	for _, c := range line {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			continue
		}
		if len(out) == width {
			break
		}
		out = append(out, c)
	}
	return strings.TrimRight(string(out), " ")
}

// Warnings say what a person should look at now: who must act, and what makes the figures worthless.
func (x *Sample) Warnings() (list []string) {
	if x.Waiting > 0 {
		list = append(list, fmt.Sprintf("waiting to be let in (%d): a host must admit them", x.Waiting))
	}
	if x.Busy > maxBusy {
		list = append(list, fmt.Sprintf("this machine is %.0f %% busy", 100*x.Busy))
	}
	if x.Steal > maxSteal {
		list = append(list, fmt.Sprintf("the hypervisor gives %.0f %% of the processors away", 100*x.Steal))
	}
	if x.Runnable > maxRunnable {
		list = append(list, fmt.Sprintf("%.0f threads want each processor", x.Runnable))
	}
	return list
}
