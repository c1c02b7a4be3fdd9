//go:build !linux

package stream

import "net"

// Tune sets a connection up for media: what is written leaves at once.
func Tune(conn net.Conn) {
	if c, ok := conn.(interface{ SetNoDelay(bool) error }); ok {
		_ = c.SetNoDelay(true)
	}
}
