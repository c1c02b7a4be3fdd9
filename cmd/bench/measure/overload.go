package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"conclave/bots"
	"conclave/bots/report"
	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/process"
)

// Overload asks a server for several times what it carries and shows what gives way. The server is held to a quota of
// the processor, so that the bots have the rest of the machine. First meetings come one after the other until something
// gives way: all before were carried. Then, on a new server, so many come in the same rhythm. Those of the next stages,
// twice and three times as many, come all at once; and at last those of the first stage are alone. In each stage a
// meeting of three who only talk, and who were there before, listens how sound fares.
//
// It fails if sound is late or lost, if one who was in is thrown out, or if not everything is back in time. Needs root.
type Overload struct {
	Quota    float64       `default:"0.4" help:"Cores that the server may use."`
	People   int           `default:"10" help:"People in a meeting; all publish, and each sees all others."`
	Meetings int           `help:"How many are carried. Default: measured first."`
	Times    []float64     `default:"1,2,3" help:"Stages: so many times what is carried."`
	Stage    time.Duration `default:"15s" help:"How long each stage lasts."`
	JSON     string        `name:"json" placeholder:"FILE" help:"Write all stages there."`
	Quick    bool          `help:"A smoke test of half a minute."`
}

// What has to hold.
const (
	soundWithin   = 150.0 // ms, one way, 99 of 100 packets
	soundLost     = 0.005 // of all packets, at most
	peopleServed  = 0.9   // of those that are carried, at least
	backWithin    = 10 * time.Second
	stageMeetings = 40 // at most: each has a process of bots
	joinEvery     = 150 * time.Millisecond
	carriedAt     = 0.8 // of the processor time, at most: what gives way gives way at more, in moments
	settling      = 2 * time.Second
	talking       = time.Second // until those who only talk are in
	climbEvery    = 6 * time.Second
	afterwards    = 30 * time.Second // the last stage: what comes back
)

// overloadStage is one stage.
type overloadStage struct {
	Times    float64 `json:"times"` // of what is carried; 0: afterwards
	Meetings int     `json:"meetings"`
	Present  float64 `json:"participants"` // at its end
	Level    float64 `json:"level"`        // the highest
	Share    float64 `json:"share"`        // of pictures, at the end
	Cores    float64 `json:"cores"`
	Sent     float64 `json:"packets_per_s"`
	Late     float64 `json:"late_packets"` // video left out of a standing queue
	NACKs    float64 `json:"nacks_missed"`
	Keys     float64 `json:"key_frames_asked"`
	// of the meeting that only talks
	Sound  float64 `json:"sound_p99_ms"`
	Lost   float64 `json:"sound_lost"`
	Listen float64 `json:"sound_packets"`
}

// overloadResult is the outcome.
type overloadResult struct {
	Carried int             `json:"meetings_carried"`
	Stages  []overloadStage `json:"stages"`
	Back    time.Duration   `json:"back_after"`
	// of all who were in at any time, over their whole stay
	Wanted int     `json:"wanted"`
	Joined int     `json:"joined"`
	Ended  int     `json:"thrown_out"`
	Worst  float64 `json:"worst_meeting_sound_p99_ms"`
	Lost   float64 `json:"sound_lost"`
}

// Run measures.
func (cmd *Overload) Run(ctx context.Context, c figures.Console) (err error) {
	if cmd.Quick {
		cmd.People, cmd.Stage, cmd.Times, cmd.Quota = 6, 5*time.Second, []float64{1, 3}, 0.1
	}
	r := overloadResult{Carried: cmd.Meetings}
	load, err := process.NewGroup("conclave-bench-"+strconv.Itoa(os.Getpid()), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, load.Remove()) }()
	if err := load.Add(os.Getpid()); err != nil { // and the bots with it
		return err
	}
	if r.Carried == 0 {
		if r.Carried, err = cmd.carried(ctx, c); err != nil {
			return err
		}
	}
	if err := cmd.stages(ctx, c, &r); err != nil {
		return err
	}
	c.Table(overloadTable(&r))
	return errors.Join(figures.WriteJSON(cmd.JSON, r), r.judge(cmd.People))
}

// overloaded is a server under a quota, and its meetings.
type overloaded struct {
	*child.Server
	meetings []*child.Process
	group    *process.Group
}

func (cmd *Overload) start(ctx context.Context) (*overloaded, error) {
	srv, err := child.StartServer(ctx, child.ServerConfig{Media: child.Engine})
	if err != nil {
		return nil, err
	}
	group, err := process.NewGroup("conclave-bench-server-"+strconv.Itoa(os.Getpid()), cmd.Quota)
	if err != nil {
		return nil, errors.Join(err, srv.Stop())
	}
	if err := group.Add(srv.PID()); err != nil {
		return nil, errors.Join(err, srv.Stop(), group.Remove())
	}
	return &overloaded{Server: srv, group: group}, nil
}

func (o *overloaded) end() (err error) {
	for _, m := range o.meetings {
		_ = m.Stop() // cut short
	}
	return errors.Join(o.Stop(), o.group.Remove())
}

// add has one more meeting begin, which lasts for so long.
func (o *overloaded) add(ctx context.Context, people int, lasts time.Duration) error {
	cfg := child.BenchBots(people, people, people-1, lasts)
	cfg.AudioSlots, cfg.Ramp, cfg.Settle = min(4, people-1), joinEvery, settling
	p, err := child.StartBots(ctx, o.Server, cfg, nil)
	if err != nil {
		return err
	}
	o.meetings = append(o.meetings, p)
	return nil
}

// carried is how many meetings the server carries before something gives way.
func (cmd *Overload) carried(ctx context.Context, c figures.Console) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	o, err := cmd.start(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, o.end()) }()
	for range cmd.Times { // as in the stages
		p, err := cmd.listen(ctx, o, 5*time.Minute)
		if err != nil {
			return 0, err
		}
		o.meetings = append(o.meetings, p)
	}
	for n = 0; n < stageMeetings; n++ {
		if err := o.add(ctx, cmd.People, 5*time.Minute); err != nil {
			return 0, err
		}
		wait(ctx, climbEvery/2) // they come in
		before, err := process.Read(o.PID())
		if err != nil {
			return 0, err
		}
		wait(ctx, climbEvery/2)
		after, err := process.Read(o.PID())
		if err != nil {
			return 0, err
		}
		st, err := o.Stats(ctx, false)
		if err != nil {
			return 0, err
		}
		level := st.Counters["overload_level"]
		used := (after.Total - before.Total).Seconds() / after.At.Sub(before.At).Seconds() / cmd.Quota
		c.Progress("%d meetings of %d: level %.0f, %.0f %% of its processor time", n+1, cmd.People, level, 100*used)
		if level > 0 || used > carriedAt {
			break
		}
	}
	return max(1, n), ctx.Err()
}

// stages measures all stages.
func (cmd *Overload) stages(ctx context.Context, c figures.Console, r *overloadResult) (err error) {
	first := time.Duration(r.Carried) * climbEvery // until the meetings of the first stage are there
	ctx, cancel := context.WithTimeout(ctx, first+time.Duration(len(cmd.Times)+1)*cmd.Stage+3*time.Minute)
	defer cancel()
	o, err := cmd.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end()) }()
	var listening []*child.Process
	defer func() {
		for _, p := range listening {
			_ = p.Stop()
		}
	}()
	for i := range cmd.Times {
		p, err := cmd.listen(ctx, o, first+time.Duration(i)*cmd.Stage)
		if err != nil {
			return err
		}
		listening = append(listening, p)
	}
	wait(ctx, talking) // they are in
	began := time.Now()
	all := first + time.Duration(len(cmd.Times))*cmd.Stage
	for range r.Carried {
		if err := cmd.add(ctx, o, all+afterwards-time.Since(began)); err != nil {
			return err
		}
		wait(ctx, climbEvery)
	}
	for i, times := range cmd.Times {
		s := overloadStage{Times: times, Meetings: min(stageMeetings, max(1, int(times*float64(r.Carried))))}
		lasts := time.Duration(len(cmd.Times)-i) * cmd.Stage
		if err := cmd.stage(ctx, o, &s, lasts, listening[i]); err != nil {
			return err
		}
		wait(ctx, time.Until(began.Add(first+time.Duration(i+1)*cmd.Stage)))
		c.Progress("%s", s)
		r.Stages = append(r.Stages, s)
	}
	r.Back = comesBack(ctx, o, r.Stages[0].Present)
	return cmd.gather(o, r)
}

// listen has three people talk to each other who measure the stage that begins after so long.
func (cmd *Overload) listen(ctx context.Context, o *overloaded, after time.Duration) (*child.Process, error) {
	talk := bots.Config{Count: 3, Publishers: 3, MuteVideo: true, AudioSlots: 2, View: 0, Bench: true, Verify: 1,
		Settle: talking + after, Duration: cmd.Stage - 3*time.Second}
	return child.StartBots(ctx, o.Server, talk, nil)
}

// add has one more meeting begin, which ends after so long.
func (cmd *Overload) add(ctx context.Context, o *overloaded, ends time.Duration) error {
	joining := time.Duration(cmd.People)*joinEvery + settling
	return o.add(ctx, cmd.People, ends-time.Second-joining)
}

// stage adds the meetings of a stage and measures it.
func (cmd *Overload) stage(
	ctx context.Context, o *overloaded, s *overloadStage, lasts time.Duration, listening *child.Process,
) error {
	first, err := process.Read(o.PID())
	if err != nil {
		return err
	}
	before, err := o.Stats(ctx, false)
	if err != nil {
		return err
	}
	for len(o.meetings) < s.Meetings {
		if err := cmd.add(ctx, o, lasts); err != nil {
			return err
		}
	}
	st := before
	for end := time.Now().Add(cmd.Stage - 2500*time.Millisecond); time.Now().Before(end) && ctx.Err() == nil; {
		wait(ctx, 200*time.Millisecond)
		if st, err = o.Stats(ctx, false); err != nil {
			return err
		}
		s.Level = max(s.Level, st.Counters["overload_level"])
	}
	last, err := process.Read(o.PID())
	if err != nil {
		return err
	}
	s.take(before.Counters, st.Counters, first, last)
	var heard report.Report
	if err := listening.Next(&heard); err != nil {
		return err
	}
	s.Sound, s.Listen = heard.Total.AudioDelay.P99, float64(heard.Total.Expected)
	s.Lost = lostSound(&heard)
	return nil
}

// take fills in what the server counted.
func (s *overloadStage) take(before, after map[string]float64, first, last process.Reading) {
	change := func(name string) float64 { return after[name] - before[name] }
	seconds := last.At.Sub(first.At).Seconds()
	s.Present, s.Share = after["peers"], after["pictures_share"]
	s.Cores = (last.Total - first.Total).Seconds() / seconds
	s.Sent = change("forwarded_packets_total") / seconds
	s.Late = change("dropped_packets_total/late")
	s.NACKs, s.Keys = change("history_misses_total"), change("key_frame_requests_total")
}

// lostSound is which part of the sound did not arrive.
func lostSound(r *report.Report) float64 {
	lost, expected := soundOf(r)
	return float64(lost) / float64(max(1, expected))
}

func soundOf(r *report.Report) (lost, expected uint64) {
	for i := range r.Bots {
		for j := range r.Bots[i].Received {
			if s := &r.Bots[i].Received[j]; !s.Video {
				lost, expected = lost+s.LostAfter, expected+s.Expected
			}
		}
	}
	return lost, expected
}

// comesBack waits until those of the first stage are alone again (who joined late leaves late), and then until nothing
// gives way any more. It says how long the latter took.
func comesBack(ctx context.Context, o *overloaded, present float64) time.Duration {
	ended, calm := time.Time{}, time.Time{}
	for began := time.Now(); ctx.Err() == nil && time.Since(began) < afterwards-2*time.Second; {
		st, err := o.Stats(ctx, false)
		if err != nil {
			break
		}
		if ended.IsZero() && st.Counters["peers"] <= present {
			ended = time.Now()
		}
		switch {
		case st.Counters["overload_level"] > 0 || st.Counters["withheld/server"] > 0:
			calm = time.Time{}
		case calm.IsZero():
			calm = time.Now()
		}
		if !ended.IsZero() && time.Since(ended) > backWithin+2*time.Second {
			break
		}
		wait(ctx, 200*time.Millisecond)
	}
	if calm.IsZero() || ended.IsZero() {
		return time.Hour // never
	}
	return max(0, calm.Sub(ended))
}

// gather takes the reports of all meetings.
func (cmd *Overload) gather(o *overloaded, r *overloadResult) error {
	var lost, expected uint64
	for _, m := range o.meetings {
		var rep report.Report
		if err := m.Next(&rep); err != nil {
			return err
		}
		r.Wanted += rep.Joins.Wanted
		r.Joined += rep.Joins.Joined
		for i := range rep.Bots {
			if b := &rep.Bots[i]; b.Error != "" && b.Participant != 0 {
				r.Ended++
			}
		}
		r.Worst = max(r.Worst, rep.Total.AudioDelay.P99)
		l, e := soundOf(&rep)
		lost, expected = lost+l, expected+e
	}
	r.Lost = float64(lost) / float64(max(1, expected))
	return nil
}

// judge says what does not hold.
func (r *overloadResult) judge(people int) (err error) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			err = errors.Join(err, fmt.Errorf(format, args...))
		}
	}
	for _, s := range r.Stages {
		check(s.Listen > 0 && s.Sound <= soundWithin, "%.0f×: sound takes %.0f ms", s.Times, s.Sound)
		check(s.Lost <= soundLost, "%.0f×: %.2f %% of the sound is lost", s.Times, 100*s.Lost)
		least := min(s.Times, 1) * peopleServed * float64(r.Carried*people)
		check(s.Present >= least, "%.0f×: %.0f people are in, %.0f were carried", s.Times, s.Present, least/peopleServed)
	}
	check(r.Ended == 0, "%d people were thrown out", r.Ended)
	check(r.Back <= backWithin, "after the load it took %v until all was back", r.Back)
	return err
}

// String is a stage in a line.
func (s overloadStage) String() string {
	return fmt.Sprintf("%.0f×: %d meetings, %.0f in, level %.0f, share %.2f, %.2f cores, %s packets/s, late %.0f, "+
		"sound %.0f ms, %.2f %% lost", s.Times, s.Meetings, s.Present, s.Level, s.Share, s.Cores,
		figures.Thousands(s.Sent), s.Late, s.Sound, 100*s.Lost)
}

func overloadTable(r *overloadResult) string {
	rows := [][]string{{"load", "meetings", "people in", "level", "pictures sent", "cores", "packets/s", "late video",
		"key frames asked", "NACKs unanswered", "sound p99 ms", "sound lost %"}}
	for _, s := range r.Stages {
		rows = append(rows, []string{figures.Number(s.Times, 0) + " ×", figures.Number(float64(s.Meetings), 0),
			figures.Number(s.Present, 0), figures.Number(s.Level, 0), figures.Number(s.Share, 2),
			figures.Number(s.Cores, 2), figures.Thousands(s.Sent), figures.Thousands(s.Late),
			figures.Thousands(s.Keys), figures.Thousands(s.NACKs), figures.Number(s.Sound, 0),
			figures.Number(100*s.Lost, 2)})
	}
	var b strings.Builder
	b.WriteString(figures.Markdown(rows))
	fmt.Fprintf(&b, "\n%d meetings are carried. Of %d people %d came in and %d were thrown out. Sound of all over "+
		"their whole stay: %.2f %% lost, p99 of the worst meeting %.0f ms. All was back %.1f s after the load.\n",
		r.Carried, r.Wanted, r.Joined, r.Ended, 100*r.Lost, r.Worst, r.Back.Seconds())
	return b.String()
}
