package group

import (
	"crypto/pbkdf2"
	"crypto/sha256"
)

// codeRounds is the work factor of passwords and of the numbers that people compare.
const codeRounds = 600_000

// Root holds the secrets that everybody with the same link, and the same password, has in common (docs/e2ee.md,
// section 3). It is safe for concurrent use.
//
// Sessions of one process that are given the same Root also share work: what everybody can see of a commit, of a
// GroupInfo and of a group's tree is worked out once for all of them, and they hold one copy of it. So bots of one
// process cost less than as many clients: a report on them has to say so.
type Root struct {
	meeting  string
	link     Link
	root     [32]byte
	password []byte // P: 32 bytes, or empty
	verifier []byte // what the server compares a password with
	join     []byte
	name     []byte
	hpke     []byte
	shared   *shared
}

// Root derives a meeting's secrets. meeting is the canonical meeting id, password "" in a meeting without: one costs
// 0.2 s.
func (l *Link) Root(meeting, password string) (*Root, error) {
	r := &Root{meeting: meeting, link: *l, shared: newShared()}
	copy(r.root[:], derive(l.Secret[:], nil, fields("link", []byte(meeting), l.Creator[:], u8(l.lobby())), 32))
	if password != "" {
		salt := derive(r.root[:], nil, fields("password salt"), 16)
		both, err := pbkdf2.Key(sha256.New, password, salt, codeRounds, 64)
		if err != nil {
			return nil, malformed("password")
		}
		r.password, r.verifier = both[:32], both[32:]
	}
	r.join = derive(r.root[:], nil, fields("join"), 32)
	r.name = derive(r.root[:], nil, fields("name"), 32)
	r.hpke = derive(r.root[:], nil, fields("hpke"), 32)
	return r, nil
}

// PasswordProof is what the server is given to compare a password with; nil in a meeting without.
func (r *Root) PasswordProof() []byte { return r.verifier }

// Link is what the root was made of.
func (r *Root) Link() Link { return r.link }

// pskID names the secret of the link of a version, and psk is it.
func pskID(version uint32) []byte { return fields("psk", u32(version)) }

func (r *Root) psk(version uint32) []byte {
	return derive(r.root[:], r.password, pskID(version), 32)
}
