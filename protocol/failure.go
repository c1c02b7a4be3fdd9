package protocol

import "conclave/media"

// Sentence is what a person is told about the reason.
func (r MediaFailure) Sentence() string {
	switch r {
	case FailedUDPBlocked:
		return "No packet of yours reaches the server's media port. A firewall may block UDP."
	case FailedICE:
		return "Packets between you and the server get lost in at least one direction."
	case FailedDTLSTimeout:
		return "The encrypted connection for media was begun, but not completed."
	case FailedFingerprint:
		return "The certificate of the media connection isn't the one of the offer."
	case FailedNoProfile:
		return "This client and this server have no SRTP profile in common."
	case FailedClosed:
		return "This client closed the media connection."
	default:
		return "The encrypted connection for media could not be set up."
	}
}

// WarningSentence is what a person is told about a warning.
func WarningSentence(w WarningKind) string {
	switch w {
	case media.WarnNotMedia:
		return "Only audio and video are taken; messages go over the WebSocket."
	case media.WarnNoMux:
		return "The m-line was refused: the server sends RTP and RTCP on one port (rtcp-mux)."
	case media.WarnNoCodec:
		return "The m-line was refused: it offers none of Opus, VP8, VP9, AV1 and H.264 in a profile that is taken."
	case media.WarnReceivesOnly:
		return "The m-line is named as a source, but only receives: nothing can be published on it."
	case media.WarnUnknownRIDs:
		return "Only encodings with the RIDs q, h and f are received."
	case media.WarnNotNamed:
		return "The m-line was refused: it sends, but tracks don't say what."
	default:
		return "The m-line was refused: there are as many receiving m-lines as the server serves."
	}
}
