package transport

import (
	"slices"
	"testing"

	"github.com/pion/dtls/v3"
)

func TestGCMIsPreferredAndMayBeAllThatIsTaken(t *testing.T) {
	gcm := []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM}
	if got := profiles(true); !slices.Equal(got, gcm) {
		t.Errorf("GCM only: %v", got)
	}
	if got := profiles(false); !slices.Equal(got, append(gcm, dtls.SRTP_AES128_CM_HMAC_SHA1_80)) {
		t.Errorf("all: %v", got)
	}
}
