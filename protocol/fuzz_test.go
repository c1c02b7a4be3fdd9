package protocol_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"conclave/protocol"
)

// Whatever bytes come: no panic; what is accepted is valid JSON for the standard library too and survives a round trip.
func FuzzDecodeClient(f *testing.F) {
	for _, ex := range examples(readDoc(f), "client") {
		f.Add([]byte(ex))
	}
	for _, s := range []string{``, `{`, `{"type":"leave","id":1}`, `{"type":"chat","id":1,"text":"\ud83d\ude00"}`, `[]`,
		`{"a":[{}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := protocol.DecodeClient(data)
		if err != nil {
			if e, ok := err.(*protocol.RequestError); !ok || e.Message == "" || e.Err == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatal("accepted what is not JSON")
		}
		again, err := protocol.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := protocol.DecodeClient(again)
		if err != nil {
			if err.(*protocol.RequestError).Err == protocol.ErrTooLarge {
				return // escapes may grow it
			}
			t.Fatalf("%s: %v", again, err)
		}
		if !reflect.DeepEqual(m, back) {
			t.Fatalf("%+v came back as %+v", m, back)
		}
	})
}

// A client survives whatever a broken server sends.
func FuzzDecodeServer(f *testing.F) {
	for _, ex := range examples(readDoc(f), "server") {
		f.Add([]byte(ex))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := protocol.DecodeServer(data)
		if err == nil && !json.Valid(data) {
			t.Fatal("accepted what is not JSON")
		}
		if err == nil {
			if _, err := protocol.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// HTTP bodies are outside bytes as well.
func FuzzDecodeBody(f *testing.F) {
	for _, ex := range examples(readDoc(f), "http") {
		f.Add([]byte(ex))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c protocol.Create
		if protocol.DecodeBody(data, &c) == nil && !json.Valid(data) {
			t.Fatal("accepted what is not JSON")
		}
	})
}

// Whatever somebody types for a meeting's address is nothing, or one written form that stays what it is.
func FuzzParseMeetingID(f *testing.F) {
	for _, s := range []string{"k7qm-2f9x-w3dj-8hrt", "K7QO 2F9I W3LJ 8HRT", "", "----"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := protocol.ParseMeetingID(s)
		if ok != id.Valid() {
			t.Fatalf("%q gives %q, %v", s, id, ok)
		}
		if again, _ := protocol.ParseMeetingID(string(id)); ok && again != id {
			t.Fatalf("%q is read as %q and that as %q", s, id, again)
		}
	})
}
