package attack

import (
	"context"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
)

// foreignRecords are DTLS datagrams that anybody can make (RFC 6347 §4.1).
func foreignRecords() map[string][]byte {
	record := func(kind byte, epoch uint16, sequence uint64, body ...byte) []byte {
		b := []byte{kind, 0xfe, 0xfd}
		b = binary.BigEndian.AppendUint64(b, uint64(epoch)<<48|sequence)
		b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
		return append(b, body...)
	}
	const changeCipher, alert, handshake, application = 20, 21, 22, 23
	return map[string][]byte{
		"application data at epoch 0, 17 bytes": record(application, 0, 1000, 1, 2, 3, 4),
		"close_notify at epoch 0":               record(alert, 0, 1001, 1, 0),
		"a fatal alert at epoch 0":              record(alert, 0, 1002, 2, 40),
		"an alert of one byte":                  record(alert, 0, 1003, 2),
		"a type that does not exist":            record(63, 0, 1004, 1, 2, 3, 4),
		"a broken ChangeCipherSpec":             record(changeCipher, 0, 1005, 7, 7),
		"a handshake message of four bytes":     record(handshake, 0, 1006, 1, 2, 3, 4),
		"application data that does not verify": record(application, 1, 1<<40, make([]byte, 40)...),
		"a close_notify that does not verify":   record(alert, 1, 1<<40+1, make([]byte, 26)...),
		"a later epoch":                         record(application, 2, 1, make([]byte, 40)...),
		"half a record":                         record(application, 1, 1, make([]byte, 40)...)[:30],
		"a header":                              record(application, 1, 1),
		"one byte":                              {22},
	}
}

// TestForeignRecordsEndNoCall: after the handshake only authentic records matter, whoever sends the others, and from
// where.
func TestForeignRecordsEndNoCall(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	alice, bob := s.join(t, meeting, aliceIP), s.join(t, meeting, bobIP)
	alice.publish(t.Context(), 0)
	bob.publish(t.Context(), 0)
	alice.needsFlow("before the attack")
	spoof := newSpoofer(t)
	for name, datagram := range foreignRecords() {
		spoof.send(alice.addr, alice.media, datagram)
		alice.needsFlow("to the victim after " + name)
		bob.needsFlow("from the victim after " + name)
	}
	for _, datagram := range alice.rawHandshake {
		spoof.send(alice.addr, alice.media, datagram)
	}
	if n := alice.alerts.Load(); n != 0 {
		t.Errorf("the victim was sent %d DTLS records: an alert ends a browser's connection", n)
	}
	time.Sleep(32 * time.Second) // a seat whose media has failed is taken away after 30 s
	alice.needsFlow("to the victim 32 s later")
	bob.needsFlow("from the victim 32 s later")
	if m, gone := alice.event(func(m message) bool { return m["type"] == "bye" }); gone {
		t.Errorf("the victim was sent away: %v", m)
	}
}

// TestAnAuthenticGoodbyeEndsTheCall: the filter does not hold back what is the participant's own word.
func TestAnAuthenticGoodbyeEndsTheCall(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	alice := s.join(t, s.createMeeting(), aliceIP)
	if err := alice.dtls.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server answers close_notify", func() bool { return alice.alerts.Load() > 0 })
}

// TestWeakerSuitesGetNoKeys: a client that offers only what is weaker than we take is not answered with less.
func TestWeakerSuitesGetNoKeys(t *testing.T) {
	t.Parallel()
	all, gcmOnly := startServer(t), startServer(t, "--media-ciphers", "gcm")
	strong := []dtls.CipherSuiteID{dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	gcm := dtls.SRTP_AEAD_AES_128_GCM
	for name, offer := range map[string]struct {
		server    *server
		suites    []dtls.CipherSuiteID
		profile   dtls.SRTPProtectionProfile
		connected bool
	}{
		"CBC and SHA-1 in DTLS": {all, []dtls.CipherSuiteID{dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}, gcm, false},
		"a short tag in SRTP":   {all, strong, dtls.SRTP_AES128_CM_HMAC_SHA1_32, false},
		"no encryption in SRTP": {all, strong, dtls.SRTP_NULL_HMAC_SHA1_80, false},
		"what we ask for":       {all, strong, gcm, true},
		"what all must have":    {all, strong, dtls.SRTP_AES128_CM_HMAC_SHA1_80, true},
		"GCM only, and no GCM":  {gcmOnly, strong, dtls.SRTP_AES128_CM_HMAC_SHA1_80, false},
		"GCM only, and GCM":     {gcmOnly, strong, gcm, true},
	} {
		c := offer.server.seat(t, offer.server.createMeeting())
		c.open(aliceIP)
		c.offer()
		go c.read(c.socket)
		c.check(true)
		conn, err := dtls.ClientWithOptions(&dtlsPipe{c.records, c}, net.UDPAddrFromAddrPort(c.media),
			dtls.WithCertificates(c.certificate), dtls.WithInsecureSkipVerify(true), dtls.WithCipherSuites(offer.suites...),
			dtls.WithSRTPProtectionProfiles(offer.profile), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err = conn.HandshakeContext(ctx)
		cancel()
		profile, chosen := conn.SelectedSRTPProtectionProfile()
		if connected := err == nil && chosen && profile == offer.profile; connected != offer.connected {
			t.Errorf("%s: connected %v, %v", name, connected, err)
		}
	}
}
