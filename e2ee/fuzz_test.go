package e2ee

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"
)

func seedVectors(f *testing.F) *vectors {
	f.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		f.Fatal(err)
	}
	return &v
}

// FuzzParsers feeds everything that reads bytes of others without a key: nothing panics, and what is read is written
// the same.
func FuzzParsers(f *testing.F) {
	v := seedVectors(f)
	for _, a := range v.Announces {
		f.Add([]byte(a.Announce))
	}
	for _, c := range v.Credentials {
		f.Add([]byte(c.Credential))
	}
	for _, m := range v.Messages {
		f.Add([]byte(m.Bytes))
	}
	for _, w := range v.Frames {
		f.Add([]byte(w.Wire))
	}
	for _, l := range v.Links {
		f.Add([]byte(l.Fragment))
	}
	root := rootOf(f, v.Links[0].Fragment, vectorMeeting)
	subject, err := root.ParseAnnouncement(v.Announces[2].Announce)
	if err != nil {
		f.Fatal(err)
	}
	now := time.UnixMilli(v.Credentials[0].NowMS)
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := ParseLink(string(b)); err == nil && l.Keyed {
			if again, err := ParseLink(l.String()); err != nil || again != l {
				t.Errorf("a link is not read as it was written: %v", err)
			}
		}
		if _, err := root.ParseAnnouncement(b); err == nil && len(b) != AnnounceSize {
			t.Error("an announcement of another length")
		}
		if c, err := root.ParseCredential(b, subject, now); err == nil && c.Role > RoleHost {
			t.Error("a role that does not exist")
		}
		if m, err := parseMessage(b); err == nil && m.kind >= msgKey && m.kind <= msgRoster && !bytes.Equal(m.encode(), b) {
			t.Errorf("message %x is written as %x", b, m.encode())
		}
		if kid, ctr, n, err := ParseHeader(b); err == nil && !bytes.Equal(appendHeader(nil, kid, ctr), b[:n]) {
			t.Errorf("header %x is written as %x", b[:n], appendHeader(nil, kid, ctr))
		}
		if inner, err := obuBody(b); err == nil && len(inner) > len(b) {
			t.Error("more inside than outside")
		}
		if d, err := Decode(string(b)); err == nil && Encode(d) != string(b) {
			t.Error("base64url is not canonical")
		}
	})
}

// FuzzOpen feeds an opener: no panic, and nothing opens but what was sealed.
func FuzzOpen(f *testing.F) {
	key := SenderKey{Generation: 1, Chain: Chain(seed(3))}
	s := NewSealer(Hash{1})
	s.SetKey(key)
	for c := Data; c <= AV1; c++ {
		b, err := s.Seal(nil, TrackCamera, c, true, bytes.Repeat([]byte{byte(c)}, 30))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(c), b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, c byte, b []byte) {
		o := NewOpener()
		o.SetKey(1, Hash{1}, key)
		if out, err := o.Open(nil, 1, TrackCamera, Codec(c%5), b, time.UnixMilli(0)); err == nil {
			t.Errorf("%x opened as %x", b, out)
		}
	})
}

// FuzzSession feeds a participant whatever a hostile server could send: no panic, no bound broken.
func FuzzSession(f *testing.F) {
	v := seedVectors(f)
	f.Add(uint32(1), []byte(v.Announces[1].Announce), []byte(v.Pairs[0].Messages[0].Data), []byte(v.Broadcasts[0].Data))
	f.Add(uint32(0), []byte{}, []byte{1, 0, 0, 0, 1}, []byte{0})
	link, err := ParseLink(v.Links[0].Fragment)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, n uint32, announce, relay, broadcast []byte) {
		s, err := NewSession(Config{Link: link, Meeting: vectorMeeting, Identity: identityOf(t, seed(1))})
		if err != nil {
			t.Fatal(err)
		}
		now := time.UnixMilli(0)
		m := Member{Participant: n, Announce: announce, Admit: relay, Grant: broadcast, Connected: true}
		s.Relay(now, n, relay)
		s.Lobby(now, []Member{m})
		s.Waiting(now, []Member{m})
		s.Welcome(now, Member{Participant: 5, Admit: relay}, []Member{m, m})
		s.Relay(now, n, relay)
		s.Broadcast(now, n, Kind(n%4), broadcast)
		s.Roster(now, []Member{{Participant: n, Announce: relay}, {Participant: 5}}, []uint32{n, n + 1})
		s.Relay(now, n, relay)
		for range 5 {
			s.Tick(now)
			s.Take()
			now = now.Add(3 * time.Second)
		}
	})
}
