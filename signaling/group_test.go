package signaling

import (
	"strings"
	"testing"

	"conclave/protocol"
)

// commitOf is a commit of an epoch below 128 in the tests' group, of so many bytes, as far as the server reads it.
func commitOf(epoch byte, size int) string {
	b := "\x00\x01\x00\x01\x10" + testGroup + strings.Repeat("\x00", 7) + string(rune(epoch)) +
		"\x01\x00\x00\x00\x00\x00\x03"
	return opaque(b + strings.Repeat("c", size-len(b)))
}

const testGroup = "group-of-16-byte"

// grouped is an encrypted meeting whose group its creator has founded, and one more who is there.
func grouped(t *testing.T) (host, guest *peer) {
	t.Helper()
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(encrypted)
	host = ana.join(id, sealed("ana"))
	if g := next[*protocol.Group](host); !g.Found || g.ServerKey == "" {
		t.Fatalf("the creator is told %+v", g)
	}
	host.ok(&protocol.FoundGroup{ID: host.id(), GroupID: opaque(testGroup)})
	host.ok(&protocol.Commit{ID: host.id(), Data: commitOf(0, 200)})
	guest = ben.join(id, sealed("ben"))
	if g := next[*protocol.Group](guest); g.Found || g.Position != 1 {
		t.Fatalf("the guest is told %+v", g)
	}
	return host, guest
}

// The largest commit that there may be reaches those it is for, and its sender may go on.
func TestTheLargestCommitPasses(t *testing.T) {
	host, guest := grouped(t)
	guest.ok(&protocol.KeyPackage{ID: guest.id(), Data: strings.Repeat("A", 2728)})
	if k := next[*protocol.KeyPackages](host); len(k.Packages) != 1 || k.Packages[0].Participant != guest.me() {
		t.Fatalf("the host got %d packages", len(k.Packages))
	}
	secrets := opaque("secrets of ben")
	info := opaque(strings.Repeat("i", protocol.MaxForJoiners-len("secrets of ben")))
	data := commitOf(1, protocol.MaxEntry)
	host.send(&protocol.Commit{ID: host.id(), Data: data, GroupInfo: info,
		Added: []protocol.Joiner{{Participant: guest.me(), Leaf: 1, Secrets: secrets}}})
	for _, p := range []*peer{host, guest} {
		match(p, func(l *protocol.Log) bool {
			return len(l.Entries) == 1 && l.Entries[0].Data == data && l.Entries[0].Position == 2
		})
	}
	match(guest, func(m *protocol.Secrets) bool {
		return m.Position == 2 && m.GroupInfo == info && len(m.Joiners) == 1 && m.Joiners[0].Secrets == secrets
	})
	host.ok(&protocol.Commit{ID: host.id(), Data: commitOf(2, 3000)})
	host.ok(&protocol.Broadcast{ID: host.id(), Kind: protocol.BroadcastGroup, Data: opaque("beat")})
	match(guest, func(m *protocol.BroadcastEvent) bool {
		return m.Kind == protocol.BroadcastGroup && m.From == host.me()
	})
	guest.send(&protocol.LogGet{ID: guest.id(), From: 1})
	match(guest, func(l *protocol.Log) bool { return len(l.Entries) == 3 })
}

// What is not taken is said, and ends nothing. A seat that ends is removed.
func TestWhatTheLogDoesNotTakeIsSaid(t *testing.T) {
	host, guest := grouped(t)
	guest.rejected(&protocol.Commit{ID: guest.id(), Data: commitOf(1, 200)}, protocol.ErrNotTaken)
	guest.rejected(&protocol.FoundGroup{ID: guest.id(), GroupID: opaque(testGroup)}, protocol.ErrNotTaken)
	host.rejected(&protocol.Commit{ID: host.id(), Data: commitOf(2, 200)}, protocol.ErrNotTaken)
	guest.ok(&protocol.Stuck{ID: guest.id(), Epoch: 1, Hash: opaque(strings.Repeat("h", 32))})
	match(host, func(m *protocol.StuckEvent) bool { return m.Participant == guest.me() && m.Epoch == 1 })
	guest.ok(&protocol.KeyPackage{ID: guest.id(), Data: opaque("package")})
	next[*protocol.KeyPackages](host)
	host.ok(&protocol.Commit{ID: host.id(), Data: commitOf(1, 200), GroupInfo: opaque("info"),
		Added: []protocol.Joiner{{Participant: guest.me(), Leaf: 1, Secrets: opaque("s")}}})
	guest.send(&protocol.Leave{ID: guest.id()})
	guest.bye(protocol.ByeLeft)
	match(host, func(l *protocol.Log) bool { return len(l.Entries) == 1 && l.Entries[0].From == 0 })
}

// One device is in a meeting once: its newer page takes the place of the older.
func TestTheSameDeviceSwitchesOverTheWire(t *testing.T) {
	s := newServer(t)
	ana, eve := s.signIn("ana"), s.signIn("eve")
	id := ana.create(encrypted)
	first := ana.join(id, sealed("ana"))
	second := ana.dial()
	second.ask(id, sealed("ana"))
	second.reply(second.lastID, protocol.ErrIdentityPresent)
	thief := eve.dial()
	thief.ask(id, sealed("ana"), func(j *protocol.Join) { j.Switch = true })
	thief.reply(thief.lastID, protocol.ErrIdentityPresent)
	second.ask(id, sealed("ana"), func(j *protocol.Join) { j.Switch = true })
	second.in()
	first.bye(protocol.ByeReplaced)
	if second.welcome.Role != protocol.RoleHost {
		t.Fatalf("the role is %s", second.welcome.Role)
	}
}
