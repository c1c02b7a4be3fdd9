package handover

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

const foreignEnv = "HANDOVER_TEST_FOREIGN"

func TestMain(m *testing.M) {
	if path := os.Getenv(foreignEnv); path != "" {
		c, err := net.Dial("unixpacket", path)
		if err != nil {
			os.Exit(3)
		}
		_, _ = c.Write([]byte(`{"type":"reload"}`))
		_, _ = c.Read(make([]byte, 1)) // until it is closed
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// old is a version that can be taken over from.
type old struct {
	door   *Door
	dir    string
	web    net.Listener
	given  chan *Link
	failed chan *Link
}

func newOld(t *testing.T, tweak func(*Config)) *old {
	t.Helper()
	o := &old{dir: filepath.Join(t.TempDir(), "h"), given: make(chan *Link, 1), failed: make(chan *Link, 1)}
	var err error
	if o.web, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.web.Close() })
	cfg := Config{
		Dir: o.dir, Build: "v1", Generation: 1, Listeners: []Listening{{"web", o.web}}, Before: func() int { return 0 },
		Give: func(link *Link) [][]byte {
			link.Tell(&Message{Type: Revoke, Session: someSession}) // it comes after the state
			return [][]byte{[]byte("some"), []byte("state")}
		},
		Took: func(link *Link, _ string) { o.given <- link }, Failed: func(link *Link) { o.failed <- link },
		Log: slog.New(slog.DiscardHandler),
	}
	if tweak != nil {
		tweak(&cfg)
	}
	if o.door, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.door.Close)
	return o
}

func begin(t *testing.T, dir string) *Taking {
	t.Helper()
	taking, err := Begin(t.Context(), dir, "v2")
	if err != nil || taking == nil {
		t.Fatal(taking, err)
	}
	t.Cleanup(taking.Close)
	return taking
}

// TestAHandOver: listeners, then the state in order, then a link both ways with connections on it.
func TestAHandOver(t *testing.T) {
	o := newOld(t, nil)
	taking := begin(t, o.dir)
	if taking.Generation() != 2 || taking.Build() != "v1" || taking.Listener("other") != nil {
		t.Error(taking.Generation(), taking.Build())
	}
	l := taking.Listener("web")
	if l == nil || l.Addr().String() != o.web.Addr().String() {
		t.Fatal(l)
	}
	defer func() { _ = l.Close() }()
	var state []string
	if err := taking.Ready(func(part []byte) error { state = append(state, string(part)); return nil }); err != nil {
		t.Fatal(err)
	}
	if strings.Join(state, " ") != "some state" {
		t.Error(state)
	}
	link, err := taking.Take("v2")
	if err != nil {
		t.Fatal(err)
	}
	other := <-o.given
	heard := make(chan *Message, 8)
	link.Handle(func(m *Message, _ net.Conn) { heard <- m })
	if m := <-heard; m.Type != Revoke {
		t.Error(m)
	}
	streams := make(chan net.Conn, 1)
	said := make(chan *Message, 8)
	other.Handle(func(m *Message, c net.Conn) {
		said <- m
		if c != nil {
			streams <- c
		}
	})
	from, to := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:443")
	ours, err := link.Dial(Plain, from, to)
	if err != nil {
		t.Fatal(err)
	}
	if m := <-said; m.From != from || m.To != to || m.Kind != Plain {
		t.Error(m)
	}
	theirs := <-streams
	if _, err := ours.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(theirs, b); err != nil || string(b) != "hello" {
		t.Error(string(b), err)
	}
	_, _ = ours.Close(), theirs.Close()
	link.Tell(&Message{Type: End, Seconds: 1})
	if m := <-said; m.Type != End {
		t.Error(m)
	}
	link.Close()
	<-other.Done()
	if _, err := other.Dial(Requests, netip.AddrPort{}, netip.AddrPort{}); err == nil {
		t.Error("a link that has ended takes connections")
	}
}

// TestANewVersionMayFailAtAnyStep, and another one takes over from the same process later.
func TestANewVersionMayFailAtAnyStep(t *testing.T) {
	o := newOld(t, nil)
	for name, until := range map[string]func(*Taking){
		"before ready":       func(*Taking) {},
		"at the state":       func(x *Taking) { _ = x.Ready(func([]byte) error { return errors.New("no") }) },
		"before taking over": func(x *Taking) { _ = x.Ready(func([]byte) error { return nil }) },
	} {
		taking := begin(t, o.dir)
		until(taking)
		taking.Close()
		if name != "before ready" {
			<-o.failed
		}
		deadline := time.Now().Add(time.Minute)
		for {
			next, err := Begin(t.Context(), o.dir, "v2")
			if err == nil {
				next.Close()
				break
			}
			if !errors.Is(err, ErrRefused) || time.Now().After(deadline) {
				t.Fatalf("after a failure %s: %v", name, err)
			}
			time.Sleep(time.Millisecond)
		}
		for busy := true; busy && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			o.door.mu.Lock()
			busy = o.door.place.busy
			o.door.mu.Unlock()
		}
	}
	select {
	case <-o.given:
		t.Error("it counts as taken over from")
	default:
	}
}

func TestWithoutAServerThereIsNothingToTakeOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "h")
	if taking, err := Begin(t.Context(), dir, "v2"); taking != nil || err != nil {
		t.Error(taking, err)
	}
	o := newOld(t, nil)
	o.door.Close() // its socket stays
	if taking, err := Begin(t.Context(), o.dir, "v2"); taking != nil || err != nil {
		t.Error(taking, err)
	}
}

// TestTheFolderIsOursAlone: in a folder that others may enter, anybody's socket could be there.
func TestTheFolderIsOursAlone(t *testing.T) {
	for name, put := range map[string]func(dir string) error{
		"others may enter": func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o711)) },
		"a file":           func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"a link":           func(dir string) error { return os.Symlink(t.TempDir(), dir) },
	} {
		dir := filepath.Join(t.TempDir(), "h")
		if err := put(dir); err != nil {
			t.Fatal(err)
		}
		if l, err := listenIn(dir); err == nil {
			_ = l.Close()
			t.Errorf("%s: it is listened in", name)
		}
		if _, _, err := connect(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "0700") && name != "a file" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnotherUserIsRefused: a real process of another user, in a folder that lets it in.
func TestAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	dir, err := os.MkdirTemp("/tmp", "handover")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path, binary := filepath.Join(dir, "s"), filepath.Join(dir, "test")
	l, err := net.Listen("unixpacket", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	program, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = errors.Join(os.WriteFile(binary, program, 0o755), os.Chmod(dir, 0o755), os.Chmod(path, 0o666))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Env = []string{foreignEnv + "=" + path}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := newConn(nc); !errors.Is(err, errForeign) {
		c.close()
		t.Error("another user is let in:", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestWhatIsNoMessageEndsTheConversation, with its descriptors closed.
func TestWhatIsNoMessageEndsTheConversation(t *testing.T) {
	o := newOld(t, nil)
	for name, text := range map[string]string{
		"nonsense": "x", "not yet": `{"type":"ready"}`, "large": strings.Repeat(" ", maxMessage+1),
		"a descriptor": `{"type":"ask","version":1,"build":"v2"}`, "a stream": `{"type":"stream","kind":"requests"}`,
	} {
		c, err := net.Dial("unixpacket", filepath.Join(o.dir, socketName))
		if err != nil {
			t.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var rights []byte
		if strings.HasPrefix(name, "a ") {
			rights = syscall.UnixRights(int(w.Fd()))
		}
		if _, _, err := c.(*net.UnixConn).WriteMsgUnix([]byte(text), rights, nil); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := c.Read(make([]byte, 100)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		_ = r.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: the descriptor is still open: %v", name, err)
		}
		_, _ = c.Close(), r.Close()
	}
}

// TestWhatIsNoListenerIsNotTaken: the new version checks what it is given, too.
func TestWhatIsNoListenerIsNotTaken(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = udp.Close() }()
	x := &Taking{listeners: map[string]net.Listener{}}
	file, err := udp.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	if x.add("web", file) == nil {
		t.Error("a UDP socket was taken")
	}
	if x.drop(); file.Fd() != ^uintptr(0) {
		t.Error("its descriptor is still open")
	}
}

// TestALinkThatCannotTellEnds: a sign-out is not lost silently.
func TestALinkThatCannotTellEnds(t *testing.T) {
	ours, theirs, err := pair(0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = theirs.Close() }()
	c, err := newConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(c) // nothing takes from its queue
	for range linkQueue {
		l.Tell(&Message{Type: Revoke, Session: someSession})
	}
	select {
	case <-l.Done():
		t.Fatal("it has ended early")
	default:
	}
	l.Tell(&Message{Type: Revoke, Session: someSession})
	<-l.Done()
}

// links are the ends of a link, neither of which is started.
func links(t *testing.T) (a, b *Link) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var both [2]*Link
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "link")
		nc, err := net.FileConn(file)
		_ = file.Close()
		if err != nil {
			t.Fatal(err)
		}
		c, err := newConn(nc)
		if err != nil {
			t.Fatal(err)
		}
		both[i] = newLink(c)
		t.Cleanup(both[i].Close)
	}
	return both[0], both[1]
}

// TestAStreamWithoutItsDescriptorIsLostAlone: a process that may open no more files keeps its link.
func TestAStreamWithoutItsDescriptorIsLostAlone(t *testing.T) {
	a, b := links(t)
	b.conn.oob = nil // there is no room for a descriptor
	heard := make(chan Type, 8)
	b.Handle(func(m *Message, _ net.Conn) { heard <- m.Type })
	a.start(newer)
	b.start(older)
	stream, err := a.Dial(Requests, netip.AddrPort{}, netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	_ = stream.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := stream.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error("the lost stream is open:", err)
	}
	a.Tell(&Message{Type: End})
	select {
	case got := <-heard:
		if got != End {
			t.Error(got)
		}
	case <-b.Done():
		t.Error("the link has ended")
	}
}

// TestWhatCameEarlyMayEndTheLink, and what comes meanwhile is handled in its order.
func TestWhatCameEarlyMayEndTheLink(t *testing.T) {
	_, l := links(t)
	l.arrive(&Message{Type: Touch}, nil)
	l.arrive(&Message{Type: Revoke}, nil)
	var got []Type
	l.Handle(func(m *Message, _ net.Conn) {
		if got = append(got, m.Type); len(got) == 1 {
			l.arrive(&Message{Type: End}, nil)
			return
		}
		l.Close()
	})
	<-l.Done()
	if !slices.Equal(got, []Type{Touch, Revoke}) {
		t.Error(got)
	}
}

// flaky is a listener that fails once, as without a free descriptor, and is then closed.
type flaky struct {
	net.Listener
	calls int
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.calls++; f.calls == 1 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return nil, net.ErrClosed
}

// TestTheDoorStaysOpenWithoutAFreeDescriptor.
func TestTheDoorStaysOpenWithoutAFreeDescriptor(t *testing.T) {
	l := &flaky{}
	(&Door{listener: l}).accept()
	if l.calls != 2 {
		t.Error("it gave up after", l.calls)
	}
}

func TestReloadSaysWhatCameOfIt(t *testing.T) {
	exited := make(chan struct{})
	close(exited)
	for why, start := range map[string]func() (<-chan struct{}, error){
		whyCannot:                      nil,
		"a new version cannot be star": func() (<-chan struct{}, error) { return nil, errors.New("no file") },
		"ended before it was ready":    func() (<-chan struct{}, error) { return exited, nil },
	} {
		o := newOld(t, func(c *Config) { c.Start = start })
		if _, err := Command(o.dir); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", why, err)
		}
	}
	o := newOld(t, func(c *Config) {
		dir := c.Dir
		c.Start = func() (<-chan struct{}, error) {
			running := make(chan struct{})
			go func() {
				x, err := Begin(t.Context(), dir, "v2")
				if err != nil {
					close(running)
					return
				}
				_ = x.Ready(func([]byte) error { return nil })
				_, _ = x.Take("v2")
			}()
			return running, nil
		}
	})
	if before, err := Command(o.dir); err != nil || before != "v1" {
		t.Error(before, err)
	}
	(<-o.given).Close()
}
