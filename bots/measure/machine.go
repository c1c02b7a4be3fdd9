package measure

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Processors is what all processors of a machine have done since it started, in seconds.
type Processors struct {
	// Busy is time spent on work, Idle without any, Steal what the hypervisor gave to others.
	Busy, Idle, Steal float64
	// Cores is how many processors there are, Runnable how many threads are running or ready to run at this moment.
	Cores, Runnable int
}

// ReadProcessors reads /proc/stat; an error where there is none.
func ReadProcessors() (Processors, error) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Processors{}, fmt.Errorf("bots: machine: %w", err)
	}
	return parseProcStat(string(raw))
}

var errProcStat = errors.New("bots: machine: /proc/stat is not as proc(5) describes it")

// parseProcStat reads the text of /proc/stat (proc(5)).
func parseProcStat(text string) (p Processors, err error) {
	found := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) < 2:
		case fields[0] == "cpu":
			found = true
			if err := p.times(fields[1:]); err != nil {
				return Processors{}, err
			}
		case strings.HasPrefix(fields[0], "cpu"):
			p.Cores++
		case fields[0] == "procs_running":
			if p.Runnable, err = strconv.Atoi(fields[1]); err != nil {
				return Processors{}, errProcStat
			}
		}
	}
	if !found || p.Cores == 0 {
		return Processors{}, errProcStat
	}
	return p, nil
}

// times reads user, nice, system, idle, iowait, irq, softirq and steal; guest time is in user time already.
func (p *Processors) times(fields []string) error {
	if len(fields) < 8 {
		return errProcStat
	}
	for i, f := range fields[:8] {
		ticks, err := strconv.ParseUint(f, 10, 63)
		if err != nil {
			return errProcStat
		}
		seconds := float64(ticks) / clockTicks
		switch i {
		case 3, 4:
			p.Idle += seconds
		case 7:
			p.Steal += seconds
		default:
			p.Busy += seconds
		}
	}
	return nil
}

// MachineUse is what a machine's processors did in a span of time, as parts of the time of all of them.
type MachineUse struct {
	Cores       int
	Busy, Steal float64
	// Runnable is how many threads ran or were ready to run, per processor; the mean of all samples.
	Runnable float64
	// Seconds is the length of the span in processor time: all cores together.
	Seconds float64
}

// MachineMeter follows the processors of a machine from its first sample to its last. The zero value is ready to use.
// Safe for concurrent use.
type MachineMeter struct {
	mu          sync.Mutex
	first, last Processors
	samples     int
	runnable    int
}

// Add takes note of a sample.
func (m *MachineMeter) Add(p Processors) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.samples == 0 {
		m.first = p
	}
	m.last = p
	m.samples++
	m.runnable += p.Runnable
}

// Use returns what came of the samples since the first; ok is false without two samples at different times.
func (m *MachineMeter) Use() (u MachineUse, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	busy, idle, steal := m.last.Busy-m.first.Busy, m.last.Idle-m.first.Idle, m.last.Steal-m.first.Steal
	total := busy + idle + steal
	if m.samples < 2 || total <= 0 || busy < 0 || idle < 0 || steal < 0 {
		return MachineUse{}, false
	}
	return MachineUse{
		Cores: m.last.Cores, Busy: busy / total, Steal: steal / total, Seconds: total,
		Runnable: float64(m.runnable) / float64(m.samples) / float64(m.last.Cores),
	}, true
}
