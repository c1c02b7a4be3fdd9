package sdp

import (
	"cmp"
	"slices"
	"strings"

	pionsdp "github.com/pion/sdp/v3"

	"conclave/media"
)

// maxFingerprints bounds the fingerprints of one offer.
const maxFingerprints = 8

// credentials are what one level of an offer, its session or an m-line, says of the transport.
type credentials struct {
	ufrag, pwd   string
	fingerprints []string // strong ones, sorted, at most maxFingerprints
	weak         bool     // there are others
	setup        string
}

// credentialsOf reads the credentials among attributes.
func credentialsOf(attrs []pionsdp.Attribute) (c credentials, err error) {
	for _, a := range attrs {
		switch a.Key {
		case "ice-ufrag":
			c.ufrag = a.Value
		case "ice-pwd":
			c.pwd = a.Value
		case "setup":
			c.setup = a.Value
		case "fingerprint":
			if len(c.fingerprints) == maxFingerprints {
				return c, badOffer("more than %d DTLS fingerprints", maxFingerprints)
			}
			if err := c.addFingerprint(a.Value); err != nil {
				return c, err
			}
		}
	}
	slices.Sort(c.fingerprints)
	switch {
	case len(c.ufrag) > 256 || len(c.pwd) > 256: // RFC 8839 §5.4
		return c, badOffer("ICE credentials too long")
	case !consistsOf(c.ufrag, "+/") || !consistsOf(c.pwd, "+/"): // ice-char, RFC 8839 §5.4
		return c, badOffer("ICE credentials have characters they may not have")
	}
	return c, nil
}

// addFingerprint takes a fingerprint (RFC 8122 §5) if its hash is strong enough.
func (c *credentials) addFingerprint(value string) error {
	algorithm, hash, _ := strings.Cut(value, " ")
	algorithm = strings.ToLower(algorithm)
	switch {
	case len(value) > 256 || !consistsOf(value, " -:"):
		return badOffer("a DTLS fingerprint has characters it may not have")
	case algorithm != "sha-256" && algorithm != "sha-384" && algorithm != "sha-512":
		c.weak = true
		return nil
	case hash == "":
		return badOffer("a DTLS fingerprint has no hash")
	}
	value = algorithm + " " + strings.ToUpper(hash)
	if !slices.Contains(c.fingerprints, value) {
		c.fingerprints = append(c.fingerprints, value)
	}
	return nil
}

// join takes what own, of an m-line, says and c does not yet. What it does not say it has from the session. ok is false
// if it has another certificate or role: the m-lines share one DTLS association. They may have ICE credentials of their
// own, because a client that does not know whether BUNDLE is taken may prepare a transport for each (RFC 8843 §7.2).
func (c *credentials) join(own *credentials, session credentials) (ok bool) {
	own.ufrag, own.pwd = cmp.Or(own.ufrag, session.ufrag), cmp.Or(own.pwd, session.pwd)
	own.setup = cmp.Or(own.setup, session.setup)
	if len(own.fingerprints) == 0 {
		own.fingerprints = session.fingerprints
	}
	if c.ufrag == "" || c.pwd == "" {
		c.ufrag, c.pwd = own.ufrag, own.pwd
	}
	c.setup, c.weak = cmp.Or(c.setup, own.setup), c.weak || own.weak
	if len(c.fingerprints) == 0 {
		c.fingerprints = own.fingerprints
	}
	return (own.setup == "" || own.setup == c.setup) &&
		(len(own.fingerprints) == 0 || slices.Equal(own.fingerprints, c.fingerprints))
}

// tag takes the ICE credentials of the first m-line that is accepted: it is the one whose transport all share (RFC 8843
// §7.3).
func (o *Offer) tag(sources map[string]media.Source) {
	for i := range o.Media {
		m := &o.Media[i]
		_, source := sources[m.MID]
		if m.ufrag != "" && m.pwd != "" && (m.CanSlot() || source && m.usable()) {
			o.Ufrag, o.Pwd = m.ufrag, m.pwd
			return
		}
	}
}

// secure takes the credentials that the m-lines share, if they are good enough.
func (o *Offer) secure(c credentials) error {
	o.Ufrag, o.Pwd, o.Fingerprint = c.ufrag, c.pwd, strings.Join(c.fingerprints, ",")
	switch {
	case len(o.Media) == 0:
		return badOffer("no m-line")
	case o.Ufrag == "" || o.Pwd == "":
		return badOffer("no ICE credentials")
	case o.Fingerprint == "" && c.weak:
		return badOffer("the DTLS fingerprint must be of SHA-256, SHA-384 or SHA-512")
	case o.Fingerprint == "":
		return badOffer("no DTLS fingerprint")
	case c.setup != "" && c.setup != "actpass" && c.setup != "active": // RFC 8842 §5.2
		return badOffer("a=setup must be actpass or active: the server waits for the DTLS handshake")
	}
	return nil
}

// bundle reads the mids of the BUNDLE group (RFC 8843 §7.2): nil if there is none.
func bundle(attrs []pionsdp.Attribute) []string {
	for _, a := range attrs {
		if rest, ok := strings.CutPrefix(a.Value, "BUNDLE"); ok && a.Key == "group" {
			return append([]string{}, strings.Fields(rest)...)
		}
	}
	return nil
}

// bundled checks that the m-lines which are not rejected share one transport: by BUNDLE, or because there is but one.
func (o *Offer) bundled(group []string) error {
	o.Bundle = group != nil
	alone := 0
	for i := range o.Media {
		m := &o.Media[i]
		if m.Rejected || slices.Contains(group, m.MID) {
			continue
		}
		if alone++; o.Bundle {
			return badOffer("m-line %q is not in the BUNDLE group", m.MID)
		}
	}
	if alone > 1 {
		return badOffer("the m-lines are not in one BUNDLE group")
	}
	return nil
}

// isRTP says whether an m-line's transport carries RTP: RFC 8829 §5.1.2 has every such name mean the same.
func isRTP(profile string) bool {
	profile = strings.TrimPrefix(strings.TrimPrefix(profile, "UDP/TLS/"), "TCP/DTLS/")
	switch profile {
	case "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF":
		return true
	}
	return false
}
