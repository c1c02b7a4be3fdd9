package agent

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"conclave/bots"
	"conclave/bots/measure"
	"conclave/bots/report"
	"conclave/bots/scenario"
)

func someJob() *job {
	return &job{
		Verify: 1, Of: 2, Meetings: []bots.MeetingKey{{ID: "k7qm-2f9x-w3dj-8hrt"}},
		Plan: &scenario.Plan{
			Meetings: make([]scenario.PlannedMeeting, 1),
			Bots:     []scenario.Bot{{Role: "listener", Height: 180}, {Role: "listener", Height: 180}},
			Stages:   []scenario.Stage{{Kind: scenario.Join, Bots: 2}, {Kind: scenario.Hold, Length: time.Second}},
		},
	}
}

func someDone() *done {
	h := measure.NewHistogram()
	measure.Record(h, 5*time.Millisecond)
	return &done{Report: &report.Report{Schema: report.Schema}, Audio: countsOf(h), Video: counts{}}
}

func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	for _, m := range []*message{
		{Hello: &hello{Version: 1, Target: "http://127.0.0.1:1"}}, {Ping: &ping{}}, {Pong: &pong{TimeNS: 7}}, {Job: someJob()},
		{At: &gate{Point: bots.GateOpen}}, {Tick: &tick{Live: &report.Live{}, Published: []bots.Published{{Audio: 1}}}},
		{Bots: &[]report.Bot{{Bot: 3}}}, {Done: someDone()}, {Bye: &bye{Reason: "over"}},
	} {
		raw, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := read(bytes.NewReader(raw))
		if err != nil {
			t.Errorf("%s: %v", raw[4:], err)
			continue
		}
		again, err := back.encode()
		if err != nil || !bytes.Equal(raw, again) {
			t.Errorf("%v: %s became %s", err, raw[4:], again[4:])
		}
		for n := range len(raw) { // cut short at every length
			if _, err := read(bytes.NewReader(raw[:n])); err == nil {
				t.Errorf("the first %d bytes of %s were accepted", n, raw[4:])
			}
		}
	}
}

func TestMessagesOutOfBoundsAreRefused(t *testing.T) {
	for name, m := range map[string]*message{
		"nothing":            {},
		"two things":         {Ping: &ping{}, Bye: &bye{}},
		"no plan":            {Job: &job{Verify: 1, Of: 1}},
		"too many bots":      {Bots: ptr(make([]report.Bot, maxBatch+1))},
		"too many meetings":  {Elsewhere: &elsewhere{Published: make([]bots.Published, scenario.MaxMeetings+1)}},
		"a tick of nothing":  {Tick: &tick{}},
		"report and error":   {Done: &done{Report: &report.Report{Schema: report.Schema}, Error: "x"}},
		"neither":            {Done: &done{}},
		"another schema":     {Done: &done{Report: &report.Report{Schema: "x"}}},
		"too many counts":    {Done: &done{Error: "x", Audio: make(counts, maxCounts+1)}},
		"a negative timeout": {Job: with(func(j *job) { j.Settle = -1 })},
		"no such share":      {Job: with(func(j *job) { j.Index = 2 })},
		"too many shares":    {Job: with(func(j *job) { j.Of = MaxAgents + 1 })},
		"no meetings":        {Job: with(func(j *job) { j.Meetings = nil })},
		"a bad plan":         {Job: with(func(j *job) { j.Plan.Bots[0].Meeting = 9 })},
		"too many samples":   {Done: &done{Report: overlong()}},
	} {
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(raw); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for _, text := range []string{
		"", "null", "[]", "7", `{"ping":{}} `,
		`{"ping":{},"more":1}`, `{"ping":{"more":1}}`, `{"ping":{}}{"ping":{}}`, `{"ping":{}}x`,
	} {
		if _, err := decode([]byte(text)); (err == nil) != (text == `{"ping":{}} `) {
			t.Errorf("%q: %v", text, err)
		}
	}
	long := binary.BigEndian.AppendUint32(nil, maxMessage+1)
	if _, err := read(io.MultiReader(bytes.NewReader(long), strings.NewReader("{}"))); err == nil {
		t.Error("a message too long was accepted")
	}
	if _, err := (&message{Bye: &bye{Reason: strings.Repeat("x", maxMessage)}}).encode(); err == nil {
		t.Error("a message too long was made")
	}
}

func ptr[T any](v T) *T { return &v }

func with(change func(*job)) *job {
	j := someJob()
	change(j)
	return j
}

func overlong() *report.Report {
	series := report.Series{Samples: make([]report.Sample, report.MaxSamples+1)}
	return &report.Report{Schema: report.Schema, Series: series}
}

func TestHistogramsAddUpAsIfTheyHadNotBeenSent(t *testing.T) {
	h := measure.NewHistogram()
	for i := range 1000 {
		measure.Record(h, time.Duration(i)*time.Millisecond)
	}
	back, err := countsOf(h).histogram()
	if err != nil || measure.QuantilesOf(back) != measure.QuantilesOf(h) {
		t.Errorf("%v: %+v, want %+v", err, measure.QuantilesOf(back), measure.QuantilesOf(h))
	}
	for _, bad := range []counts{{{-1, 1}}, {{1 << 40, 1}}, {{0, -1}}, {{0, 1 << 60}}} {
		if _, err := bad.histogram(); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func FuzzDecodeMessage(f *testing.F) {
	for _, m := range []*message{
		{Job: someJob()}, {Done: someDone()}, {Ping: &ping{}}, {Tick: &tick{Live: &report.Live{}}},
	} {
		raw, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decode(raw)
		if err != nil {
			return
		}
		if m.Done != nil {
			for _, c := range []counts{m.Done.Audio, m.Done.Video} {
				if h, err := c.histogram(); err == nil {
					measure.QuantilesOf(h)
				}
			}
		}
		if _, err := m.encode(); err != nil {
			t.Errorf("%q was read, but cannot be written: %v", raw, err)
		}
	})
}
