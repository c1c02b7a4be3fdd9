package handover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Supported says whether this system has what a hand-over needs.
const Supported = true

// socketName is the name of the socket of the newest version.
const socketName = "conclave.sock"

var errForeign = errors.New("handover: the other end is of another user")

// conn carries messages, each with at most one descriptor. It reads on one goroutine; writing is safe for concurrent
// use.
type conn struct {
	uc  *net.UnixConn
	buf []byte // of the reading goroutine
	oob []byte

	mu sync.Mutex // of the writing
}

// newConn takes a connection whose other end is of the same user; it closes any other.
func newConn(c net.Conn) (*conn, error) {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, errForeign
	}
	uid, err := peerUID(uc)
	if err != nil || !sameUser(uid, os.Geteuid()) {
		_ = c.Close()
		return nil, errors.Join(errForeign, err)
	}
	return &conn{uc: uc, buf: make([]byte, maxMessage+1), oob: make([]byte, unix.CmsgSpace(4*4))}, nil
}

// sameUser says whether the other end may take part: it is of our user, to whom we belong anyway.
func sameUser(peer uint32, own int) bool { return int64(peer) == int64(own) }

func peerUID(c *net.UnixConn) (uint32, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err //nolint:wrapcheck // joined by the caller
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, credErr); err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

// read reads one message within a time; 0 waits for ever. The caller owns the descriptor, nil if none came.
func (c *conn) read(within time.Duration) (*Message, *os.File, error) {
	var until time.Time
	if within > 0 {
		until = time.Now().Add(within)
	}
	if err := c.uc.SetReadDeadline(until); err != nil {
		return nil, nil, fmt.Errorf("handover: %w", err)
	}
	n, oobn, flags, _, err := c.uc.ReadMsgUnix(c.buf, c.oob)
	if err != nil {
		return nil, nil, fmt.Errorf("handover: %w", err)
	}
	files, err := descriptors(c.oob[:oobn])
	keep := false
	defer func() {
		for _, f := range files {
			if !keep {
				_ = f.Close()
			}
		}
	}()
	lost := flags&unix.MSG_CTRUNC != 0
	if err != nil || len(files) > 1 || lost && len(files) > 0 || flags&unix.MSG_TRUNC != 0 {
		return nil, nil, errMessage
	}
	m, err := decode(c.buf[:n], lost || len(files) == 1)
	if lost && err == nil {
		err = errNoDescriptor
	}
	if err != nil {
		return nil, nil, err
	}
	keep = true
	if len(files) == 1 {
		return m, files[0], nil
	}
	return m, nil, nil
}

// descriptors takes those that came with a message; the caller owns them, also after an error. The kernel has marked
// them as closed on exec (net reads with MSG_CMSG_CLOEXEC).
func descriptors(oob []byte) (files []*os.File, err error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, errMessage
	}
	for i := range messages {
		fds, e := unix.ParseUnixRights(&messages[i])
		if e != nil {
			err = errMessage
			continue
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "handed over"))
		}
	}
	return files, err
}

// write writes one message, with the descriptor of what may be nil. It waits at most sayWithin.
func (c *conn) write(m *Message, with syscall.Conn) error {
	b, err := encode(m)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.uc.SetWriteDeadline(time.Now().Add(sayWithin)); err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	if with == nil {
		_, _, err = c.uc.WriteMsgUnix(b, nil, nil)
		return err //nolint:wrapcheck // the connection's own
	}
	raw, err := with.SyscallConn()
	if err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	var sent error
	err = raw.Control(func(fd uintptr) { _, _, sent = c.uc.WriteMsgUnix(b, unix.UnixRights(int(fd)), nil) })
	return errors.Join(err, sent)
}

func (c *conn) close() { _ = c.uc.Close() }

// connect opens a conversation with the newest version. Without one, ok is false.
func connect(ctx context.Context, dir string) (c *conn, ok bool, err error) {
	if err := checkFolder(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, err
	}
	dialing, cancel := context.WithTimeout(ctx, sayWithin)
	defer cancel()
	nc, err := new(net.Dialer).DialContext(dialing, "unixpacket", filepath.Join(dir, socketName))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, false, nil // there is none, or it has ended
	}
	if err != nil {
		return nil, false, fmt.Errorf("handover: %w", err)
	}
	c, err = newConn(nc)
	return c, err == nil, err
}

// checkFolder says whether only our user can put a socket into the folder.
func checkFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("handover_dir: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || info.Mode().Perm()&0o077 != 0 || !sameUser(stat.Uid, os.Geteuid()) {
		return fmt.Errorf("handover_dir: %s must be a folder of the server's user alone (mode 0700)", dir)
	}
	return nil
}

// listenIn opens the socket of the newest version. It takes the place of the one that is there, whose listener lives
// on without a name.
func listenIn(dir string) (*net.UnixListener, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("handover_dir: %w", err)
	}
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	draft := filepath.Join(dir, "."+strconv.Itoa(os.Getpid())+".sock")
	_ = os.Remove(draft) // of a process that had our number
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: draft, Net: "unixpacket"})
	if err != nil {
		return nil, fmt.Errorf("handover_dir: %w", err)
	}
	l.SetUnlinkOnClose(false) // the name may be another version's by then
	if err := os.Chmod(draft, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("handover_dir: %w", err)
	}
	if err := os.Rename(draft, filepath.Join(dir, socketName)); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("handover_dir: %w", err)
	}
	return l, nil
}

// pair makes two ends of a connection in memory. buffer, unless it is 0, bounds the bytes that wait in it.
func pair(buffer int) (ours net.Conn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("handover: %w", err)
	}
	for _, fd := range fds {
		if buffer > 0 {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, buffer) // best effort: without it there is more delay
		}
	}
	mine := os.NewFile(uintptr(fds[0]), "link")
	theirs = os.NewFile(uintptr(fds[1]), "link")
	ours, err = net.FileConn(mine)
	_ = mine.Close()
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("handover: %w", err)
	}
	return ours, theirs, nil
}
