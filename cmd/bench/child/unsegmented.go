package child

import (
	"cmp"
	"fmt"
	"net/netip"
	"runtime"

	"conclave/sfu/batch"
)

// unsegmented is a socket whose senders put one datagram into a message, as they do where the kernel does not know
// UDP_SEGMENT.
type unsegmented struct{ batch.Conn }

// NewSender implements batch.Conn.
func (c unsegmented) NewSender() (batch.Sender, error) {
	s, err := c.Conn.NewSender()
	return unsegmentedSender{s}, err //nolint:wrapcheck // it is the socket's own
}

type unsegmentedSender struct{ batch.Sender }

// MaxSegments implements batch.Sender.
func (unsegmentedSender) MaxSegments() int { return 1 }

// unsegmentedSockets opens a socket for each worker, as the engine would.
func unsegmentedSockets(addr netip.AddrPort, workers int) (sockets [][]batch.Conn, err error) {
	conns, err := batch.ListenAll(addr, cmp.Or(workers, runtime.GOMAXPROCS(0)))
	if err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	for i, c := range conns {
		conns[i] = unsegmented{c}
	}
	return [][]batch.Conn{conns}, nil
}
