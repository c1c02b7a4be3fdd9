package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"conclave/auth"
	"conclave/config"
)

// maxMediaAddresses bounds how many addresses media is served on by default: each costs sockets and a candidate in
// every answer.
const maxMediaAddresses = 8

// newHTTPServer makes a server whose every phase has a limit: a client that sends or reads slowly is cut off.
// WebSockets are free of these limits once they are upgraded.
func newHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          nil, // set by the caller: the default prints client addresses
	}
}

// redirectHandler sends http to https, to the name of the configuration and never to one from the request.
func redirectHandler(d *config.Deployment) http.Handler {
	return securityHeaders(false)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			auth.WriteError(w, http.StatusForbidden, "https_only", "Use https.", 0)
			return
		}
		target := *d.URL
		target.Path, target.RawPath, target.RawQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery
		if !strings.HasPrefix(target.Path, "/") { // "*" and absolute-form oddities
			target.Path, target.RawPath = "/", ""
		}
		w.Header().Set("Location", target.String())
		w.WriteHeader(http.StatusPermanentRedirect)
	}))
}

// certificateFiles serves a certificate from files and looks at them again every few seconds, so that a renewal needs
// no restart.
type certificateFiles struct {
	certFile, keyFile string

	mu      sync.Mutex
	cert    *tls.Certificate
	stamp   [2]time.Time
	checked time.Time
}

const certificateCheck = 5 * time.Second

func newCertificateFiles(cert, key string) (*certificateFiles, error) {
	f := &certificateFiles{certFile: cert, keyFile: key}
	if err := f.load(); err != nil {
		return nil, fmt.Errorf("tls_cert, tls_key: %w", err)
	}
	return f, nil
}

func (f *certificateFiles) load() error {
	stamp, err := f.stamps()
	if err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return err //nolint:wrapcheck // wrapped by the caller
	}
	f.cert, f.stamp = &cert, stamp
	return nil
}

func (f *certificateFiles) stamps() (stamp [2]time.Time, err error) {
	for i, name := range []string{f.certFile, f.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return stamp, err //nolint:wrapcheck // names the file
		}
		stamp[i] = info.ModTime()
	}
	return stamp, nil
}

// get is tls.Config.GetCertificate. While new files do not fit together (one is written after the other), the old pair
// goes on.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.checked) >= certificateCheck {
		f.checked = now
		if stamp, err := f.stamps(); err == nil && stamp != f.stamp {
			_ = f.load()
		}
	}
	return f.cert, nil
}

// mediaAddresses chooses where media is served: what the operator named, else the addresses of the machine's real
// interfaces, and loopback too when the web server is on loopback. (Firefox pairs no candidate on 127.0.0.1, so
// loopback alone is never enough.)
func mediaAddresses(c *config.Config, loopback bool, port uint16) ([]netip.AddrPort, error) {
	addrs := c.MediaListen
	if len(addrs) == 0 {
		if loopback {
			addrs = append(addrs, netip.MustParseAddr("127.0.0.1"))
		}
		own, err := interfaceAddresses()
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, own...)
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("no network interface to serve media on was found: set media_listen")
	}
	if len(addrs) > maxMediaAddresses && len(c.MediaListen) == 0 {
		addrs = addrs[:maxMediaAddresses]
	}
	out := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		out[i] = netip.AddrPortFrom(a, port)
	}
	return out, nil
}

func interfaceAddresses() ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing network interfaces: %w", err)
	}
	var out []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 || virtualInterface(i.Name) {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it has just gone
		}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Addr().IsGlobalUnicast() {
				out = append(out, p.Addr().Unmap())
			}
		}
	}
	return out, nil
}

// virtualInterface names what container and virtual-machine software makes: no client outside reaches us there.
func virtualInterface(name string) bool {
	for _, prefix := range []string{
		"docker", "veth", "br-", "virbr", "lxc", "lxd", "cni", "flannel", "cali", "podman", "vmnet", "vboxnet",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
