package mls

import "bytes"

// epochSecrets are the secrets of one epoch (RFC 9420 §8, table 4).
type epochSecrets struct {
	init, senderData, encryption, exporter, external, confirmation, membership, resumption, authenticator []byte
}

// joinerSecret leads from the init secret of the last epoch to the next.
func joinerSecret(init, commit, context []byte) []byte {
	prk := extract(init, commit)
	defer clear(prk)
	return expandWithLabel(prk, "joiner", context, hashSize)
}

// intermediate is where the PSKs come in: a joiner starts from here.
func intermediate(joiner, psk []byte) []byte { return extract(joiner, psk) }

// welcomeKey is what the GroupInfo of a Welcome is sealed with.
func welcomeKey(intermediate []byte) (key, nonce []byte) {
	secret := deriveSecret(intermediate, "welcome")
	defer clear(secret)
	return expandWithLabel(secret, "key", nil, keySize), expandWithLabel(secret, "nonce", nil, nonceSize)
}

func newEpochSecrets(intermediate, context []byte) *epochSecrets {
	epoch := expandWithLabel(intermediate, "epoch", context, hashSize)
	defer clear(epoch)
	return &epochSecrets{
		init: deriveSecret(epoch, "init"), senderData: deriveSecret(epoch, "sender data"),
		encryption: deriveSecret(epoch, "encryption"), exporter: deriveSecret(epoch, "exporter"),
		external: deriveSecret(epoch, "external"), confirmation: deriveSecret(epoch, "confirm"),
		membership: deriveSecret(epoch, "membership"), resumption: deriveSecret(epoch, "resumption"),
		authenticator: deriveSecret(epoch, "authentication"),
	}
}

// export is MLS-Exporter (§8.5).
func (s *epochSecrets) export(label string, context []byte, n int) []byte {
	secret := deriveSecret(s.exporter, label)
	defer clear(secret)
	return expandWithLabel(secret, "exported", sum(context), n)
}

func (s *epochSecrets) close() {
	for _, secret := range [][]byte{
		s.init, s.senderData, s.encryption, s.exporter, s.external, s.confirmation, s.membership, s.resumption,
		s.authenticator,
	} {
		clear(secret)
	}
}

// zeros are the KDF.Nh zero bytes that stand where there is no secret.
func zeros() []byte { return bytes.Repeat([]byte{0}, hashSize) }
