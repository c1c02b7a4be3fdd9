package measure

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/process"
	"conclave/media"
	"conclave/sfu"
)

// Scale raises the load on the engine until it forwards no more, with each number of workers.
//
// Bots that read what they get would need more CPU time than the server. So the listeners' sockets have a filter by
// which the kernel discards media on arrival: the server seals and sends everything, but queueing and waking are left
// out, and a packet costs it less than in `forward`. Ceilings are to be compared with one another, not with figures
// from elsewhere.
//
// On a machine with as many cores as workers, the publishers (some hundredths of a core) and the server share them.
type Scale struct {
	Workers    []int         `default:"1,2" help:"Numbers of workers to compare."`
	Listeners  int           `default:"300" help:"People who listen."`
	Publishers []int         `default:"4,8,16,24,32,40,48" help:"Steps: how many of the others publish."`
	Step       time.Duration `default:"5s" help:"How long each step is measured."`
	JSON       string        `name:"json" placeholder:"FILE" help:"Write all steps there."`
	CPUProfile string        `name:"cpuprofile" placeholder:"FILE" help:"Write a CPU profile of each last step: FILE.1 …"`
	Quick      bool          `help:"A smoke test of some seconds: the figures mean nothing."`
}

// scaleStep is one step.
type scaleStep struct {
	Workers    int       `json:"workers"`
	Publishers int       `json:"publishers"`
	Offered    float64   `json:"offered_packets_per_s"` // what was published, times the listeners
	Forwarded  float64   `json:"forwarded_packets_per_s"`
	Dropped    float64   `json:"dropped_packets_per_s"`
	Cores      float64   `json:"server_cores"`
	Clients    float64   `json:"client_cores"`
	Micros     float64   `json:"us_per_packet"`
	Busy       []float64 `json:"busy"` // of each worker's time, waiting for a core included
	Share      []float64 `json:"share"`
}

// Run measures.
func (cmd *Scale) Run(ctx context.Context, c figures.Console) error {
	if cmd.Quick {
		cmd.Listeners, cmd.Publishers, cmd.Step = 10, []int{1, 2}, 500*time.Millisecond
	}
	if most := cmd.Publishers[len(cmd.Publishers)-1]; most > sfu.MaxVideoSlots {
		return fmt.Errorf("--publishers: a listener has at most %d slots of a kind", sfu.MaxVideoSlots)
	}
	ceilings := map[int]scaleStep{}
	var all []scaleStep
	for _, workers := range cmd.Workers {
		steps, err := cmd.climb(ctx, c, workers)
		if err != nil {
			return err
		}
		all = append(all, steps...)
		for _, s := range steps {
			if s.Forwarded > ceilings[workers].Forwarded {
				ceilings[workers] = s
			}
		}
	}
	c.Table(scaleTable(all))
	c.Table("\n" + verdict(cmd.Workers, ceilings))
	return figures.WriteJSON(cmd.JSON, all)
}

// saturated says that a step forwarded clearly less than it was given.
func (s scaleStep) saturated() bool { return s.Forwarded < 0.97*s.Offered }

// climb measures step after step on one server.
func (cmd *Scale) climb(ctx context.Context, c figures.Console, workers int) (steps []scaleStep, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute+time.Duration(len(cmd.Publishers))*2*cmd.Step)
	defer cancel()
	srv, err := child.StartServer(ctx, child.ServerConfig{Media: child.Engine, Workers: workers})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, srv.Stop()) }()
	most := cmd.Publishers[len(cmd.Publishers)-1]
	var view []media.ParticipantID
	for id := range most {
		view = append(view, media.ParticipantID(id+1))
	}
	audience, err := child.StartClients(ctx, srv, child.ClientsConfig{First: most + 1, Count: cmd.Listeners,
		AudioSlots: most, VideoSlots: most, View: view})
	if err != nil {
		return nil, err
	}
	children := []*child.Process{audience}
	defer func() {
		for _, p := range children {
			err = errors.Join(err, p.Stop())
		}
	}()
	present := 0
	for _, publishers := range cmd.Publishers {
		more, err := child.StartClients(ctx, srv, child.ClientsConfig{First: present + 1, Count: publishers - present,
			Publish: true,
			FPS:     30, Frame: 4 * child.VideoPayload, Audio: true})
		if err != nil {
			if present > 0 { // the server is so busy that joins fail
				c.Progress("%d workers: joins failed after %d publishers", workers, present)
				return steps, nil
			}
			return nil, err
		}
		children = append(children, more)
		present = publishers
		wait(ctx, 2*time.Second) // a key frame from each
		if cmd.CPUProfile != "" && publishers == most {
			if err := srv.Profile(ctx, cmd.CPUProfile+"."+strconv.Itoa(workers)); err != nil {
				return nil, err
			}
		}
		s, err := cmd.step(ctx, srv, children)
		if err != nil {
			return nil, err
		}
		s.Workers, s.Publishers = workers, publishers
		s.Offered = float64(publishers*cmd.Listeners) * (30*child.VideoPackets + 50)
		steps = append(steps, s)
		c.Progress("%d workers, %2d publishers: %s of %s packets/s, %.3f µs/packet, %.2f cores (clients %.2f), busy %.2f",
			workers, publishers,
			figures.Thousands(s.Forwarded), figures.Thousands(s.Offered), s.Micros, s.Cores, s.Clients, s.Busy)
		if s.Forwarded < 0.7*s.Offered { // far beyond the ceiling: no need to go on
			break
		}
	}
	if cmd.CPUProfile != "" {
		_ = srv.Profile(ctx, "") // none runs if the climb ended early
	}
	return steps, ctx.Err()
}

// step measures the server as it is.
func (cmd *Scale) step(ctx context.Context, srv *child.Server, clients []*child.Process) (s scaleStep, err error) {
	sum := func() (total time.Duration, err error) {
		for _, c := range clients {
			r, err := process.Read(c.PID())
			if err != nil {
				return 0, err
			}
			total += r.Total
		}
		return total, nil
	}
	snapshot := func() (st child.ServerStats, r process.Reading, clients time.Duration, err error) {
		if st, err = srv.Stats(ctx, false); err != nil {
			return st, r, 0, err
		}
		if r, err = process.Read(srv.PID()); err != nil {
			return st, r, 0, err
		}
		clients, err = sum()
		return st, r, clients, err
	}
	st0, r0, c0, err := snapshot()
	if err != nil {
		return s, err
	}
	wait(ctx, cmd.Step)
	st1, r1, c1, err := snapshot()
	if err != nil {
		return s, err
	}
	seconds := r1.At.Sub(r0.At).Seconds()
	change := func(name string) float64 { return st1.Counters[name] - st0.Counters[name] }
	forwarded := change("forwarded_packets_total")
	s.Forwarded = forwarded / seconds
	s.Dropped = change("dropped_packets_total") / seconds
	s.Cores = (r1.Total - r0.Total).Seconds() / seconds
	s.Clients = (c1 - c0).Seconds() / seconds
	s.Micros = figures.PerPacket(r1.Total-r0.Total, uint64(max(0, forwarded)))
	for i := 0; ; i++ {
		worker := "/" + strconv.Itoa(i)
		if _, ok := st1.Counters["busy_seconds_total"+worker]; !ok {
			break
		}
		s.Busy = append(s.Busy, change("busy_seconds_total"+worker)/seconds)
		s.Share = append(s.Share, change("forwarded_packets_total"+worker)/max(1, forwarded))
	}
	return s, nil
}

func scaleTable(steps []scaleStep) string {
	rows := [][]string{{"workers", "publishers", "offered packets/s", "forwarded", "%", "µs/packet", "server cores",
		"client cores", "busy of each worker", "share of each"}}
	list := func(values []float64) string {
		var parts []string
		for _, v := range values {
			parts = append(parts, figures.Number(v, 2))
		}
		return strings.Join(parts, " ")
	}
	for _, s := range steps {
		rows = append(rows, []string{strconv.Itoa(s.Workers), strconv.Itoa(s.Publishers), figures.Thousands(s.Offered),
			figures.Thousands(s.Forwarded),
			figures.Number(100*s.Forwarded/max(1, s.Offered), 0), figures.Number(s.Micros, 3), figures.Number(s.Cores, 2),
			figures.Number(s.Clients, 2), list(s.Busy), list(s.Share)})
	}
	return figures.Markdown(rows)
}

// verdict compares the ceilings: as measured, and as the CPU time per packet would have them if nothing else ran on
// the machine.
func verdict(workers []int, ceilings map[int]scaleStep) string {
	var b strings.Builder
	first := ceilings[workers[0]]
	for _, n := range workers {
		s := ceilings[n]
		reached := "not reached: raise --listeners or --publishers"
		if s.saturated() {
			reached = "the ceiling"
		}
		fmt.Fprintf(&b, "%d workers: %s packets/s at most (%s), %.3f µs/packet", n, figures.Thousands(s.Forwarded), reached,
			s.Micros)
		if n != workers[0] && first.Forwarded > 0 {
			fmt.Fprintf(&b, "; %.2f × %d worker's as measured, %.2f × by CPU time", s.Forwarded/first.Forwarded, workers[0],
				byCPU(s)/byCPU(first))
		}
		b.WriteByte('\n')
	}
	b.WriteString("By CPU time: packets/s if the busiest worker had a core of its own, from the CPU time per packet " +
		"and the workers' shares.\n" +
		"Where clients and server need all cores together, the measured ceiling is the machine's, not the server's.\n")
	return b.String()
}

// byCPU is how many packets a second the server could forward if its busiest worker were always on a core.
func byCPU(s scaleStep) float64 {
	busiest := 0.0
	for _, share := range s.Share {
		busiest = max(busiest, share)
	}
	if s.Micros == 0 || busiest == 0 {
		return 0
	}
	return 1e6 / s.Micros / busiest
}
