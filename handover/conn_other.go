//go:build !linux

package handover

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// Supported says whether this system has what a hand-over needs.
const Supported = false

var errUnsupported = errors.New("handover_dir needs Linux")

type conn struct{}

func newConn(net.Conn) (*conn, error) { return nil, errUnsupported }

func (c *conn) read(time.Duration) (*Message, *os.File, error) { return nil, nil, errUnsupported }

func (c *conn) write(*Message, syscall.Conn) error { return errUnsupported }

func (c *conn) close() {}

func connect(context.Context, string) (*conn, bool, error) { return nil, false, errUnsupported }

func listenIn(string) (*net.UnixListener, error) { return nil, errUnsupported }

func pair(int) (net.Conn, *os.File, error) { return nil, nil, errUnsupported }
