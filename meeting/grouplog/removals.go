package grouplog

import (
	"bytes"
	"encoding/base64"
	"slices"

	"conclave/protocol"
)

// The bounds of removals. A removal that no one commits in so many epochs is of a leaf that is not there.
const (
	maxRemovals      = 4096 // that wait; beyond it the oldest is given up
	maxSignings      = 16   // of one removal
	maxSignedAtOnce  = 256  // for one epoch; the others wait for the next
	maxProposalsKept = 2    // of one seat
)

// proposal is a member's own Remove.
type proposal struct {
	epoch uint64
	leaf  uint32
	ref   Hash
}

// removal is a leaf of a seat that has ended.
type removal struct {
	leaf      uint32
	key       Identity
	proposals []proposal // of the seat's own, of that leaf

	signings int
	epoch    uint64 // that it was signed for last, if ever
	ref      Hash
	done     bool // the newest candidate refers to it
}

// Propose takes a member's proposal to remove its own leaf: one an epoch.
func (l *Log) Propose(id protocol.Participant, data string) error {
	raw, err := base64.RawURLEncoding.DecodeString(data)
	if err != nil {
		return ErrMalformed
	}
	h, err := l.read(id, raw, contentProposal)
	if err != nil {
		return err
	}
	ref, err := h.ownRemove()
	switch s := l.seats[id]; {
	case err != nil:
		return ErrMalformed
	case h.epoch > l.next() || !l.begun:
		return ErrAhead
	case h.epoch < l.newest:
		return ErrOld
	case slices.ContainsFunc(s.proposals, func(p proposal) bool { return p.epoch == h.epoch }):
		return ErrSecond
	default:
		s.proposals = append(s.proposals, proposal{h.epoch, h.leaf, ref})
		s.proposals = s.proposals[max(0, len(s.proposals)-maxProposalsKept):]
	}
	l.append(id, h.epoch, data, len(raw))
	return nil
}

// lose has the leaves of a seat that has ended removed.
func (l *Log) lose(s *seat) {
	for _, leaf := range s.claims {
		r := &removal{leaf: leaf, key: s.Key}
		for _, p := range s.proposals {
			if p.leaf == leaf {
				r.proposals = append(r.proposals, p)
			}
		}
		if len(l.removals) == maxRemovals {
			l.removals = slices.Delete(l.removals, 0, 1)
		}
		l.removals = append(l.removals, r)
		l.sign(r)
	}
}

// sign puts the server's Remove for the epoch that the group has come to into the log.
func (l *Log) sign(r *removal) {
	message, ref := externalRemove(l.key, l.group, l.next(), r.leaf, r.key)
	r.signings, r.epoch, r.ref, r.done = r.signings+1, l.next(), ref, false
	l.append(0, r.epoch, base64.RawURLEncoding.EncodeToString(message), len(message))
}

// removed looks at the removals after a candidate of an epoch; first is whether it is the epoch's first. What the
// newest candidate refers to is done, unless another candidate of the same epoch does not. What is not done is signed
// for the epoch that follows.
func (l *Log) removed(epoch uint64, candidate []byte, first bool) {
	if epoch != l.newest {
		return // signed for the epoch after it already
	}
	if first {
		l.removals = slices.DeleteFunc(l.removals, func(r *removal) bool {
			return r.epoch < epoch && r.done || r.signings == maxSignings
		})
	}
	signed := 0
	for _, r := range l.removals {
		if r.epoch > epoch {
			continue
		}
		if r.done = r.in(epoch, candidate); !r.done && signed < maxSignedAtOnce {
			l.sign(r)
			signed++
		}
	}
}

// in says whether a candidate of an epoch refers to the removal of the leaf.
func (r *removal) in(epoch uint64, candidate []byte) bool {
	if r.epoch == epoch && bytes.Contains(candidate, r.ref[:]) {
		return true
	}
	return slices.ContainsFunc(r.proposals, func(p proposal) bool {
		return p.epoch == epoch && bytes.Contains(candidate, p.ref[:])
	})
}
