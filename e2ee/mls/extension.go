package mls

import "slices"

// Extension is one extension of a leaf, key package, GroupContext or GroupInfo (RFC 9420 §13).
type Extension struct {
	Type uint16
	Data []byte
}

// The extensions of RFC 9420 §17.3. They are the default ones, which capabilities do not list.
const (
	ExtApplicationID        uint16 = 1
	ExtRatchetTree          uint16 = 2
	ExtRequiredCapabilities uint16 = 3
	ExtExternalPub          uint16 = 4
	ExtExternalSenders      uint16 = 5
)

func writeExtensions(w *writer, list []Extension) {
	w.nested(func(w *writer) {
		for _, e := range list {
			w.u16(e.Type)
			w.vec(e.Data)
		}
	})
}

// readExtensions reads a list; one type may not be in it twice (§13.4).
func readExtensions(r *reader) []Extension {
	list := readList(r, MaxExtensions, "extensions", func(r *reader) Extension {
		return Extension{r.u16(), r.vec()}
	})
	for i, e := range list {
		if find(list[i+1:], e.Type) != nil {
			r.fail("an extension twice")
		}
	}
	return list
}

func find(list []Extension, kind uint16) *Extension {
	i := slices.IndexFunc(list, func(e Extension) bool { return e.Type == kind })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// isDefaultExtension says whether capabilities need not list a type.
func isDefaultExtension(kind uint16) bool {
	return kind >= ExtApplicationID && kind <= ExtExternalSenders
}

// isDefaultProposal says the same of a proposal.
func isDefaultProposal(kind uint16) bool {
	return kind >= ProposalAdd && kind <= ProposalGroupContextExtensions
}

// RequiredCapabilities is what every leaf of a group must support (RFC 9420 §11.1).
type RequiredCapabilities struct {
	Extensions, Proposals, Credentials []uint16
}

// Extension encodes them.
func (c *RequiredCapabilities) Extension() Extension {
	return Extension{ExtRequiredCapabilities, encoded(func(w *writer) {
		writeNumbers(w, c.Extensions)
		writeNumbers(w, c.Proposals)
		writeNumbers(w, c.Credentials)
	})}
}

func readRequiredCapabilities(r *reader) (c RequiredCapabilities) {
	c.Extensions, c.Proposals, c.Credentials = readNumbers(r), readNumbers(r), readNumbers(r)
	return c
}

// requiredOf are the required capabilities of a GroupContext's extensions; none if it has none.
func requiredOf(list []Extension) (RequiredCapabilities, error) {
	e := find(list, ExtRequiredCapabilities)
	if e == nil {
		return RequiredCapabilities{}, nil
	}
	return parse(e.Data, len(e.Data), readRequiredCapabilities)
}

// ExternalSender may send proposals without being a member (RFC 9420 §12.1.8.1).
type ExternalSender struct {
	SignatureKey []byte // Ed25519
	Credential   Credential
}

// ExternalSenders encodes a list of them as an extension of the GroupContext.
func ExternalSenders(list []ExternalSender) Extension {
	return Extension{ExtExternalSenders, encoded(func(w *writer) {
		w.nested(func(w *writer) {
			for i := range list {
				w.vec(list[i].SignatureKey)
				list[i].Credential.write(w)
			}
		})
	})}
}

func readExternalSenders(r *reader) []ExternalSender {
	return readList(r, maxSenders, "external senders", func(r *reader) ExternalSender {
		return ExternalSender{SignatureKey: r.vec(), Credential: readCredential(r)}
	})
}

func externalSendersOf(list []Extension) ([]ExternalSender, error) {
	e := find(list, ExtExternalSenders)
	if e == nil {
		return nil, nil
	}
	return parse(e.Data, len(e.Data), readExternalSenders)
}

func writeNumbers(w *writer, list []uint16) {
	w.length(2 * len(list))
	for _, v := range list {
		w.u16(v)
	}
}

func readNumbers(r *reader) []uint16 { return readList(r, maxListed, "numbers", (*reader).u16) }
