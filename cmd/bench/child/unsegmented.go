package child

import (
	"cmp"
	"errors"
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
	var conns []batch.Conn
	open := batch.Listen
	for range cmp.Or(workers, runtime.GOMAXPROCS(0)) {
		c, err := open(addr)
		if err != nil {
			for _, c := range conns {
				err = errors.Join(err, c.Close())
			}
			return nil, fmt.Errorf("media: %w", err)
		}
		conns = append(conns, unsegmented{c})
		open, addr = batch.Share, c.LocalAddr()
	}
	return [][]batch.Conn{conns}, nil
}
