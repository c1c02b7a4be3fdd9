package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"conclave/auth"
	"conclave/handover"
	"conclave/reach"
	"conclave/sfu/batch"
)

// generations is this process's place among the versions of the server that run at once: it may have taken over from
// one, which goes on with its meetings (older), and may be taken over from by another one.
type generations struct {
	dir    string
	number int // 1 for a server that began afresh
	log    *slog.Logger

	taking    *handover.Taking // while this one takes over
	listeners []handover.Listening
	door      *handover.Door

	older atomic.Pointer[neighbour]
	newer atomic.Pointer[neighbour]
	given chan *handover.Link // it is taken over from; capacity 1
	stops map[*handover.Link]func()
}

// beginGenerations asks the version that runs, if there is one, for its listeners. It is nil if the server is not
// configured to hand over.
func beginGenerations(ctx context.Context, cfg *settings, log *slog.Logger) (*generations, error) {
	dir := cfg.Running.HandoverDir
	if dir == "" || !handover.Supported {
		if dir != "" {
			log.Warn("handover_dir needs Linux: a new version does not take over")
		}
		return nil, nil
	}
	if cfg.Auditing.Audit {
		log.Warn("an audited server does not hand over: its log has one writer")
		return nil, nil
	}
	g := &generations{dir: dir, number: 1, log: log, given: make(chan *handover.Link, 1),
		stops: map[*handover.Link]func(){}}
	var err error
	if g.taking, err = handover.Begin(ctx, dir, version()); err != nil {
		return nil, fmt.Errorf("taking over: %w", err)
	}
	if g.taking != nil {
		g.number = g.taking.Generation()
		log.Info("taking over", "from", g.taking.Build(), "generation", g.number)
	}
	return g, nil
}

// listen opens a listener, or takes that of the version before. purpose tells those of one address apart.
func (g *generations) listen(ctx context.Context, purpose, address string) (net.Listener, error) {
	if g == nil {
		return listen(ctx, address)
	}
	key := purpose + " " + address
	var l net.Listener
	if g.taking != nil {
		l = g.taking.Listener(key)
	}
	if l == nil {
		var err error
		if l, err = listen(ctx, address); err != nil {
			return nil, err
		}
	}
	g.listeners = append(g.listeners, handover.Listening{Address: key, Listener: l})
	return l, nil
}

// takesOver says whether another version runs from which this one takes over.
func (g *generations) takesOver() bool { return g != nil && g.taking != nil }

// close ends what is not part of the server.
func (g *generations) close() {
	if g == nil {
		return
	}
	if g.taking != nil {
		g.taking.Close()
	}
	if g.door != nil {
		g.door.Close()
	}
	if o := g.older.Load(); o != nil {
		o.link.Close()
	}
}

// errNoPort says that no UDP port is left.
var errNoPort = errors.New("media_ports: none is free; name one more, because the version that runs has its own")

// mediaPort chooses the UDP port of media: the first, unless the version before has it.
func (s *server) mediaPort(addrs []netip.AddrPort) (uint16, error) {
	ports := s.deployment.MediaPorts
	if !s.generations.takesOver() {
		return ports[0], nil
	}
	for _, port := range ports {
		free := true
		for _, a := range addrs {
			free = free && udpFree(netip.AddrPortFrom(a.Addr(), port))
		}
		if free {
			return port, nil
		}
	}
	return 0, errNoPort
}

// udpFree says whether no one holds a UDP port.
func udpFree(at netip.AddrPort) bool {
	c, err := batch.Listen(at)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// takeOver takes the sessions, begins to serve, and only then has the version before stop accepting.
func (s *server) takeOver(ctx context.Context, tlsConfig *tls.Config) error {
	g := s.generations
	if !g.takesOver() {
		s.begin()
		return nil
	}
	if err := checkCertificate(ctx, tlsConfig, s.deployment.URL.Hostname()); err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	err := g.taking.Ready(s.takeState)
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	s.begin()
	link, err := g.taking.Take(version())
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	g.taking = nil
	s.join(link)
	return nil
}

// What a part of the state begins with.
const (
	stateSessions = 's'
	stateNonces   = 'n'
)

// takeState takes a part of the state of the version before.
func (s *server) takeState(part []byte) error {
	var key [32]byte
	switch kind, rest := part[0], part[1:]; {
	case kind == stateSessions:
		return s.auth.Take(auth.CarriedFrom(rest)) //nolint:wrapcheck // wrapped by the caller
	case kind == stateNonces && len(rest) == len(key):
		s.media.reach.relay.TakeNonceKey([32]byte(rest))
		return nil
	case kind == stateNonces && len(rest) == 0: // it does not relay
		return nil
	}
	return errors.New("not a part of the state")
}

// checkCertificate says whether there is one: a server without must not take over from one that has.
func checkCertificate(ctx context.Context, c *tls.Config, name string) error {
	if c == nil {
		return nil
	}
	ours, theirs := net.Pipe()
	defer func() { _ = ours.Close() }()
	defer func() { _ = theirs.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	go func() { // ends with the connection
		client := tls.Client(theirs, &tls.Config{ServerName: name, InsecureSkipVerify: true}) //nolint:gosec // it asks itself
		_ = client.HandshakeContext(ctx)
	}()
	if err := tls.Server(ours, c).HandshakeContext(ctx); err != nil {
		return fmt.Errorf("there is no certificate to serve with: %w", err)
	}
	return nil
}

// openDoor lets a later version take over. It is called once this one serves.
func (s *server) openDoor() error {
	g := s.generations
	if g == nil {
		return nil
	}
	var err error
	g.door, err = handover.Open(handover.Config{
		Dir: g.dir, Build: version(), Generation: g.number, Listeners: g.listeners, Log: s.log,
		Before: g.before,
		Give: func(link *handover.Link) [][]byte {
			parts, stop := s.auth.Hand(&auth.Watch{
				Opened: func(c auth.Carried) {
					link.Tell(&handover.Message{Type: handover.State, Data: append([]byte{stateSessions}, c.Reveal()...)})
				},
				Ended:   func(key string) { link.Tell(&handover.Message{Type: handover.Revoke, Session: key}) },
				Touched: func(key string) { link.Tell(&handover.Message{Type: handover.Touch, Session: key}) },
			})
			g.stops[link] = stop
			state := [][]byte{append([]byte{stateNonces}, s.media.reach.relay.NonceKey()...)}
			for _, p := range parts {
				state = append(state, append([]byte{stateSessions}, p.Reveal()...))
			}
			return state
		},
		Failed: func(link *handover.Link) {
			g.stops[link]()
			delete(g.stops, link)
		},
		Took:  func(link *handover.Link, _ string) { g.given <- link },
		Start: startNext,
	})
	return err //nolint:wrapcheck // names the option
}

// startNext starts the program again, which may be another version by now.
func startNext() (exited <-chan struct{}, err error) {
	file, err := os.Executable()
	if err != nil {
		return nil, err //nolint:wrapcheck // for the operator
	}
	cmd := exec.Command(file, os.Args[1:]...) //nolint:gosec,noctx // our own command line; it outlives this process
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err //nolint:wrapcheck // for the operator
	}
	done := make(chan struct{})
	go func() { // ends with the new process, or this one
		defer close(done)
		_ = cmd.Wait()
	}()
	return done, nil
}

// before is how many versions before this one still run.
func (g *generations) before() int {
	o := g.older.Load()
	if o == nil {
		return 0
	}
	return 1 + o.before()
}

// join makes an older version reachable, until it ends.
func (s *server) join(link *handover.Link) {
	g := s.generations
	o := newNeighbour(link)
	g.older.Store(o)
	stop := s.auth.Watch(&auth.Watch{
		Ended: func(key string) { link.Tell(&handover.Message{Type: handover.Revoke, Session: key}) },
	})
	chain := s.serveChain()
	link.Handle(func(m *handover.Message, stream net.Conn) {
		switch m.Type {
		case handover.Stream:
			if m.Kind != handover.Requests {
				_ = stream.Close()
				return
			}
			go chain.requests.put(stream)
		case handover.State:
			if s.takeState(m.Data) != nil {
				link.Close()
			}
		case handover.Revoke:
			s.auth.EndSession(m.Session)
		case handover.Touch:
			s.auth.TouchSession(m.Session)
		}
	})
	s.log.Info("taken over: the version before goes on with its meetings", "generation", g.number)
	go func() { // ends with the older version, or this one
		<-link.Done()
		stop()
		g.older.CompareAndSwap(o, nil)
		o.close()
		chain.close()
		s.log.Info("the version before has ended")
	}()
}

// elsewhere is reach.Elsewhere: the older version, if a stream belongs to it.
func (g *generations) elsewhere(b reach.Belonging, p reach.Passage) net.Conn {
	o := g.older.Load()
	if o == nil {
		return nil
	}
	if has, err := o.has(belonging{fragment: b.Fragment, username: b.Username}); err != nil || !has {
		return nil
	}
	kind := handover.Plain
	if p.Inside {
		kind = handover.Inside
	}
	conn, err := o.dial(kind, p.From, p.To)
	if err != nil {
		return nil
	}
	return conn
}

// maxRetire bounds the end of HTTP connections once another version has taken over.
const maxRetire = 30 * time.Second

// retire goes on with the meetings that there are, once another version has taken over, until they have ended or
// drain_timeout is over. It ends with the newer version too: nothing would reach it any more.
func (s *server) retire(ctx context.Context, link *handover.Link) error {
	g := s.generations
	s.log.Info("taken over from: its meetings go on here until they end")
	s.auth.Yield()
	s.stopCertificates()
	chain := s.serveChain()
	defer chain.close()
	end := make(chan time.Duration, 1)
	newer := newNeighbour(link)
	defer newer.close()
	g.newer.Store(newer)
	link.Handle(func(m *handover.Message, stream net.Conn) { s.fromNewer(m, stream, chain, end) })
	quiet, over := make(chan struct{}), s.cfg.Running.DrainTimeout-s.cfg.Running.StopTimeout
	go func() { // ends within maxRetire and 10 s
		defer close(quiet)
		s.stopAccepting()
		// Only now: a request that came just before is answered as ever.
		<-s.media.registry.Retire()
	}()
	timeout := time.NewTimer(max(over, 0))
	defer timeout.Stop()
	wait := s.cfg.Running.StopTimeout
	for quiet != nil || g.older.Load() != nil {
		select {
		case <-quiet:
			quiet = nil
		case <-time.After(time.Second): // the version before this one, if only that is left
		case <-timeout.C:
			return s.drain(wait)
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errInterrupted) {
				wait = 0
			}
			return s.drain(wait)
		case wait = <-end:
			return s.drain(wait)
		case <-link.Done():
			s.log.Warn("the newer version has ended, so this one does")
			return s.drain(0)
		}
	}
	s.log.Info("its last meeting has ended")
	return s.drain(0)
}

// settle is how long clients' connections have for one more request, which tells them to open another one. A request
// that meets the end of its connection may be lost.
const settle = 2 * time.Second

// stopAccepting closes the listeners, which the newer version has too, and then the HTTP connections, once what they
// have begun is answered.
func (s *server) stopAccepting() {
	s.port.Drain()
	s.media.signaling.Retire()
	time.Sleep(settle)
	for range 200 { // connections that were accepted just before: at most 10 s
		if s.port.Deciding() == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxRetire)
	defer cancel()
	for _, h := range s.servers {
		if h.Shutdown(ctx) != nil {
			_ = h.Close()
		}
	}
}

// fromNewer handles what the newer version says and sends.
func (s *server) fromNewer(m *handover.Message, stream net.Conn, c *chain, end chan<- time.Duration) {
	switch m.Type {
	case handover.Revoke:
		s.auth.EndSession(m.Session)
	case handover.End:
		select {
		case end <- time.Duration(m.Seconds) * time.Second:
		default:
		}
	case handover.Stream:
		switch m.Kind {
		case handover.Requests:
			go c.requests.put(stream)
		case handover.Queries:
			go c.queries.put(stream)
		default:
			way := reach.Passage{Inside: m.Kind == handover.Inside, From: m.From, To: m.To}
			go s.port.Adopt(stream, way) // ends with the stream, or the port
		}
	}
}

// endOlder tells the older version to end, because this one does.
func (g *generations) endOlder(in time.Duration) {
	if g == nil {
		return
	}
	if o := g.older.Load(); o != nil {
		o.link.Tell(&handover.Message{Type: handover.End, Seconds: int(in / time.Second)})
	}
}

// notify tells systemd that this process is the service's now (sd_notify(3)). Without systemd it does nothing.
func notify(socket string) error {
	if socket == "" {
		return nil
	}
	if socket[0] == '@' {
		socket = "\x00" + socket[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	defer func() { _ = c.Close() }()
	if _, err := fmt.Fprintf(c, "MAINPID=%d\nREADY=1\n", os.Getpid()); err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	return nil
}

// reloadCmd has the running server start the installed version, which takes over.
type reloadCmd struct{ options }

// Run waits until the new version has taken over.
func (cmd *reloadCmd) Run(c console) error {
	dir := cmd.Config.Running.HandoverDir
	if dir == "" {
		return errors.New("set handover_dir: the running server is reached there")
	}
	before, err := handover.Command(dir)
	if err != nil {
		return err //nolint:wrapcheck // a sentence
	}
	_, err = fmt.Fprintf(c.out, "A new version has taken over from %s, which goes on with the meetings it has.\n", before)
	return err
}
