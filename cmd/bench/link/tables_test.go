package link

import (
	"strings"
	"testing"
	"time"

	"conclave/bots/receive"
	"conclave/bots/report"
	"conclave/media"
)

// moments are a viewer's, one each 100 ms, with so many pictures of a height, at 30 frames and kbit a second.
func moments(seconds, pictures, kbit int, height func(picture, second int) int) (list []receive.Moment) {
	for i := range seconds * 10 {
		m := receive.Moment{At: linkEpoch.UnixMilli() + int64(i)*100, Bytes: uint64(i) * uint64(kbit) * 1000 / 8 / 10}
		for p := range pictures {
			if h := height(p, i/10); h > 0 {
				m.Streams = append(m.Streams, receive.MomentStream{
					Participant: media.ParticipantID(p + 1), Height: h, Frames: uint64(3 * i),
				})
			}
		}
		list = append(list, m)
	}
	return list
}

func always(h int) func(int, int) int { return func(int, int) int { return h } }

func wants(t *testing.T, table string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(table, p) {
			t.Errorf("no %q in\n%s", p, table)
		}
	}
}

func TestStepsTellRateQueueAndPictures(t *testing.T) {
	steps := []step{{1000, 20 * time.Second}, {500, 20 * time.Second}}
	starts := []time.Time{linkEpoch, linkEpoch.Add(20 * time.Second), linkEpoch.Add(40 * time.Second)}
	list := samples(41, func(s int) int {
		if s < 20 {
			return 900
		}
		return 300
	})
	for i := range list {
		list[i].Backlog = 2500 // 20 ms at 1,000 kbit/s, 40 at 500
	}
	seen := moments(41, 2, 1, func(p, s int) int {
		if s >= 21 {
			return 180
		}
		return 180 * (p + 1)
	})
	table := stepTable(steps, starts, list, seen)
	wants(t, table, "| 1000 | 900 (90 %) | 0.0 s | 20, 20 |", "1 × 360, 1 × 180", "| 500 | 300 (60 %) | never | 40, 40 |",
		"2 × 180",
		"60 frames/s in all")
	if total(steps) != 40*time.Second {
		t.Errorf("the steps take %v", total(steps))
	}
}

func TestPicturesAreCountedByHeight(t *testing.T) {
	for want, heights := range map[string][]int{
		"none": nil, "1 × 720": {720}, "2 × 360, 3 × 180": {360, 360, 180, 180, 180},
	} {
		if got := heightsOf(view{heights: heights}); got != want {
			t.Errorf("%v: %s, want %s", heights, got, want)
		}
	}
}

func TestTheOthersAreThoseThatWatch(t *testing.T) {
	r := &report.Report{Bots: []report.Bot{
		{}, {Timeline: moments(10, 1, 1, always(360))}, {Timeline: moments(10, 1, 1,
			func(_, s int) int { return 180 + 180*(s/5) })},
	}}
	line := othersLine(r, 1, linkEpoch, linkEpoch.Add(10*time.Second))
	wants(t, line, "The 2 others", "1 changes", "30.0 frames a second")
	if line := othersLine(&report.Report{Bots: []report.Bot{{}}}, 1, linkEpoch, linkEpoch); !strings.Contains(line,
		"no others") {
		t.Errorf("others of a publisher alone: %s", line)
	}
}

func TestFairnessIsToldInNumbers(t *testing.T) {
	lists := [][]receive.Moment{moments(30, 4, 2000, always(360)), moments(30, 2, 1500, always(180))}
	table := fairTable(lists, samples(31, func(int) int { return 3500 }), 4000)
	wants(t, table, "| viewer 1 | 2000 | 4 × 360 |", "| viewer 2 | 1500 | 2 × 180 |", "25 % less", "88 % of the link")
	if got := fairTable([][]receive.Moment{nil, lists[1]}, nil, 4000); !strings.Contains(got, "received nothing") {
		t.Errorf("with a viewer that never joined: %s", got)
	}
	if receivedRate(nil, linkEpoch, linkEpoch.Add(time.Hour)) != 0 {
		t.Error("a rate of nothing")
	}
}

func TestTilesTellWhenEachAimWasReached(t *testing.T) {
	list := moments(30, 3, 1, func(p, s int) int {
		switch {
		case p == 0 && s >= 2:
			return 720
		case p == 0:
			return 180
		case p == 1 && s >= 8:
			return 360
		case p == 1, s >= 5:
			return 180
		}
		return 0
	})
	table := tilesTable(list, 3, 3000, samples(31, func(int) int { return 2700 }))
	wants(t, table, "| 2.0 s | 5.0 s | 8.0 s | 1 × 720, 1 × 360, 1 × 180, 30.0 frames/s and picture | 2700 of 3000 |")
	never := tilesTable(moments(30, 2, 1, always(180)), 3, 1500, nil)
	wants(t, never, "| never | never | never |")
	if got := tilesTable(nil, 3, 3000, nil); !strings.Contains(got, "received nothing") {
		t.Errorf("of a viewer that never joined: %s", got)
	}
}

func TestASenderIsSeenToPauseAndGoOn(t *testing.T) {
	var list []browserMoment
	frames := uint64(0)
	for i := range 300 { // encoded from 1 s to 11 s, and from 22 s on
		if s := i / 10; s >= 1 && s < 11 || s >= 22 {
			frames++
		}
		list = append(list, browserMoment{
			Moment: receive.Moment{At: linkEpoch.UnixMilli() + int64(i)*100}, Sent: []browserSent{{RID: "f", Frames: frames}},
		})
	}
	at := func(s int) time.Time { return linkEpoch.Add(time.Duration(s) * time.Second) }
	table := senderTable(list, []time.Time{at(0), at(10), at(20)})
	wants(t, table, "| comes | is encoded after 1.0 s |", "| goes | is paused after 0.9 s |",
		"| comes again | is encoded after 2.0 s |")
	table = senderTable(list[:5], []time.Time{at(0), at(0), at(0)})
	wants(t, table, "| comes | did not change within the time: is paused |",
		"| goes | did not change within the time: is encoded |")
}
