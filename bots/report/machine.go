package report

import (
	"fmt"

	"conclave/bots/measure"
)

// Machine is what the processors of the bots' machine did in the window, as parts of all their time.
type Machine struct {
	Cores int `json:"cores"`
	// Busy is the part spent on work: that of the bots, that of the server if it runs here, and that of all others.
	Busy   float64 `json:"busy"`
	Bots   float64 `json:"bots"`
	Server float64 `json:"server"`
	Others float64 `json:"others"`
	// Steal is the part that the hypervisor gave to other machines.
	Steal float64 `json:"steal"`
	// Runnable is how many threads ran or were ready to run on each processor, on average.
	Runnable float64 `json:"runnable_per_core"`
	// ServerHere says that the server's process is on this machine.
	ServerHere bool `json:"server_here"`
}

// NewMachine divides up what a machine did. bots and server are CPU times in seconds; a server elsewhere has none.
func NewMachine(u measure.MachineUse, bots, server float64, serverHere bool) *Machine {
	m := &Machine{
		Cores: u.Cores, Busy: u.Busy, Steal: u.Steal, Runnable: u.Runnable, ServerHere: serverHere,
		Bots: bots / u.Seconds, Server: server / u.Seconds,
	}
	m.Others = max(0, m.Busy-m.Bots-m.Server) // the clocks of processes and of the machine tick apart
	return m
}

// String says in one line what the machine did.
func (m *Machine) String() string {
	return fmt.Sprintf("%.0f %% busy: %s; %.0f %% stolen, %.1f threads for each of %d cores",
		100*m.Busy, m.shares(), 100*m.Steal, m.Runnable, m.Cores)
}

// shares says who used the machine.
func (m *Machine) shares() string {
	if !m.ServerHere {
		return fmt.Sprintf("the bots used %.0f %%, other processes %.0f %%", 100*m.Bots, 100*m.Others)
	}
	return fmt.Sprintf("the bots used %.0f %%, the server %.0f %%, other processes %.0f %%",
		100*m.Bots, 100*m.Server, 100*m.Others)
}
