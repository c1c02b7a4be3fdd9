package sfu

import (
	"encoding/binary"
	"strings"
)

// extTWCC is the header extension id of measuredOffer.
const extTWCC = 5

// measuredOffer is attackerOffer of a viewer that can say what it receives.
func measuredOffer() string {
	ext := "a=extmap:5 " + uriTWCC + "\r\n"
	return strings.NewReplacer("a=mid:2\r\n", "a=mid:2\r\n"+ext, "a=mid:3\r\n", "a=mid:3\r\n"+ext).Replace(attackerOffer)
}

// allReceived appends the body of a feedback message: count packets from base on arrived, a quarter of a millisecond apart, beginning at
// reference, in units of 64 ms.
func allReceived(b []byte, base, count uint16, reference uint32) []byte {
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 2)
	b = binary.BigEndian.AppendUint16(b, base)
	b = binary.BigEndian.AppendUint16(b, count)
	b = append(b, byte(reference>>16), byte(reference>>8), byte(reference), 0)
	b = binary.BigEndian.AppendUint16(b, 1<<13|count)
	for range count {
		b = append(b, 1)
	}
	return b
}
