package mls

import (
	"crypto/ed25519"
	"crypto/hmac"
)

// Wire formats (RFC 9420 §17.2).
const (
	wirePublic     uint16 = 1
	wirePrivate    uint16 = 2
	wireWelcome    uint16 = 3
	wireGroupInfo  uint16 = 4
	wireKeyPackage uint16 = 5
)

// message encodes an MLSMessage (§6).
func message(wire uint16, body func(w *writer)) []byte {
	return encoded(func(w *writer) {
		w.u16(Version)
		w.u16(wire)
		body(w)
	})
}

// parseMessage reads an MLSMessage of one wire format. What it returns refers to b.
func parseMessage[T any](b []byte, most int, wire uint16, body func(r *reader) T) (T, error) {
	return parse(b, most, func(r *reader) (v T) {
		if r.u16() != Version {
			r.fail("version")
		}
		if r.u16() != wire {
			r.fail("wire format")
		}
		if r.err != nil {
			return v
		}
		return body(r)
	})
}

// wireOf is the wire format of an MLSMessage, 0 if it is none.
func wireOf(b []byte) uint16 {
	r := reader{b: b}
	if r.u16() != Version {
		return 0
	}
	return r.u16()
}

// SenderType says what the sender of a message is (RFC 9420 §6).
type SenderType uint8

// The sender types.
const (
	SenderMember            SenderType = 1
	SenderExternal          SenderType = 2
	SenderNewMemberProposal SenderType = 3
	SenderNewMemberCommit   SenderType = 4
)

// Sender is who sent a message: a leaf, or a number in the extension external_senders.
type Sender struct {
	Type  SenderType
	Index uint32
}

func (s Sender) write(w *writer) {
	w.u8(uint8(s.Type))
	if s.Type == SenderMember || s.Type == SenderExternal {
		w.u32(s.Index)
	}
}

func readSender(r *reader) Sender {
	s := Sender{Type: SenderType(r.u8())}
	switch s.Type {
	case SenderMember, SenderExternal:
		s.Index = r.u32()
	case SenderNewMemberProposal, SenderNewMemberCommit:
	default:
		r.fail("type of the sender")
	}
	return s
}

// ContentType says what a message holds (RFC 9420 §6).
type ContentType uint8

// The content types.
const (
	ContentApplication ContentType = 1
	ContentProposal    ContentType = 2
	ContentCommit      ContentType = 3
)

// framedContent is FramedContent. One of the last three is used.
type framedContent struct {
	group         []byte
	epoch         uint64
	sender        Sender
	authenticated []byte // authenticated_data
	kind          ContentType
	application   []byte
	proposal      *Proposal
	commit        *commit
}

func (c *framedContent) write(w *writer) {
	w.vec(c.group)
	w.u64(c.epoch)
	c.sender.write(w)
	w.vec(c.authenticated)
	w.u8(uint8(c.kind))
	c.writeBody(w)
}

func (c *framedContent) writeBody(w *writer) {
	switch c.kind {
	case ContentApplication:
		w.vec(c.application)
	case ContentProposal:
		c.proposal.write(w)
	case ContentCommit:
		c.commit.write(w)
	}
}

func readFramedContent(r *reader) (c framedContent) {
	c.group, c.epoch, c.sender = r.vec(), r.u64(), readSender(r)
	c.authenticated = r.vec()
	c.kind = ContentType(r.u8())
	c.readBody(r)
	return c
}

func (c *framedContent) readBody(r *reader) {
	switch c.kind {
	case ContentApplication:
		c.application = r.vec()
	case ContentProposal:
		c.proposal = readProposal(r)
	case ContentCommit:
		c.commit = readCommit(r)
	default:
		r.fail("type of the content")
	}
}

// authenticated is AuthenticatedContent: content with its signature and, of a commit, the confirmation tag.
type authenticated struct {
	wire      uint16
	content   framedContent
	signature []byte
	tag       []byte
}

func (a *authenticated) write(w *writer) {
	w.u16(a.wire)
	a.content.write(w)
	a.writeAuth(w)
}

func (a *authenticated) writeAuth(w *writer) {
	w.vec(a.signature)
	if a.content.kind == ContentCommit {
		w.vec(a.tag)
	}
}

func (a *authenticated) readAuth(r *reader) {
	a.signature = r.vec()
	if a.content.kind == ContentCommit {
		a.tag = r.hash("confirmation tag")
	}
}

// ref is the ProposalRef of a proposal (§5.2).
func (a *authenticated) ref() []byte { return refHash("MLS 1.0 Proposal Reference", encoded(a.write)) }

// tbs is FramedContentTBS (§6.1). context is the encoded GroupContext.
func (a *authenticated) tbs(context []byte) []byte {
	w := writer{b: make([]byte, 0, 1024)}
	w.u16(Version)
	w.u16(a.wire)
	a.content.write(&w)
	if a.content.sender.Type == SenderMember || a.content.sender.Type == SenderNewMemberCommit {
		w.raw(context)
	}
	return w.b
}

func (a *authenticated) sign(key ed25519.PrivateKey, context []byte) {
	a.signature = signWithLabel(key, "FramedContentTBS", a.tbs(context))
}

func (a *authenticated) verify(public, context []byte) error {
	return verifyWithLabel(public, "FramedContentTBS", a.tbs(context), a.signature)
}

// membershipTag is the MAC over AuthenticatedContentTBM (§6.2).
func (a *authenticated) membershipTag(key, context []byte) []byte {
	w := writer{b: a.tbs(context)}
	a.writeAuth(&w)
	return mac(key, w.b)
}

// publicMessage is PublicMessage (§6.2).
type publicMessage struct {
	authenticated
	membership []byte // of a member
}

func (m *publicMessage) write(w *writer) {
	m.content.write(w)
	m.writeAuth(w)
	if m.content.sender.Type == SenderMember {
		w.vec(m.membership)
	}
}

func readPublicMessage(r *reader) *publicMessage {
	m := &publicMessage{authenticated: authenticated{wire: wirePublic, content: readFramedContent(r)}}
	m.readAuth(r)
	if m.content.sender.Type == SenderMember {
		m.membership = r.hash("membership tag")
	}
	return m
}

// newPublicMessage makes a member's PublicMessage from signed content.
func newPublicMessage(a *authenticated, membership, context []byte) []byte {
	m := publicMessage{*a, a.membershipTag(membership, context)}
	return message(wirePublic, m.write)
}

// ExternalProposal makes a proposal by an external sender: index is its number in the extension external_senders. It
// needs no state of the group.
func ExternalProposal(
	key ed25519.PrivateKey, index uint32, group []byte, epoch uint64, p *Proposal, data []byte,
) []byte {
	m := publicMessage{authenticated: authenticated{wire: wirePublic, content: framedContent{
		group: group, epoch: epoch, sender: Sender{SenderExternal, index}, authenticated: data,
		kind: ContentProposal, proposal: p,
	}}}
	m.sign(key, nil)
	return message(wirePublic, m.write)
}

func sameMAC(a, b []byte) bool { return hmac.Equal(a, b) }
