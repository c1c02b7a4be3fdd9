package doctor

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func addrs(list ...string) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestDNSAndAddressAreDiagnosed(t *testing.T) {
	notFound := &net.DNSError{Err: "no such host", IsNotFound: true}
	for name, tt := range map[string]struct {
		n            Names
		dns, address Level
		text         string // in one of the two
	}{
		"right":           {Names{Resolved: addrs("203.0.113.7"), Own: addrs("203.0.113.7")}, OK, OK, "resolves to 203.0.113.7"},
		"mapped":          {Names{Resolved: addrs("::ffff:203.0.113.7"), Own: addrs("203.0.113.7")}, OK, OK, "203.0.113.7"},
		"no_record":       {Names{Err: notFound, Own: addrs("203.0.113.7")}, Problem, OK, "does not resolve"},
		"dns_down":        {Names{Err: errors.New("timeout"), Own: addrs("203.0.113.7")}, Problem, OK, "/etc/resolv.conf"},
		"elsewhere":       {Names{Resolved: addrs("198.51.100.1"), Own: addrs("203.0.113.7")}, Problem, Problem, "Point the record to 203.0.113.7"},
		"stale_ipv6":      {Names{Resolved: addrs("203.0.113.7", "2001:db8::9"), Own: addrs("203.0.113.7")}, Warning, OK, "also resolves to 2001:db8::9"},
		"nat_not_told":    {Names{Resolved: addrs("203.0.113.7"), Own: addrs("10.0.0.2")}, Problem, Problem, "Set advertise to this machine's public address, perhaps 203.0.113.7"},
		"nat_told":        {Names{Resolved: addrs("203.0.113.7"), Own: addrs("10.0.0.2"), Advertise: addrs("203.0.113.7")}, OK, OK, "are told 10.0.0.2, 203.0.113.7"},
		"shared_address":  {Names{Resolved: addrs("203.0.113.7"), Own: addrs("100.64.3.2")}, Problem, Problem, "private addresses only"},
		"wrong_advertise": {Names{Resolved: addrs("203.0.113.7"), Own: addrs("10.0.0.2"), Advertise: addrs("203.0.113.8")}, Problem, Problem, "are told 203.0.113.8"},
		"behind_proxy":    {Names{Resolved: addrs("198.51.100.1"), Own: addrs("203.0.113.7"), Proxied: true}, Warning, OK, "right if your proxy is there"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.n.Domain = "meet.example.org"
			dns, address := DNS(tt.n), Address(tt.n)
			all := dns.Text + " " + dns.Do + " " + address.Text + " " + address.Do
			if dns.Level != tt.dns || address.Level != tt.address || !strings.Contains(all, tt.text) {
				t.Errorf("dns %s, address %s: %s", dns.Level, address.Level, all)
			}
			for _, f := range []Finding{dns, address} {
				if (f.Level != OK) != (f.Do != "") {
					t.Errorf("a finding without an advice, or an advice without a finding: %+v", f)
				}
			}
		})
	}
}
