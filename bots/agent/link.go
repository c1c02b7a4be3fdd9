package agent

import (
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// silence is how long the other side may say nothing. Both send something each second.
	silence = 15 * time.Second
	// writeTimeout bounds the sending of one message.
	writeTimeout = 30 * time.Second
)

// link is a connection to the other side. One goroutine reads; any may send.
type link struct {
	conn net.Conn
	mu   sync.Mutex
}

// send sends a message.
func (l *link) send(m *message) error {
	raw, err := m.encode()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("bots: agent: %w", err)
	}
	if _, err := l.conn.Write(raw); err != nil {
		return fmt.Errorf("bots: agent: %w", err)
	}
	return nil
}

// read reads the next message.
func (l *link) read() (*message, error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return nil, fmt.Errorf("bots: agent: %w", err)
	}
	return read(l.conn)
}
