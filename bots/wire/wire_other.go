//go:build !(linux && (amd64 || arm64))

package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// CanSample says whether Config.Sample works here.
const CanSample = false

func attachSample(*net.UDPConn, int) error {
	return fmt.Errorf("bots: a sample of what comes: %w", errors.ErrUnsupported)
}

// batchReader reads one datagram at a time: the portable form of the one in wire_batch.go. Used by one goroutine.
type batchReader struct {
	conn   *net.UDPConn
	buffer [MaxDatagram]byte
	n      int
	addr   netip.AddrPort
	when   int64
}

func newBatchReader(conn *net.UDPConn, _ *Buffers) (*batchReader, error) {
	return &batchReader{conn: conn}, nil
}

func (r *batchReader) read() (int, error) {
	n, addr, err := r.conn.ReadFromUDPAddrPort(r.buffer[:])
	if err != nil {
		return 0, fmt.Errorf("bots: receive: %w", err)
	}
	r.n, r.addr, r.when = n, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), time.Now().UnixNano()
	return 1, nil
}

func (r *batchReader) data(int) []byte         { return r.buffer[:r.n] }
func (r *batchReader) at(int) int64            { return r.when }
func (r *batchReader) release()                {}
func (r *batchReader) overflow() uint64        { return 0 }
func (r *batchReader) from(int) netip.AddrPort { return r.addr }
