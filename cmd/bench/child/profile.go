package child

import "time"

// What a publisher of the bots' bench profile sends: 30 frames of 4 packets a second and an Opus packet each 20 ms.
const (
	VideoEvery   = time.Second / 30
	VideoPackets = 4
	VideoPayload = 1106 // a VP8 descriptor and 1,100 bytes
	AudioEvery   = 20 * time.Millisecond
	AudioPayload = 130 // the clip's mean
)
