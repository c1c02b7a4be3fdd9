package doctor

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Names is what is known of the addresses of a server.
type Names struct {
	Domain    string
	Resolved  []netip.Addr // what Domain resolves to
	Err       error        // of resolving it
	Own       []netip.Addr // addresses of this machine that media is served on
	Advertise []netip.Addr // addresses that clients are told beside them
	Proxied   bool         // a proxy ends TLS, so Domain may point to another machine
}

// DNS compares what the name resolves to with this machine.
func DNS(n Names) Finding {
	bad := func(l Level, text, do string) Finding { return Finding{Check: "dns", Level: l, Text: text, Do: do} }
	var dns *net.DNSError
	switch {
	case errors.As(n.Err, &dns) && dns.IsNotFound, n.Err == nil && len(n.Resolved) == 0:
		return bad(Problem, n.Domain+" does not resolve.",
			"Create an A record for it with this machine's public address"+list(": ", public(n.Own))+
				". A new record may take minutes to be seen.")
	case n.Err != nil:
		return bad(Problem, n.Domain+" could not be looked up: "+n.Err.Error()+".",
			"Check the DNS servers of this machine (/etc/resolv.conf).")
	}
	told := slices.Concat(n.Own, n.Advertise)
	var ours, foreign []netip.Addr
	for _, a := range n.Resolved {
		if slices.Contains(told, a.Unmap()) {
			ours = append(ours, a)
		} else {
			foreign = append(foreign, a)
		}
	}
	switch {
	case len(foreign) == 0:
		return Finding{Check: "dns", Level: OK, Text: n.Domain + " resolves to" + list(" ", ours) + "."}
	case n.Proxied:
		return bad(Warning, n.Domain+" resolves to"+list(" ", foreign)+", which is not an address of this machine.",
			"That is right if your proxy is there. Media comes straight to this machine: see the address below.")
	case len(ours) > 0:
		return bad(Warning, n.Domain+" also resolves to"+list(" ", foreign)+", which is not an address of this machine.",
			"Remove that record, unless the address leads here. Browsers may choose it.")
	case len(public(n.Own)) == 0:
		return bad(Problem, n.Domain+" resolves to"+list(" ", foreign)+", and this machine has private addresses only.",
			"If that address leads here (1:1 NAT), set advertise to it. Otherwise correct the record.")
	}
	return bad(Problem, n.Domain+" resolves to"+list(" ", foreign)+", which is not an address of this machine.",
		"Point the record to"+list(" ", public(n.Own))+", or set advertise if that address leads here.")
}

// Address says whether clients outside can be reached by what they are told.
func Address(n Names) Finding {
	told := public(slices.Concat(n.Own, n.Advertise))
	f := Finding{Check: "address", Level: OK}
	f.Text = "Clients are told" + list(" ", slices.Concat(n.Own, n.Advertise)) + "."
	switch {
	case len(told) == 0:
		f.Level = Problem
		f.Text = "Clients are told private addresses only" + list(": ", n.Own) + ". People outside get no sound and picture."
		f.Do = "Set advertise to this machine's public address" + list(", perhaps ", public(n.Resolved)) + "."
	case !n.Proxied && len(n.Resolved) > 0 && !slices.ContainsFunc(n.Resolved, func(a netip.Addr) bool {
		return slices.Contains(told, a.Unmap())
	}):
		f.Level = Problem
		f.Text = "Browsers come to" + list(" ", n.Resolved) + ", and are told" + list(" ", told) + " for sound and picture."
		f.Do = "Set advertise to the address that leads here, or correct the DNS record."
	}
	return f
}

// public leaves out addresses that are not reached from outside: private, shared (RFC 6598), link-local, loopback.
func public(addrs []netip.Addr) []netip.Addr {
	shared := netip.MustParsePrefix("100.64.0.0/10")
	return slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool {
		a = a.Unmap()
		return !a.IsGlobalUnicast() || a.IsPrivate() || shared.Contains(a)
	})
}

// list writes addresses after lead; nothing for none.
func list(lead string, addrs []netip.Addr) string {
	if len(addrs) == 0 {
		return ""
	}
	text := make([]string, len(addrs))
	for i, a := range addrs {
		text[i] = a.Unmap().String()
	}
	return lead + strings.Join(text, ", ")
}
