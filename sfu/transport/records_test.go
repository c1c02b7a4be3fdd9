package transport

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func record(kind byte, epoch uint16, body ...byte) []byte {
	b := []byte{kind, 0xfe, 0xfd, byte(epoch >> 8), byte(epoch), 0, 0, 0, 0, 0, 1}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

// What nothing authenticates reaches DTLS only as far as a handshake needs it, and not at all once there are keys.
func TestForeignRecordsDoNotReachDTLS(t *testing.T) {
	finished, application := record(handshakeRecord, 1, make([]byte, 40)...), record(23, 1, make([]byte, 30)...)
	hello, change := record(handshakeRecord, 0, make([]byte, 60)...), record(changeCipherSpec, 0, 1)
	for name, c := range map[string]struct {
		b            []byte
		before, then []byte // what is kept before there are keys, and with them
	}{
		"a ClientHello":              {hello, hello, nil},
		"ChangeCipherSpec":           {change, change, nil},
		"a broken ChangeCipherSpec":  {record(changeCipherSpec, 0, 2), nil, nil},
		"a long ChangeCipherSpec":    {record(changeCipherSpec, 0, 1, 1), nil, nil},
		"an alert":                   {record(21, 0, 2, 40), nil, nil},
		"application data, 17 bytes": {record(23, 0, 1, 2, 3, 4), nil, nil},
		"a type that does not exist": {record(63, 0, 1), nil, nil},
		"such a type at epoch 1":     {record(24, 1, 1), nil, nil},
		"Finished":                   {finished, finished, finished},
		"a later epoch":              {record(23, 2, make([]byte, 30)...), nil, nil},
		"an empty record":            {record(23, 1), nil, nil},
		"half a record":              {application[:20], nil, nil},
		"a whole flight": {bytes.Join([][]byte{hello, change, finished}, nil),
			bytes.Join([][]byte{hello, change, finished}, nil), finished},
		"one behind an alert": {bytes.Join([][]byte{record(21, 0, 1, 0), application}, nil), application,
			application},
		"one behind half of another one": {bytes.Join([][]byte{application, application[:20]}, nil), application,
			application},
	} {
		for _, keys := range []bool{false, true} {
			want := c.before
			if keys {
				want = c.then
			}
			if got := acceptable(bytes.Clone(c.b), keys); !bytes.Equal(got, want) {
				t.Errorf("%s, keys %v: kept %d bytes, want %d", name, keys, len(got), len(want))
			}
		}
	}
}
