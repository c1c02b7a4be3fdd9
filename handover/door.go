package handover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Listening is a TCP listener, with its address as the configuration names it.
type Listening struct {
	Address  string
	Listener net.Listener
}

// Config configures a Door.
type Config struct {
	// Dir is the folder of the socket. It is made if it is not there.
	Dir string
	// Build is this version, Generation its number: 1 for one that began afresh.
	Build      string
	Generation int
	// Before returns how many versions before this one still run. It may wait for a moment.
	Before func() int
	// Listeners are handed over. There are at most 32.
	Listeners []Listening
	// Give returns the state, in parts of at most MaxData bytes, and from then on tells the link of what changes. The new
	// version may still fail.
	Give func(link *Link) [][]byte
	// Took is called once the new version serves, on a goroutine of the door's: this one must stop accepting.
	Took func(link *Link, build string)
	// Failed is called instead if it fails after Give.
	Failed func(link *Link)
	// Start starts a new version and returns what ends once it has. nil: it cannot.
	Start func() (exited <-chan struct{}, err error)
	// Log is told what happens; it must not be nil.
	Log *slog.Logger
}

// Door is where a new version asks to take over. Safe for concurrent use.
type Door struct {
	cfg      Config
	listener net.Listener
	wg       sync.WaitGroup

	mu      sync.Mutex
	place   place
	conns   map[*conn]struct{} // at most maxConversations
	outcome chan string        // of the new version that is starting: "" for taken; nil: no command waits
}

// maxConversations bounds the conversations at once. Only our own user can open one.
const maxConversations = 16

// Open opens the door. Close ends it.
func Open(cfg Config) (*Door, error) {
	if len(cfg.Listeners) > maxListeners {
		return nil, fmt.Errorf("handover: more than %d listeners", maxListeners)
	}
	l, err := listenIn(cfg.Dir)
	if err != nil {
		return nil, err
	}
	d := &Door{cfg: cfg, listener: l, conns: map[*conn]struct{}{}}
	d.wg.Go(d.accept)
	return d, nil
}

// Close lets no new version take over any more and ends the conversations. The link of a version that has taken over
// goes on.
func (d *Door) Close() {
	d.mu.Lock()
	d.place.gone = true
	d.release(whyGone)
	for c := range d.conns {
		c.close()
	}
	d.mu.Unlock()
	_ = d.listener.Close()
	d.wg.Wait()
}

// release tells the command that waits how its reload has ended. It takes d locked.
func (d *Door) release(why string) {
	if d.outcome != nil {
		d.outcome <- why // it has room for one
		d.outcome = nil
	}
}

func (d *Door) accept() {
	for {
		nc, err := d.listener.Accept()
		if temporary(err) {
			time.Sleep(5 * time.Millisecond) // no descriptor is free
			continue
		}
		if err != nil {
			return // closed
		}
		c, err := newConn(nc)
		if err != nil {
			d.cfg.Log.Warn("a process of another user was at the socket of the hand-over")
			continue
		}
		if !d.enter(c) {
			c.close()
			continue
		}
		d.wg.Go(func() {
			defer d.leave(c)
			d.serve(c)
		})
	}
}

// temporary says whether accepting may succeed later: too many files are open.
func temporary(err error) bool {
	var n interface{ Temporary() bool }
	return errors.As(err, &n) && n.Temporary()
}

func (d *Door) enter(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.place.gone || len(d.conns) >= maxConversations {
		return false
	}
	d.conns[c] = struct{}{}
	return true
}

func (d *Door) leave(c *conn) {
	d.mu.Lock()
	_, ours := d.conns[c]
	delete(d.conns, c)
	d.mu.Unlock()
	if ours { // else it is a link
		c.close()
	}
}

// say reads the next message of a conversation, which may only be one that the phase expects. Nothing that comes here
// has a descriptor.
func say(c *conn, p phase) (*Message, phase, error) {
	m, file, err := c.read(p.within())
	if err != nil {
		return nil, p, err
	}
	next, ok := p.next(m.Type)
	if !ok || file != nil {
		_ = file.Close() // of nil: an error, which is fine
		return nil, p, fmt.Errorf("handover: %s was not expected", m.Type)
	}
	return m, next, nil
}

// serve is one conversation.
func (d *Door) serve(c *conn) {
	m, p, err := say(c, opened)
	switch {
	case err != nil:
	case m.Type == Reload:
		d.reload(c)
	default:
		d.handOver(c, m, p)
	}
}

func (d *Door) handOver(c *conn, m *Message, p phase) {
	before := d.cfg.Before()
	d.mu.Lock()
	why := d.place.ask(m.Version, before)
	d.mu.Unlock()
	if why != "" {
		_ = c.write(&Message{Type: Refused, Why: why}, nil)
		return
	}
	d.cfg.Log.Info("a new version is starting", "version", m.Build)
	if err := d.give(c, p); err != nil {
		d.cfg.Log.Warn("the new version did not get ready: this one goes on", "error", err)
		d.end("the new version did not get ready; its log says why")
	}
}

// end notes how a hand-over has ended, and tells the command that waits for it.
func (d *Door) end(why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if why == "" {
		d.place.taken()
	} else {
		d.place.lost()
	}
	d.release(why)
}

func (d *Door) give(c *conn, p phase) error {
	for _, l := range d.cfg.Listeners {
		file, ok := l.Listener.(syscall.Conn)
		if !ok {
			return errors.New("handover: a listener without a descriptor")
		}
		if err := c.write(&Message{Type: Listener, Address: l.Address}, file); err != nil {
			return err
		}
	}
	offer := &Message{Type: Offer, Generation: d.cfg.Generation + 1, Build: d.cfg.Build}
	if err := c.write(offer, nil); err != nil {
		return err
	}
	_, p, err := say(c, p)
	if err != nil {
		return err
	}
	link := newLink(c)
	if err := d.giveState(c, link, p); err != nil {
		link.Close()
		d.cfg.Failed(link)
		return err
	}
	return nil
}

func (d *Door) giveState(c *conn, link *Link, p phase) error {
	parts := d.cfg.Give(link)
	if len(parts) > maxState {
		return errors.New("handover: too much state")
	}
	for _, part := range parts {
		if err := c.write(&Message{Type: State, Data: part}, nil); err != nil {
			return err
		}
	}
	if err := c.write(&Message{Type: Go}, nil); err != nil {
		return err
	}
	m, p, err := say(c, p)
	if err != nil {
		return err
	}
	d.mu.Lock()
	delete(d.conns, c) // it is the link's
	d.mu.Unlock()
	_ = d.listener.Close()
	link.start(p)
	d.end("")
	d.cfg.Took(link, m.Build)
	return nil
}

// reload starts a new version for a command and tells it what came of it.
func (d *Door) reload(c *conn) {
	answer := &Message{Type: Taken, Build: d.cfg.Build}
	if why := d.start(); why != "" {
		answer = &Message{Type: Refused, Why: oneLine(why)}
	}
	_ = c.write(answer, nil)
}

// start starts a new version and waits for what comes of it; "" is that it has taken over.
func (d *Door) start() (why string) {
	outcome, before := make(chan string, 1), d.cfg.Before()
	d.mu.Lock()
	switch {
	case d.cfg.Start == nil:
		why = whyCannot
	case d.outcome != nil:
		why = whyBusy
	default:
		was := d.place
		if why = was.ask(protocolVersion, before); why == "" {
			d.outcome = outcome
		}
	}
	d.mu.Unlock()
	if why != "" {
		return why
	}
	exited, err := d.cfg.Start()
	if err != nil {
		d.end("a new version cannot be started: " + err.Error())
		return <-outcome
	}
	late := time.NewTimer(doneWithin)
	defer late.Stop()
	select {
	case why = <-outcome:
		return why
	case <-exited:
		why = "the new version ended before it was ready; its log says why"
	case <-late.C:
		why = "the new version took too long"
	}
	d.mu.Lock()
	if d.outcome == outcome {
		d.release(why)
	}
	d.mu.Unlock()
	return <-outcome
}

// Command has the server at dir start a new version, and waits until that has taken over. It returns which version did
// so before.
func Command(dir string) (before string, err error) {
	c, ok, err := connect(context.Background(), dir)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("no server runs with handover_dir %s", dir)
	}
	defer c.close()
	if err := c.write(&Message{Type: Reload}, nil); err != nil {
		return "", err
	}
	m, _, err := say(c, commanded)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", errors.New("the new version took too long; the server's log says what became of it")
	case err != nil:
		return "", err
	case m.Type == Refused:
		return "", errors.New(m.Why)
	}
	return m.Build, nil
}
