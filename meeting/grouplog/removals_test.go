package grouplog

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"conclave/e2ee/mls"
	"conclave/protocol"
)

// removes are the server's entries so far.
func (st *stage) removes() (list [][]byte) {
	st.t.Helper()
	for _, e := range st.sent {
		if e.From == 0 {
			raw, err := base64.RawURLEncoding.DecodeString(e.Data)
			if err != nil {
				st.t.Fatal(err)
			}
			list = append(list, raw)
		}
	}
	st.sent = nil
	return list
}

// For a seat that has ended the server signs a removal of its leaf, for each new epoch until the newest candidate
// refers to it.
func TestRemovalsAreSignedUntilACandidateRefersToThem(t *testing.T) {
	st := newStage(t, true)
	st.group(2, 3)
	st.leave(2)
	for round := range 3 {
		list := st.removes()
		if len(list) != 1 {
			t.Fatalf("round %d: %d removals", round, len(list))
		}
		if h, err := parse(list[0]); err != nil || h.epoch != st.l.next() {
			t.Fatalf("round %d: of epoch %d, %v", round, h.epoch, err)
		}
		st.commit(1) // refers to nothing
	}
	st.removes()
	ref := st.l.removals[0].ref
	st.refused(st.send(1, st.bytesOf(st.l.next(), ref[:])), nil)
	if len(st.removes()) != 0 {
		t.Fatal("it is signed again")
	}
	// Another candidate that does not refer to it counts instead.
	st.refused(st.send(3, st.bytesOf(st.l.newest, nil, st.l.epochs[st.l.newest].hashes[0])), nil)
	if len(st.removes()) != 1 {
		t.Fatal("it is not signed again")
	}
	ref = st.l.removals[0].ref
	st.refused(st.send(1, st.bytesOf(st.l.next(), ref[:])), nil)
	st.commit(1)
	if len(st.removes()) != 0 || len(st.l.removals) != 0 {
		t.Fatal("it is not done")
	}
}

// What no one ever commits is given up.
func TestRemovalsAreSignedSoOften(t *testing.T) {
	st := newStage(t, true)
	st.group(2)
	st.leave(2)
	for range 40 {
		st.commit(1)
	}
	if n := len(st.removes()); n != maxSignings || len(st.l.removals) != 0 {
		t.Fatalf("signed %d times, %d left", n, len(st.l.removals))
	}
}

// ownRemoval is a member's proposal to remove a leaf.
func ownRemoval(epoch uint64, leaf, removed uint32, more ...byte) []byte {
	b := member(testGroup, epoch, leaf, contentProposal)
	b = append(b, 0, proposalTypeRemove, 0, 0, byte(removed>>8), byte(removed))
	b = appendVector(b, bytes.Repeat([]byte{5}, 64))
	return append(appendVector(b, bytes.Repeat([]byte{6}, 32)), more...)
}

// A leaver's own proposal is in the log, and does what the server's does.
func TestALeaversOwnProposalDoes(t *testing.T) {
	st := newStage(t, true)
	st.group(2)
	leaf := st.l.seats[2].claims[0]
	raw := ownRemoval(st.l.next(), leaf, leaf)
	encode := base64.RawURLEncoding.EncodeToString
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"of another's leaf": {ownRemoval(st.l.next(), leaf, leaf+1), ErrMalformed},
		"with more":         {ownRemoval(st.l.next(), leaf, leaf, 0), ErrMalformed},
		"of an old epoch":   {ownRemoval(st.l.newest-1, leaf, leaf), ErrOld},
		"of a later epoch":  {ownRemoval(st.l.next()+1, leaf, leaf), ErrAhead},
		"a commit":          {append(member(testGroup, st.l.next(), leaf, contentCommit), 0, 3), ErrMalformed},
	} {
		if err := st.l.Propose(2, encode(c.data)); err != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	st.refused(st.l.Propose(2, encode(raw)), nil)
	st.refused(st.l.Propose(2, encode(raw)), ErrSecond)
	st.leave(2)
	h, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := h.ownRemove()
	if err != nil {
		t.Fatal(err)
	}
	st.removes()
	st.refused(st.send(1, st.bytesOf(st.l.next(), ref[:])), nil)
	st.commit(1)
	if len(st.removes()) != 0 || len(st.l.removals) != 0 {
		t.Fatal("it is not done")
	}
}

// The server's proposal is, byte by byte, what RFC 9420 says, and its signature is right.
func TestTheServersProposalIsThatOfTheRFC(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	ik := keyOf(5)
	got, ref := externalRemove(key, testGroup, 0x0102030405060708, 0x0a0b, ik)
	content := "10" + hex.EncodeToString(testGroup) + "0102030405060708" + "02" + "00000000" +
		"20" + hex.EncodeToString(ik[:]) + "02" + "0003" + "00000a0b"
	label := "MLS 1.0 FramedContentTBS"
	tbs := "00010001" + content
	size := len(tbs) / 2
	signed := hex.EncodeToString(append([]byte{byte(len(label))}, label...)) +
		hex.EncodeToString([]byte{0x40 | byte(size>>8), byte(size)}) + tbs
	message, err := hex.DecodeString(signed)
	if err != nil {
		t.Fatal(err)
	}
	signature := got[len(got)-64:]
	if !ed25519.Verify(key.Public().(ed25519.PublicKey), message, signature) {
		t.Error("the signature is wrong")
	}
	want := tbs + "4040" + hex.EncodeToString(signature)
	if hex.EncodeToString(got) != want {
		t.Errorf("got  %x\nwant %s", got, want)
	}
	value, _ := hex.DecodeString("0001" + content + "4040" + hex.EncodeToString(signature))
	if ref != reference(value[2:]) {
		t.Error("the reference is another's")
	}
}

// It is what the clients' own implementation makes.
func TestTheServersProposalIsThatOfTheClients(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	for _, epoch := range []uint64{0, 1, 1 << 40} {
		ik := keyOf(5)
		got, _ := externalRemove(key, testGroup, epoch, 77, ik)
		want := mls.ExternalProposal(key, 0, testGroup, epoch, &mls.Proposal{Type: mls.ProposalRemove, Remove: 77}, ik[:])
		if !bytes.Equal(got, want) {
			t.Errorf("got  %x\nwant %x", got, want)
		}
	}
}

// Headers of real messages are read, and a proposal's reference is that of its AuthenticatedContent.
func TestMessagesOfTheVectorsAreRead(t *testing.T) {
	folder := os.Getenv("CONCLAVE_MLS_VECTORS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "..", "shared", "data", "mls")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "message-protection.json"))
	if err != nil {
		t.Skip("the vectors are not here")
	}
	var list []struct {
		Suite    int    `json:"cipher_suite"`
		GroupID  string `json:"group_id"`
		Epoch    uint64 `json:"epoch"`
		Proposal string `json:"proposal_pub"`
		Commit   string `json:"commit_pub"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if v.Suite != 1 {
			continue
		}
		for content, text := range map[uint8]string{contentProposal: v.Proposal, contentCommit: v.Commit} {
			b, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			h, err := parse(b)
			if err != nil || hex.EncodeToString(h.group) != v.GroupID || h.epoch != v.Epoch || h.sender != senderMember ||
				h.content != content {
				t.Errorf("%+v, %v", h, err)
			}
			for n := range len(b) - len(h.body) {
				if _, err := parse(b[:n]); err == nil {
					t.Fatalf("%d bytes of it are read", n)
				}
			}
		}
	}
}

// FuzzParse feeds any bytes: nothing panics, and what is read lies within them.
func FuzzParse(f *testing.F) {
	f.Add(ownRemoval(7, 3, 3))
	f.Add(append(member(testGroup, 1, 2, contentCommit, Hash{}, Hash{1}), 1, 2, 3))
	message, _ := externalRemove(ed25519.NewKeyFromSeed(make([]byte, 32)), testGroup, 1, 2, Identity{})
	f.Add(message)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parse(b)
		if err != nil {
			return
		}
		if 4+len(h.framed)+len(h.body) != len(b) || !bytes.HasSuffix(b, h.body) || !bytes.HasPrefix(b[4:], h.framed) {
			t.Fatalf("%x is read as %+v", b, h)
		}
		_, _ = h.ownRemove()
		if list, err := rejected(h.data); err == nil && len(list)*34 != len(h.data) {
			t.Fatalf("%x names %d", h.data, len(list))
		}
	})
}

// The log survives whatever is asked of it, and what it keeps is bounded.
func FuzzLog(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		st := newStage(t, len(script)%2 == 0)
		st.l.group = nil
		for i, b := range script {
			id := protocol.Participant(1 + b>>4)
			switch b & 0x0f {
			case 0, 1:
				if st.l.seats[id] == nil {
					st.enter(id)
				}
			case 2:
				st.leave(id)
			case 3:
				_ = st.found(id)
			case 4, 5, 6:
				_ = st.send(id, st.bytesOf(st.l.next(), nil), add(id+1)...)
			case 7:
				if e := st.l.epochs[st.l.newest]; e != nil {
					_ = st.send(id, st.bytesOf(st.l.newest, nil, e.hashes[0]), add(id+2)...)
				}
			case 8:
				if st.l.seats[id] != nil {
					st.ask(id)
				}
			case 9:
				st.l.Connected(st.now, id, i%2 == 0)
			case 10:
				_ = st.l.Propose(id, base64.RawURLEncoding.EncodeToString(ownRemoval(st.l.next(), uint32(id), uint32(id))))
			default:
				st.advance(1 << (b >> 1 & 0x3f % 34))
			}
			st.settle()
		}
		if len(st.l.entry) != len(st.l.epoch) || len(st.l.entry) != len(st.l.size) || st.l.kept > maxKept ||
			len(st.l.epochs) > keptEpochs || len(st.l.packages) > len(st.l.seats) || len(st.l.removals) > maxRemovals {
			t.Fatalf("it holds too much")
		}
	})
}

// A member who is back under another number has the same key, and often the same leaf: what was claimed for the seat of
// before counts no more, whether that has ended or ends later.
func TestAMemberWhoIsBackIsNotRemoved(t *testing.T) {
	for _, first := range []bool{true, false} { // the seat of before ends first
		st := newStage(t, true)
		st.group(2, 3)
		if first {
			st.leave(2)
		}
		st.l.Enter(st.now, Newcomer{Seat: 9, Key: keyOf(2)})
		st.settle()
		st.ask(9)
		st.commit(1, add(9)...)
		st.removes()
		if !first {
			st.leave(2)
		}
		st.commit(1)
		if n := len(st.removes()); n != 0 {
			t.Errorf("ended first %v: %d removals of one who is there", first, n)
		}
		st.leave(9)
		if n := len(st.removes()); n != 1 {
			t.Errorf("ended first %v: %d removals of one who has left", first, n)
		}
	}
}

// A seat that ends while a member adds it leaves a leaf behind.
func TestASeatThatEndsWhileItIsAddedIsRemoved(t *testing.T) {
	st := newStage(t, true)
	st.group(2)
	st.enter(3, 4)
	st.ask(3)
	st.leave(3)
	st.leave(4) // it has asked for nothing
	st.removes()
	st.commit(1, add(3, 4)...)
	if n := len(st.removes()); n != 1 {
		t.Fatalf("%d removals", n)
	}
	st = newStage(t, true)
	st.group(2)
	st.enter(3)
	st.ask(3)
	st.leave(3)
	st.now = st.now.Add(lateFor)
	st.commit(1, add(3)...)
	if n := len(st.removes()); n != 0 {
		t.Fatalf("%d removals of one who left long ago", n)
	}
	for id := protocol.Participant(100); id < 100+2*maxLate; id++ {
		st.enter(id)
		st.ask(id)
		st.leave(id)
	}
	if len(st.l.late) > maxLate {
		t.Errorf("%d are remembered", len(st.l.late))
	}
}
