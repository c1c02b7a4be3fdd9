package meeting

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"conclave/protocol"
)

// roomCases is testdata/rooms.json: what Go and JavaScript must agree on.
type roomCases struct {
	Comment   string        `json:"comment"`
	Addresses []addressCase `json:"addresses"`
	Proofs    []proofCase   `json:"proofs"`
}

type addressCase struct {
	Key     string `json:"key"`
	Nonce   string `json:"nonce"`
	Address string `json:"address"`
}

type proofCase struct {
	What      string `json:"what"`
	Seed      string `json:"seed"` // the private key, RFC 8032 §5.1.5
	Key       string `json:"key"`
	Nonce     string `json:"nonce"`
	Host      string `json:"host"`
	Challenge string `json:"challenge"`
	Proof     string `json:"proof"`
	Accepted  bool   `json:"accepted"`
}

const roomFile = "testdata/rooms.json"

func unhex(t *testing.T, s string, out []byte) {
	t.Helper()
	if n, err := hex.Decode(out, []byte(s)); err != nil || n != len(out) {
		t.Fatalf("%q: %v", s, err)
	}
}

// Addresses and proofs are those of docs/rooms.md, for Go and for JavaScript.
func TestRoomsAreAsDocumented(t *testing.T) {
	data, err := os.ReadFile(roomFile)
	if err != nil {
		t.Fatal(err)
	}
	var cases roomCases
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases.Addresses {
		var r LastingRoom
		unhex(t, c.Key, r.Key[:])
		unhex(t, c.Nonce, r.Nonce[:])
		if id, err := r.Address(); err != nil || id.Reveal() != c.Address {
			t.Errorf("%s, want %s: %v", id.Reveal(), c.Address, err)
		}
		if _, err := ParseID(c.Address); err != nil {
			t.Errorf("%s is no address", c.Address)
		}
	}
	for _, c := range cases.Proofs {
		var (
			r         LastingRoom
			challenge Challenge
			proof     Proof
		)
		unhex(t, c.Key, r.Key[:])
		unhex(t, c.Nonce, r.Nonce[:])
		unhex(t, c.Challenge, challenge[:])
		unhex(t, c.Proof, proof[:])
		if r.Opens(c.Host, challenge, proof) != c.Accepted {
			t.Errorf("%s: accepted %v", c.What, !c.Accepted)
		}
	}
	if made := makeRoomCases(t); !bytes.Equal(made, data) {
		if os.Getenv("MAKE_VECTORS") == "" {
			t.Fatal("rooms.json is not what this code makes; MAKE_VECTORS=1 makes it anew")
		}
		if err := os.WriteFile(roomFile, made, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// makeRoomCases writes the cases anew.
func makeRoomCases(t *testing.T) []byte {
	t.Helper()
	some := func(what string, n int) []byte {
		sum := sha256.Sum256([]byte(what))
		return append(sum[:], sum[:]...)[:n]
	}
	seed, other := some("ana's room", 32), some("eve's room", 32)
	key := ed25519.NewKeyFromSeed(seed)
	public := []byte(key.Public().(ed25519.PublicKey))
	nonce, nonce2, asked := some("nonce", 16), some("another nonce", 16), some("challenge", 32)
	const host = "meet.example.org"
	sign := func(key ed25519.PrivateKey, label, host string, nonce, asked []byte) []byte {
		message := append([]byte(label), byte(len(host)))
		message = append(append(append(message, host...), nonce...), asked...)
		return ed25519.Sign(key, message)
	}
	right := sign(key, openLabel, host, nonce, asked)
	changed := bytes.Clone(right)
	changed[40] ^= 1
	h := hex.EncodeToString
	cases := roomCases{Comment: "Rooms, see docs/rooms.md. Made by meeting/room_test.go. Bytes are in hex."}
	for _, c := range [][2][]byte{
		{public, nonce}, {public, nonce2}, {some("x", 32), nonce}, {make([]byte, 32), make([]byte, 16)},
		{bytes.Repeat([]byte{255}, 32), bytes.Repeat([]byte{255}, 16)},
	} {
		r := LastingRoom{[32]byte(c[0]), [16]byte(c[1])}
		id, err := r.Address()
		if err != nil {
			t.Fatal(err)
		}
		cases.Addresses = append(cases.Addresses, addressCase{h(c[0]), h(c[1]), id.Reveal()})
	}
	for _, c := range []struct {
		what, host   string
		nonce, asked []byte
		proof        []byte
	}{
		{"the owner's", host, nonce, asked, right},
		{"the owner's, at a host with a port", "localhost:8080", nonce, asked,
			sign(key, openLabel, "localhost:8080", nonce, asked)},
		{"of another key", host, nonce, asked, sign(ed25519.NewKeyFromSeed(other), openLabel, host, nonce, asked)},
		{"for another room of the same key", host, nonce2, asked, right},
		{"for another host", "meet.example.com", nonce, asked, right},
		{"for another host that the same bytes could name", "meet.example.orgX", nonce, asked, right},
		{"for another challenge", host, nonce, some("another challenge", 32), right},
		{"with a bit changed", host, nonce, asked, changed},
		{"under another label", host, nonce, asked, sign(key, "conclave room/2 open", host, nonce, asked)},
		{"of zeros", host, nonce, asked, make([]byte, 64)},
	} {
		var (
			challenge Challenge
			proof     Proof
		)
		copy(challenge[:], c.asked)
		copy(proof[:], c.proof)
		room := LastingRoom{[32]byte(public), [16]byte(c.nonce)}
		cases.Proofs = append(cases.Proofs, proofCase{c.what, h(seed), h(public), h(c.nonce), c.host, h(c.asked), h(c.proof),
			room.Opens(c.host, challenge, proof)})
	}
	out, err := json.MarshalIndent(cases, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// Only the first two of the proofs are accepted, whatever the file says.
func TestOnlyTheOwnerOpensARoom(t *testing.T) {
	var cases roomCases
	if err := json.Unmarshal(makeRoomCases(t), &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases.Proofs {
		if c.Accepted != (i < 2) {
			t.Errorf("%s: accepted %v", c.What, c.Accepted)
		}
	}
	if (LastingRoom{}).Opens(strings.Repeat("x", 256), Challenge{}, Proof{}) {
		t.Error("a host whose length does not fit its byte")
	}
}

// An address is opened again after its meeting has ended; while it is open, it is not opened twice.
func TestAnAddressOpensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRegistry(t, Config{})
		id, err := ParseID("k7qm-2f9x-w3dj-8hrt")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if made := create(t, r, Creation{Address: id, Creator: who("ana")}); made != id {
				t.Fatal("another address")
			}
			if _, _, err := r.Create(t.Context(), Creation{Address: id, Creator: who("eve")}); !errors.Is(err, ErrAlreadyOpen) {
				t.Fatalf("opened twice: %v", err)
			}
			r.find(id).finish(protocol.ByeEnded)
			synctest.Wait()
		}
	})
}

// What a person brings along that admits them is shown to the others.
func TestAnAdmissionMayBeBroughtAlong(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	brought := NewBlob("admission")
	_, err := st.tryJoin("ana", func(j *joinRequest) { j.admit = brought })
	if err != nil {
		t.Fatal(err)
	}
	if entries, _ := st.s.others(nil); len(entries) != 1 || entries[0].Admit != brought.Reveal() {
		t.Fatalf("%+v", entries)
	}
	plain := newStage(t)
	if _, err := plain.tryJoin("ana", func(j *joinRequest) { j.admit = brought }); !errors.Is(err, ErrNotEncrypted) {
		t.Fatal(err)
	}
}
