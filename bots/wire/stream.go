package wire

import (
	"errors"
	"net/netip"
	"slices"
	"time"
)

// Stream carries datagrams to the server and back in another way than UDP: ICE-TCP or TURN. Send and Receive may be
// called at the same time; Close ends both.
type Stream interface {
	Send(datagram []byte) error
	Receive(buf []byte) (n int, err error)
	Close() error
}

// maxStreams bounds those of one wire.
const maxStreams = 4

// streamPrefix is that of the addresses that stand for streams: the discard prefix (RFC 6666), which is on no network.
var streamPrefix = netip.MustParsePrefix("100::/64")

var errTooManyStreams = errors.New("bots: too many streams")

// streamWay is a stream that is read.
type streamWay struct {
	Stream
	done chan struct{}
}

// standsForStream says whether an address is that of a stream.
func standsForStream(a netip.AddrPort) bool { return streamPrefix.Contains(a.Addr()) }

// Add takes a stream over and returns the address that stands for it from now on. Nothing is done to a stream's
// datagrams: the wire's Network is one of UDP.
func (w *Wire) Add(s Stream) (netip.AddrPort, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.streams) == maxStreams {
		return netip.AddrPort{}, errTooManyStreams
	}
	way := &streamWay{s, make(chan struct{})}
	w.streams = append(w.streams, way)
	key := netip.AddrPortFrom(streamPrefix.Addr(), uint16(len(w.streams)))
	go w.readStream(way, key)
	return key, nil
}

// stream returns the one that an address stands for, nil if it is an address of UDP.
func (w *Wire) stream(a netip.AddrPort) *streamWay {
	if !standsForStream(a) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := int(a.Port()); n >= 1 && n <= len(w.streams) {
		return w.streams[n-1]
	}
	return nil
}

func (w *Wire) readStream(s *streamWay, key netip.AddrPort) {
	defer close(s.done)
	var buf [MaxDatagram]byte
	for {
		n, err := s.Receive(buf[:])
		if err != nil {
			return
		}
		w.arrived(incoming{buf[:n], key}, time.Now())
	}
}

// closeStreams ends all and waits for their readers.
func (w *Wire) closeStreams() {
	w.mu.Lock()
	list := slices.Clone(w.streams)
	w.mu.Unlock()
	for _, s := range list {
		_ = s.Close()
		<-s.done
	}
}
