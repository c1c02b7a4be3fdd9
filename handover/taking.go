package handover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// ErrRefused is wrapped by Begin when the version that runs refuses; the text says why.
var ErrRefused = errors.New("the running version refuses to hand over")

// Taking is a hand-over, seen from the new version. One goroutine.
type Taking struct {
	conn       *conn
	phase      phase
	generation int
	build      string
	listeners  map[string]net.Listener // those that were not asked for; at most maxListeners
}

// Begin asks the version that runs for its listeners. It returns nil if none runs. Close or Take ends it. build is the
// new version.
func Begin(ctx context.Context, dir, build string) (*Taking, error) {
	c, ok, err := connect(ctx, dir)
	if err != nil || !ok {
		return nil, err
	}
	t := &Taking{conn: c, phase: asked, listeners: map[string]net.Listener{}}
	if err := t.ask(build); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Taking) ask(build string) error {
	if err := t.conn.write(&Message{Type: Ask, Version: protocolVersion, Build: oneLine(build)}, nil); err != nil {
		return err
	}
	for t.phase == asked {
		m, file, err := t.conn.read(t.phase.within())
		if err != nil {
			return err
		}
		next, ok := t.phase.next(m.Type)
		if !ok {
			_ = file.Close() // of nil: an error, which is fine
			return fmt.Errorf("handover: %s was not expected", m.Type)
		}
		t.phase = next
		switch m.Type {
		case Listener:
			if err := t.add(m.Address, file); err != nil {
				return err
			}
		case Refused:
			return fmt.Errorf("%w: %s", ErrRefused, m.Why)
		default:
			t.generation, t.build = m.Generation, m.Build
		}
	}
	return nil
}

// add takes a listener. It closes the descriptor, which net has a copy of.
func (t *Taking) add(address string, file *os.File) error {
	defer func() { _ = file.Close() }()
	if t.listeners[address] != nil || len(t.listeners) >= maxListeners {
		return errMessage
	}
	l, err := net.FileListener(file)
	if err != nil {
		return errors.New("handover: what came is no listener")
	}
	if _, ok := l.(*net.TCPListener); !ok {
		_ = l.Close()
		return errors.New("handover: what came is no TCP listener")
	}
	t.listeners[address] = l
	return nil
}

// Generation is the number of the new version, Build the version that hands over.
func (t *Taking) Generation() int { return t.generation }

// Build is the version that hands over.
func (t *Taking) Build() string { return t.build }

// Listener takes the listener of an address; nil if there is none. The caller owns it.
func (t *Taking) Listener(address string) net.Listener {
	l := t.listeners[address]
	delete(t.listeners, address)
	return l
}

// Ready says that the new version could serve, and calls state with each part of the state.
func (t *Taking) Ready(state func(part []byte) error) error {
	t.phase = ready
	if err := t.conn.write(&Message{Type: Ready}, nil); err != nil {
		return err
	}
	for n := 0; t.phase == ready; n++ {
		m, next, err := say(t.conn, t.phase)
		if err != nil {
			return err
		}
		if t.phase = next; m.Type == State {
			if n > maxState {
				return errMessage
			}
			if err := state(m.Data); err != nil {
				return err
			}
		}
	}
	return nil
}

// Take says that the new version serves, and returns the link to the one before. Listeners that were not asked for are
// closed.
func (t *Taking) Take(build string) (*Link, error) {
	if err := t.conn.write(&Message{Type: Taken, Build: oneLine(build)}, nil); err != nil {
		return nil, err
	}
	t.drop()
	link := newLink(t.conn)
	link.start(newer)
	t.conn = nil
	return link, nil
}

// Close gives up, unless Take has been called: the version before goes on.
func (t *Taking) Close() {
	if t.conn != nil {
		t.conn.close()
		t.drop()
	}
}

func (t *Taking) drop() {
	for _, l := range t.listeners {
		_ = l.Close()
	}
	clear(t.listeners)
}
