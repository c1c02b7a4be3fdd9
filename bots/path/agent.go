package path

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

const (
	checkEvery   = 50 * time.Millisecond // between two checks until one is answered (RFC 8445 §14.2: Ta)
	consentEvery = 5 * time.Second       // RFC 7675 §5.1
	consentLasts = 30 * time.Second      // likewise
	// connectWithin is how long a path is looked for.
	connectWithin = 30 * time.Second
	// maxPending bounds the checks whose answers are awaited; the oldest is forgotten first.
	maxPending = 16
	// MaxCandidates bounds those of an answer; further ones are not tried.
	MaxCandidates = 16
)

// Credentials are the fragment and password of one side (RFC 8445 §5.3).
type Credentials struct{ Ufrag, Pwd string }

// NewCredentials makes random ones.
func NewCredentials() Credentials {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var b [8 + 24]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	for i := range b {
		b[i] = letters[b[i]&63]
	}
	return Credentials{Ufrag: string(b[:8]), Pwd: string(b[8:])}
}

// Datagram is one to be sent.
type Datagram struct {
	Data []byte
	To   netip.AddrPort
}

// Agent finds the path to the server and keeps the server's consent. It has no socket and no clock; not safe for
// concurrent use.
type Agent struct {
	local, remote Credentials
	candidates    []netip.AddrPort // at most MaxCandidates
	tieBreaker    uint64
	began         time.Time
	nextCheck     time.Time
	turn          int
	pending       []pending // at most maxPending
	selected      netip.AddrPort
	nominated     bool      // the server answered a check that nominates
	consented     time.Time // when it last answered
}

type pending struct {
	id        [stun.TransactionIDSize]byte
	to        netip.AddrPort
	nominates bool
}

// NewAgent makes an agent that begins to look for a path at now.
func NewAgent(local, remote Credentials, candidates []netip.AddrPort, now time.Time) *Agent {
	var tie [8]byte
	_, _ = rand.Read(tie[:])
	return &Agent{local: local, remote: remote, candidates: candidates[:min(len(candidates), MaxCandidates)],
		tieBreaker: binary.BigEndian.Uint64(tie[:]), began: now, nextCheck: now}
}

// Selected returns where media is sent to; ok is false before the server agreed.
func (a *Agent) Selected() (to netip.AddrPort, ok bool) { return a.selected, a.nominated }

// errNoPath says that the server answers no check.
var errNoPath = errors.New("bots: no path to the server's media port: it answers no check")

// Tick returns the check that is due at now, if one is, and when to call again. It fails when there is no path.
func (a *Agent) Tick(now time.Time) (out []Datagram, again time.Time, err error) {
	switch {
	case a.nominated && now.Sub(a.consented) > consentLasts, !a.nominated && now.Sub(a.began) > connectWithin,
		len(a.candidates) == 0:
		return nil, time.Time{}, errNoPath
	case now.Before(a.nextCheck):
		return nil, a.nextCheck, nil
	}
	to, every := a.candidates[a.turn%len(a.candidates)], checkEvery
	if a.selected.IsValid() {
		to = a.selected
	}
	if a.nominated {
		every = consentEvery
	}
	a.turn++
	a.nextCheck = now.Add(every)
	return []Datagram{a.check(to, a.selected.IsValid())}, a.nextCheck, nil
}

// check makes a connectivity check (RFC 8445 §7.2.2).
func (a *Agent) check(to netip.AddrPort, nominates bool) Datagram {
	m := stun.New()
	name := stun.NewUsername(a.remote.Ufrag + ":" + a.local.Ufrag)
	_ = m.Build(stun.TransactionID, stun.BindingRequest, name)               // the reader of the answer bounds the name
	m.Add(stun.AttrPriority, binary.BigEndian.AppendUint32(nil, 1845501695)) // a peer-reflexive candidate (§5.1.2)
	m.Add(stun.AttrICEControlling, binary.BigEndian.AppendUint64(nil, a.tieBreaker))
	if nominates {
		m.Add(stun.AttrUseCandidate, nil)
	}
	_ = stun.NewShortTermIntegrity(a.remote.Pwd).AddTo(m)
	_ = stun.Fingerprint.AddTo(m)
	if len(a.pending) == maxPending {
		a.pending = append(a.pending[:0], a.pending[1:]...)
	}
	a.pending = append(a.pending, pending{m.TransactionID, to, nominates})
	return Datagram{m.Raw, to}
}

// Take handles a STUN message from the server. What is not authentic, or not expected, changes nothing.
func (a *Agent) Take(now time.Time, data []byte, from netip.AddrPort) (out []Datagram) {
	m := &stun.Message{Raw: append([]byte(nil), data...)}
	if m.Decode() != nil {
		return nil
	}
	switch m.Type {
	case stun.BindingRequest:
		return a.respond(m, from)
	case stun.BindingSuccess:
		a.answered(now, m, from)
	default:
	}
	return nil
}

// respond answers the server's check, which proves to it that the bot is where it seems to be.
func (a *Agent) respond(m *stun.Message, from netip.AddrPort) []Datagram {
	if stun.NewShortTermIntegrity(a.local.Pwd).Check(m) != nil {
		return nil
	}
	r := stun.New()
	err := r.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())},
		stun.NewShortTermIntegrity(a.local.Pwd), stun.Fingerprint)
	if err != nil {
		return nil
	}
	return []Datagram{{r.Raw, from}}
}

func (a *Agent) answered(now time.Time, m *stun.Message, from netip.AddrPort) {
	for i, p := range a.pending {
		if p.id != m.TransactionID {
			continue
		}
		if p.to != from || stun.NewShortTermIntegrity(a.remote.Pwd).Check(m) != nil {
			return
		}
		a.pending = append(a.pending[:i], a.pending[i+1:]...)
		if !a.selected.IsValid() {
			a.selected, a.nextCheck = from, now // nominate at once
		}
		if a.selected == from {
			a.consented = now
			a.nominated = a.nominated || p.nominates
		}
		return
	}
}
