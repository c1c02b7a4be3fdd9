// Package line is a link between two network namespaces whose delay, jitter, order, loss and width are set: a TUN
// device in each, and this program between them. The kernels this is measured on have no netem.
//
// bots/network decides what happens to each packet, in tests that need no device; this package carries it out. Command
// is the program; tests/browser/harness/line.js starts it for browsers, and netlab opens lines to its hosts. It needs
// the right to make network devices.
package line

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"conclave/bots/network"
)

// End is one end of a line.
type End struct {
	// Namespace is the path of a network namespace, or the name of one in /run/netns. Empty: this process's own.
	Namespace string
	Device    string // the name of the device to make
	Address   string // of the device, with the length of its prefix
}

// Way is what one direction does to packets. Conditions that Check refuses are not taken.
type Way struct{ *network.Line[[]byte] }

// Line is an open line. Its ways may be changed and counted by several goroutines.
type Line struct {
	ToFar, ToNear Way

	near, far *os.File
	readers   sync.WaitGroup
}

// Open makes the devices and starts to carry packets both ways. Equal seeds lose the same packets. Close the line.
func Open(ctx context.Context, near, far End, c network.Conditions, seed uint64) (*Line, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("line: %w", err)
	}
	l := &Line{}
	var err error
	if l.near, err = near.open(ctx); err != nil {
		return nil, err
	}
	if l.far, err = far.open(ctx); err != nil {
		return nil, errors.Join(err, l.near.Close())
	}
	now := time.Now()
	l.ToFar = Way{network.NewLine(network.NewLink(c, seed, now), writeTo(l.far))}
	l.ToNear = Way{network.NewLine(network.NewLink(c, seed+1, now), writeTo(l.near))}
	l.readers.Go(func() { carry(l.near, l.ToFar) })
	l.readers.Go(func() { carry(l.far, l.ToNear) })
	return l, nil
}

// Close takes the devices away. What is on the line is lost.
func (l *Line) Close() error {
	err := errors.Join(l.near.Close(), l.far.Close())
	l.readers.Wait()
	l.ToFar.Close()
	l.ToNear.Close()
	return err
}

// writeTo hands packets to a device. One that the device does not take is lost, as on a link that is down.
func writeTo(device *os.File) func([]byte, time.Time) {
	return func(packet []byte, _ time.Time) { _, _ = device.Write(packet) }
}

// maxPacket is the most that a device hands over: its MTU is 1,500, and what is larger has been cut by the kernel.
const maxPacket = 2048

// carry puts what leaves by a device on its way, until the device is closed.
func carry(device *os.File, way Way) {
	buf := make([]byte, maxPacket)
	for {
		n, err := device.Read(buf)
		switch {
		case errors.Is(err, os.ErrClosed):
			return
		case err != nil:
			time.Sleep(time.Millisecond) // the device is down: avoid a busy loop until it is up or closed
		default:
			way.Put(append([]byte(nil), buf[:n]...), n, time.Now())
		}
	}
}

// open makes the device of an end, up and with its address.
func (e End) open(ctx context.Context) (*os.File, error) {
	device, err := openTUN(e.path(), e.Device)
	if err != nil {
		return nil, fmt.Errorf("line: %s: %w", e.Device, err)
	}
	for _, args := range []string{
		// No IPv6 address that turns up later: browsers restart what they load when the network changes.
		"link set " + e.Device + " addrgenmode none",
		"address add " + e.Address + " dev " + e.Device,
		"link set " + e.Device + " up",
	} {
		if err := e.ip(ctx, strings.Fields(args)...); err != nil {
			return nil, errors.Join(err, device.Close())
		}
	}
	return device, nil
}

func (e End) ip(ctx context.Context, args ...string) error {
	command := append([]string{"ip"}, args...)
	if path := e.path(); path != "" {
		command = append([]string{"nsenter", "--net=" + path}, command...)
	}
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("line: %s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// path is where the end's namespace is; empty: this process's own.
func (e End) path() string {
	if e.Namespace == "" || strings.Contains(e.Namespace, "/") {
		return e.Namespace
	}
	return "/run/netns/" + e.Namespace
}
