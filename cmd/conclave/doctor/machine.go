package doctor

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// Process is who has a port.
type Process struct {
	Name string // of the program; empty if it could not be told
	PID  int
	Ours bool // it is a server of Conclave
	// Answers is true if the process could not be told, and a server of Conclave answers at its address.
	Answers bool
}

// Port says whether a port can be served. err is what opening it said, who has it if it is in use.
func Port(network, address string, err error, holder Process) Finding {
	f := Finding{Check: "ports", Level: Problem}
	port := strings.TrimPrefix(address, ":") + "/" + network
	switch {
	case err == nil:
		f.Level, f.Text = OK, port+" is free."
	case errors.Is(err, syscall.EADDRINUSE) && holder.Ours:
		f.Level, f.Text = OK, fmt.Sprintf("%s is served by conclave (process %d).", port, holder.PID)
	case (errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)) && holder.Answers:
		f.Level, f.Text = OK, port+" is in use: the server answers."
	case errors.Is(err, syscall.EADDRINUSE) && holder.Name != "":
		f.Text = fmt.Sprintf("%s is in use by %s (process %d).", port, holder.Name, holder.PID)
		f.Do = "Stop " + holder.Name + ", or set listen, redirect_listen or media_ports to another port."
	case errors.Is(err, syscall.EADDRINUSE):
		f.Text = port + " is in use by a process that this user may not see."
		f.Do = "Run conclave doctor as root to see which."
	case errors.Is(err, syscall.EACCES):
		f.Text = "This user may not open " + port + "."
		f.Do = "The unit gives the server CAP_NET_BIND_SERVICE. To run it by hand: setcap cap_net_bind_service=+ep on the " +
			"program."
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		f.Text = port + " is not on an address of this machine."
		f.Do = "Correct listen or media_listen. For a machine behind NAT, set advertise instead."
	default:
		f.Text = port + " could not be opened: " + err.Error() + "."
		f.Do = "Check listen, redirect_listen and media_ports."
	}
	return f
}

// socketBuffer is what the media sockets ask for.
const socketBuffer = 4 << 20

// Buffers looks at the greatest socket buffers that the kernel gives, in bytes; 0 if that is not known.
func Buffers(receive, send int) Finding {
	f := Finding{Check: "buffers", Level: OK, Text: "The kernel gives sockets the buffers that media needs."}
	if receive == 0 || send == 0 {
		f.Text = "The size of socket buffers is not known on this system."
	} else if least := min(receive, send); least < socketBuffer {
		f.Level = Warning
		f.Text = fmt.Sprintf("The kernel gives sockets %d KiB at most: bursts of large meetings lose packets.", least>>10)
		f.Do = fmt.Sprintf("Put net.core.rmem_max=%d and net.core.wmem_max=%[1]d into /etc/sysctl.d/conclave.conf, then run "+
			"sysctl --system and restart.", socketBuffer)
	}
	return f
}

// Files looks at how many files the server may open. connections is the limit of TCP connections.
func Files(limit, connections int) Finding {
	f := Finding{Check: "files", Level: OK, Text: fmt.Sprintf("The server may open %d files.", limit)}
	if limit < 4096 || limit/4*3 < connections/4 {
		f.Level = Warning
		f.Text = fmt.Sprintf("The server may open %d files, so it takes %d connections at once.", limit, limit/4*3)
		f.Do = "Set LimitNOFILE in the unit, or nofile in compose, to 65536."
	}
	return f
}

// Clock is what is known of the time.
type Clock struct {
	Synchronized bool
	Known        bool // Synchronized is
	// Offset is how far this machine is ahead of an https server outside; Err why that is not known.
	Offset time.Duration
	Err    error
}

// maxOffset is how wrong the time may be: certificates and codes allow for minutes, logs for less.
const maxOffset = 30 * time.Second

// Time says whether the clock is right.
func Time(c Clock) Finding {
	f := Finding{Check: "clock", Level: OK, Text: "The clock is right."}
	switch {
	case c.Err == nil && c.Offset.Abs() > maxOffset:
		f.Level = Problem
		f.Text = fmt.Sprintf("The clock is %v %s.", c.Offset.Abs().Round(time.Second), aheadOrBehind(c.Offset))
		f.Do = "Synchronize it: apt install systemd-timesyncd. Certificates and sign-in codes depend on it."
	case c.Known && !c.Synchronized:
		f.Level, f.Text = Warning, "The kernel says that the clock is not synchronized."
		f.Do = "apt install systemd-timesyncd, or chrony. In a container or a virtual machine the host may do it."
	case c.Err != nil && !c.Known:
		f.Level, f.Text = Warning, "Nothing says whether the clock is right."
		f.Do = "Compare it with another: date -u."
	}
	return f
}

func aheadOrBehind(d time.Duration) string {
	if d < 0 {
		return "behind"
	}
	return "ahead"
}

// Certificate is what is known of the certificate that the server presents.
type Certificate struct {
	Name      string // it must be good for
	NotBefore time.Time
	NotAfter  time.Time
	Err       error // of verifying it, or of reaching the server
	Running   bool  // a server was asked; otherwise the files were read, if there are any
	ACME      bool  // the server gets it by itself
}

// renewBefore is when a certificate should have been renewed: certmagic does at a third of its life, 30 of 90 days.
const renewBefore = 14 * 24 * time.Hour

// TLS says whether browsers will accept the certificate.
func TLS(c Certificate, now time.Time) Finding {
	f := Finding{Check: "certificate", Level: Problem}
	left := c.NotAfter.Sub(now)
	switch {
	case c.Err != nil && c.ACME && !c.Running:
		f.Level, f.Text = Warning, "The server is not running: it gets the certificate when it starts."
		f.Do = "Start it (systemctl start conclave) and run this again."
	case c.Err != nil:
		f.Text = "Browsers will refuse the certificate for " + c.Name + ": " + c.Err.Error() + "."
		f.Do = "Correct tls_cert and tls_key."
		if c.ACME {
			f.Do = "Ports 443 and 80 must be reachable from outside, and the name must lead here. The log says why the " +
				"certificate authority refused: journalctl -u conclave."
		}
	case now.Before(c.NotBefore):
		f.Text = "The certificate is not good before " + c.NotBefore.UTC().Format("2006-01-02 15:04 MST") + "."
		f.Do = "Check the clock. Otherwise wait, or use another certificate."
	case left <= 0:
		f.Text, f.Do = "The certificate expired on "+c.NotAfter.Format(time.DateOnly)+".", "Renew it. Check the clock too."
	case left < renewBefore:
		f.Level = Warning
		f.Text = fmt.Sprintf("The certificate expires in %d days and was not renewed.", int(left.Hours()/24))
		f.Do = "Look for \"certificate not obtained\" in the log, or renew the files."
	default:
		f.Level, f.Text = OK, "The certificate is good until "+c.NotAfter.Format(time.DateOnly)+"."
	}
	return f
}

// Mail says what the mail server answered. diagnosis is empty if it accepts the login; configured is false in console
// mode.
func Mail(configured bool, diagnosis string) Finding {
	f := Finding{Check: "mail", Level: OK, Text: "The mail server accepts the login. To see a message arrive: " +
		"conclave smtp test --to you@example.org."}
	switch {
	case !configured:
		f.Text = "No mail server is configured: codes are printed in the terminal."
	case diagnosis != "":
		f.Level, f.Text = Problem, "Sign-in codes cannot be sent. "+diagnosis
		f.Do = "Correct smtp and smtp_password, and run this again."
	}
	return f
}

// Way is one way to the media of a running server, tried from this machine.
type Way struct {
	Name    string // UDP, TCP
	Address string
	Err     error
}

// Local says whether this machine itself reaches the media of its running server.
func Local(ways []Way) Finding {
	f := Finding{Check: "media", Level: OK}
	var good, bad []string
	for _, w := range ways {
		if text := w.Address + "/" + w.Name; w.Err == nil {
			good = append(good, text)
		} else {
			bad = append(bad, text+" ("+w.Err.Error()+")")
		}
	}
	f.Text = "From here, media answers at " + strings.Join(good, ", ") + "."
	if len(bad) > 0 {
		f.Level, f.Text = Warning, "From here, media does not answer at "+strings.Join(bad, ", ")+"."
		f.Do = "A firewall on this machine may drop it. Behind NAT, a machine often cannot reach its own public address: " +
			"then only a browser outside can tell."
	}
	return f
}

// Outside says what a running server has seen of checks from other machines, by way; nil if it did not say.
func Outside(checks map[string]int, page string) Finding {
	f := Finding{Check: "outside", Level: OK}
	udp, tcp := checks["udp"], checks["ice_tcp"]+checks["turn"]
	switch {
	case checks == nil:
		f.Level, f.Text = Warning, "The metrics of the server could not be read, which count checks from other machines."
		f.Do = "Set admin_listen, or open " + page + " in a browser on another network and read what it says."
	case udp == 0 && tcp == 0:
		f.Level, f.Text = Warning, "No other machine has checked its connection since the server started."
		f.Do = "Open " + page + " in a browser on another network, run the check, then run this again."
	case udp == 0:
		f.Level = Problem
		f.Text = "Other machines reach media over TCP, and none has over UDP. Sound and picture will be worse."
		f.Do = "Open the UDP port in the firewall of this machine and of its provider."
	case tcp == 0:
		f.Level = Warning
		f.Text = "Other machines reach media over UDP, and none has over TCP. People whose network blocks UDP cannot join."
		f.Do = "Open the TCP port in the firewall of this machine and of its provider, and check from such a network."
	default:
		f.Text = "Other machines have reached media over UDP and over TCP."
	}
	return f
}
