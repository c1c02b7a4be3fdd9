package link

import (
	"context"
	"fmt"
	"strings"
	"time"

	"conclave/bots"
	"conclave/bots/receive"
	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
)

// measureFair has two viewers share a link.
func measureFair(ctx context.Context, f *field) (string, error) {
	const kbit = 4000
	last := 60 * time.Second
	if f.cmd.Quick {
		last = 6 * time.Second
	}
	f.console.Progress("fair: two viewers behind %d kbit/s", kbit)
	g, err := f.prepare(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = g.server.Stop() }()
	crowd, err := g.bots(ctx, g.wide, bots.Config{Count: 8, Publishers: 8, Duration: last + 60*time.Second})
	if err != nil {
		return "", err
	}
	if err := g.await(ctx, 8, 16); err != nil {
		return "", err
	}
	if err := g.narrow.Limit(ctx, kbit, queueTime); err != nil {
		return "", err
	}
	link := g.watch(ctx)
	viewers := make([]*child.Process, 2)
	for i := range viewers { // the second comes ten seconds later, when the first has it all
		if viewers[i], err = g.bots(ctx, g.narrow, bots.Config{Count: 1, AudioSlots: 4, VideoSlots: 8, View: 8, Height: 360,
			Duration: last - time.Duration(i)*10*time.Second}); err != nil {
			return "", err
		}
		if err := pause(ctx, 10*time.Second*time.Duration(1-i)); err != nil {
			return "", err
		}
	}
	var timelines [][]receive.Moment
	for _, c := range viewers {
		r, err := botReport(c)
		if err != nil {
			return "", err
		}
		timelines = append(timelines, r.Bots[0].Timeline)
	}
	samples := link.end(f)
	_ = crowd.Stop() // it has served
	return fairTable(timelines, samples, kbit), nil
}

func fairTable(timelines [][]receive.Moment, samples []sample, kbit int) string {
	for i, list := range timelines {
		if len(list) == 0 {
			return fmt.Sprintf("Viewer %d received nothing.\n", i+1)
		}
	}
	end := min(timelines[0][len(timelines[0])-1].At, timelines[1][len(timelines[1])-1].At)
	from, to := time.UnixMilli(end).Add(-20*time.Second), time.UnixMilli(end)
	var rates []float64
	var b strings.Builder
	b.WriteString("| | received in the last 20 s, kbit/s | pictures | longest freeze, ms |\n|---|---|---|---|\n")
	for i, list := range timelines {
		rate := receivedRate(list, from, to)
		rates = append(rates, rate)
		v := look(list, from, to)
		fmt.Fprintf(&b, "| viewer %d | %.0f | %s | %.0f |\n", i+1, rate, heightsOf(v), v.longest)
	}
	less, more := min(rates[0], rates[1]), max(rates[0], rates[1])
	used := between(samples, from, to)
	fmt.Fprintf(&b, "\nThe one with less has %.0f %% less than the other; together %.0f %% of the link is used; "+
		"queue p95 %.0f ms.\n", 100*(1-less/max(1, more)),
		100*sentRate(used)/float64(kbit), figures.Percentile(queueDelays(used, kbit), 95))
	return b.String()
}

// receivedRate is in kbit/s of RTP.
func receivedRate(list []receive.Moment, from, to time.Time) float64 {
	var first, last *receive.Moment
	for i := range list {
		if m := &list[i]; m.At >= from.UnixMilli() && m.At <= to.UnixMilli() {
			if first == nil {
				first = m
			}
			last = m
		}
	}
	if first == nil || last.At == first.At {
		return 0
	}
	return float64(last.Bytes-first.Bytes) * 8 / float64(last.At-first.At)
}
