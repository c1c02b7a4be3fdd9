package handover

import (
	"errors"
	"net"
	"net/netip"
	"sync"
)

const (
	// linkQueue bounds what waits to be told. Sign-outs and sign-ins come at some hundreds a second at most.
	linkQueue = 8192
	// streamBuffer bounds what waits in the kernel of a client's stream: the queue whose age is watched is the engine's.
	streamBuffer = 16 << 10
)

// ErrClosed is returned by a Link that has ended.
var ErrClosed = errors.New("handover: the link has ended")

// Link joins two versions, one of which has taken over from the other. It ends when either process does. Safe for
// concurrent use.
type Link struct {
	conn *conn
	out  chan *Message

	mu     sync.Mutex
	handle func(m *Message, stream net.Conn) // nil until Handle
	early  []arrival                         // what came before; at most linkQueue
	ended  bool
	done   chan struct{}
}

// arrival is a message that is not handled yet.
type arrival struct {
	message *Message
	stream  net.Conn
}

func newLink(c *conn) *Link {
	return &Link{conn: c, out: make(chan *Message, linkQueue), done: make(chan struct{})}
}

// start lets messages flow. p is the phase of this end.
func (l *Link) start(p phase) {
	go l.write()
	go l.read(p)
}

// Handle has f called with each message, one after the other, on the link's goroutine or the caller's. f must not wait
// for the link, but may close it. It owns the connection that comes with Stream, which is nil for all others.
func (l *Link) Handle(f func(m *Message, stream net.Conn)) {
	for {
		l.mu.Lock()
		early := l.early
		l.early = nil
		if len(early) == 0 {
			l.handle = f
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		for _, a := range early {
			f(a.message, a.stream)
		}
	}
}

// Tell sends a message. It does not block. If too much waits, the link ends: a sign-out must not be lost.
func (l *Link) Tell(m *Message) {
	select {
	case l.out <- m:
	default:
		l.Close()
	}
}

// Dial returns a connection to the other version. Of a client's stream, from is the client and to the address of ours
// that it reached; both are zero for requests.
func (l *Link) Dial(kind Kind, from, to netip.AddrPort) (net.Conn, error) {
	buffer := 0
	if kind == Plain || kind == Inside {
		buffer = streamBuffer
	}
	ours, theirs, err := pair(buffer)
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }()
	if err := l.conn.write(&Message{Type: Stream, Kind: kind, From: from, To: to}, theirs); err != nil {
		_ = ours.Close()
		l.Close()
		return nil, ErrClosed
	}
	return ours, nil
}

// Done is closed when the link has ended.
func (l *Link) Done() <-chan struct{} { return l.done }

// Close ends the link. It does not wait.
func (l *Link) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.ended = true
	close(l.done)
	l.conn.close()
	for _, a := range l.early {
		if a.stream != nil {
			_ = a.stream.Close()
		}
	}
	l.early = nil
}

func (l *Link) write() {
	defer l.Close()
	for {
		select {
		case m := <-l.out:
			if l.conn.write(m, nil) != nil {
				return
			}
		case <-l.done:
			return
		}
	}
}

func (l *Link) read(p phase) {
	defer l.Close()
	for {
		m, file, err := l.conn.read(p.within())
		if errors.Is(err, errNoDescriptor) {
			continue // the stream is lost, and its other end closed
		}
		if err != nil {
			return
		}
		var stream net.Conn
		if file != nil {
			stream, err = net.FileConn(file)
			_ = file.Close()
		}
		if _, ok := p.next(m.Type); !ok {
			if stream != nil {
				_ = stream.Close()
			}
			return
		}
		if err != nil {
			continue // as above: no descriptor is free
		}
		if !l.arrive(m, stream) {
			return
		}
	}
}

func (l *Link) arrive(m *Message, stream net.Conn) bool {
	l.mu.Lock()
	handle := l.handle
	if handle == nil {
		ok := !l.ended && len(l.early) < linkQueue
		if ok {
			l.early = append(l.early, arrival{m, stream})
		} else if stream != nil {
			_ = stream.Close()
		}
		l.mu.Unlock()
		return ok
	}
	l.mu.Unlock()
	handle(m, stream)
	return true
}
