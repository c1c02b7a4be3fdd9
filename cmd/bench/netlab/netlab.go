// Package netlab makes a small network of Linux network namespaces: this process's own, where the server is, and
// hosts that are reached over a virtual Ethernet pair each, or over a line with a delay (package line). The way from
// the server can be made narrow (tc tbf) or lossy (nftables). Nothing of it is visible outside. It needs root, iproute2
// and nftables.
package netlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"conclave/bots/network"
	"conclave/cmd/bench/line"
)

// ServerAddress is where the server listens: every host has a route to it.
const ServerAddress = "10.77.0.1"

// insideVariable tells a process that it is in a namespace of its own.
const insideVariable = "CONCLAVE_NETLAB"

// Inside says whether this process was started by Enter.
func Inside() bool { return os.Getenv(insideVariable) != "" }

// Enter runs this program again, with the same arguments, in a network namespace of its own, and waits for it. The
// namespace goes when it ends.
func Enter(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("netlab: making network namespaces needs root")
	}
	for tool, of := range map[string]string{"ip": "iproute2", "unshare": "util-linux"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("netlab: needs %s, of Debian's package %s: %w", tool, of, err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("netlab: %w", err)
	}
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--net", "--", self}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("netlab: %w", err)
	}
	return nil
}

// Lab is the network.
type Lab struct {
	hosts []*Host
	lines []*line.Line
}

// wire is a host's end of its pair.
const wire = "wire"

// Host is one namespace with one interface.
type Host struct {
	Name    string // of the namespace
	Device  string // the server's end of the pair
	Address string
}

// New prepares the namespace this process is in.
func New(ctx context.Context) (*Lab, error) {
	if !Inside() {
		return nil, errors.New("netlab: not in a network namespace of its own")
	}
	for _, args := range []string{"link set lo up", "address replace " + ServerAddress + "/32 dev lo"} {
		if err := run(ctx, "ip", strings.Fields(args)...); err != nil {
			return nil, err
		}
	}
	return &Lab{}, nil
}

// Host adds a host. Packets take delay each way; 0: as long as the kernel takes.
func (l *Lab) Host(ctx context.Context, delay time.Duration) (*Host, error) {
	n := len(l.hosts) + 1
	h := &Host{
		Name:    fmt.Sprintf("conclave-%d-%d", os.Getpid(), n),
		Device:  fmt.Sprintf("host%d", n),
		Address: fmt.Sprintf("10.77.%d.2", n),
	}
	server := fmt.Sprintf("10.77.%d.1", n)
	if err := run(ctx, "ip", "netns", "add", h.Name); err != nil {
		return nil, err
	}
	l.hosts = append(l.hosts, h)
	commands := []string{"-n " + h.Name + " link set lo up", "-n " + h.Name + " route add default via " + server}
	if delay > 0 {
		far, err := line.Open(ctx, line.End{Device: h.Device, Address: server + "/24"},
			line.End{Namespace: h.Name, Device: wire, Address: h.Address + "/24"}, network.Conditions{Delay: delay}, 1)
		if err != nil {
			return nil, err //nolint:wrapcheck // it says what
		}
		l.lines = append(l.lines, far)
	} else {
		commands = append(pair(h, server), commands...)
	}
	for _, args := range commands {
		if err := run(ctx, "ip", strings.Fields(args)...); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// pair are the commands that join a host to the server by a pair of virtual Ethernet interfaces.
func pair(h *Host, server string) []string {
	return []string{
		"link add " + h.Device + " type veth peer name " + wire + " netns " + h.Name,
		"address add " + server + "/24 dev " + h.Device,
		"link set " + h.Device + " gso_max_segs 1", // what the link carries are packets, not bundles of them
		"link set " + h.Device + " up",
		"-n " + h.Name + " address add " + h.Address + "/24 dev " + wire,
		"-n " + h.Name + " link set " + wire + " up",
	}
}

// Close takes the hosts away. What runs on them should have ended. Their interfaces go some time later, so a lab is
// made once a process.
func (l *Lab) Close() error {
	var errs []error
	for _, open := range l.lines {
		errs = append(errs, open.Close())
	}
	l.lines = nil
	for _, h := range l.hosts {
		errs = append(errs, run(context.WithoutCancel(context.Background()), "ip", "netns", "delete", h.Name))
	}
	l.hosts = nil
	return errors.Join(errs...)
}

// Command is a command line that runs the given one on the host.
func (h *Host) Command(args ...string) []string {
	return append([]string{"ip", "netns", "exec", h.Name}, args...)
}

// Segmentation says what the server's end of the pair can do: cut the datagrams of UDP_SEGMENT apart itself, or not.
// If it can, the kernel hands it several datagrams in one buffer, which passes the pair whole. If not, the kernel cuts
// them apart in the sender's call. A new host's cannot. Neither end joins datagrams again (GRO).
func (h *Host) Segmentation(ctx context.Context, can bool) error {
	segments := "1" // more than that the kernel cuts, as without tx-udp-segmentation
	if can {
		segments = "65535" // the kernel's own limit, and its default
	}
	for namespace, device := range map[string]string{"": h.Device, "/run/netns/" + h.Name: wire} {
		if err := line.InNamespace(namespace, func() error { return disableGRO(device) }); err != nil {
			return fmt.Errorf("netlab: %s: generic receive offload: %w", device, err)
		}
	}
	return run(ctx, "ip", "link", "set", h.Device, "gso_max_segs", segments)
}

// Sent is how many buffers the server's end of the pair has sent so far. One may be several datagrams.
func (h *Host) Sent(ctx context.Context) (uint64, error) {
	out, err := exec.CommandContext(ctx, "ip", "-s", "-j", "link", "show", "dev", h.Device).Output()
	if err != nil {
		return 0, fmt.Errorf("netlab: ip: %w", err)
	}
	return parseSent(out)
}

func parseSent(out []byte) (uint64, error) {
	var list []struct {
		Stats struct {
			Sent struct {
				Packets uint64 `json:"packets"`
			} `json:"tx"`
		} `json:"stats64"`
	}
	if err := json.Unmarshal(out, &list); err != nil || len(list) != 1 {
		return 0, fmt.Errorf("netlab: ip: %d devices: %w", len(list), err)
	}
	return list[0].Stats.Sent.Packets, nil
}

// Limit makes the way to the host so many kbit/s wide, with a queue that takes what it carries in the given time; 0
// takes the limit away.
func (h *Host) Limit(ctx context.Context, kbit int, queue time.Duration) error {
	if kbit == 0 {
		return run(ctx, "tc", "qdisc", "delete", "dev", h.Device, "root")
	}
	return run(ctx, "tc", "qdisc", "replace", "dev", h.Device, "root", "handle", "1:", "tbf", "rate",
		fmt.Sprintf("%dkbit", kbit),
		"burst", "3200", "latency", fmt.Sprintf("%dms", queue.Milliseconds()))
}

// Lose makes the way to the host lose so many in a thousand packets of UDP, at random; 0 none.
func (h *Host) Lose(ctx context.Context, permille int) error {
	rules := "flush ruleset\n"
	if permille > 0 {
		rules += "table ip lab { chain loss { type filter hook prerouting priority 0; meta l4proto udp numgen random " +
			"mod 1000 < " +
			strconv.Itoa(permille) + " drop; }; }\n"
	}
	args := h.Command("nft", "-f", "-")
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(rules)
	return explain(cmd)
}

// Queue is the state of a limited link.
type Queue struct {
	Bytes   uint64 // sent so far
	Drops   uint64 // packets that found the queue full, so far
	Backlog int    // bytes waiting now
}

// Queue looks at the link to the host.
func (h *Host) Queue(ctx context.Context) (Queue, error) {
	out, err := exec.CommandContext(ctx, "tc", "-s", "-j", "qdisc", "show", "dev", h.Device, "root").Output()
	if err != nil {
		return Queue{}, fmt.Errorf("netlab: tc: %w", err)
	}
	return parseQueue(out)
}

func parseQueue(out []byte) (Queue, error) {
	var list []struct {
		Kind    string `json:"kind"`
		Bytes   uint64 `json:"bytes"`
		Drops   uint64 `json:"drops"`
		Backlog int    `json:"backlog"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return Queue{}, fmt.Errorf("netlab: tc: %w", err)
	}
	for _, q := range list {
		if q.Kind == "tbf" {
			return Queue{q.Bytes, q.Drops, q.Backlog}, nil
		}
	}
	return Queue{}, nil
}

func run(ctx context.Context, name string, args ...string) error {
	return explain(exec.CommandContext(ctx, name, args...))
}

// explain runs cmd and puts what it says into the error.
func explain(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("netlab: %s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
