package protocol

// Sentence is what a person is told about the reason.
func (r ByeReason) Sentence() string {
	switch r {
	case ByeLeft:
		return "You left the meeting."
	case ByeDenied:
		return "The host did not let you in."
	case ByeRemoved:
		return "You were removed from the meeting."
	case ByeBanned:
		return "You were removed from the meeting and cannot come back."
	case ByeEnded:
		return "The meeting has ended."
	case ByeExpired:
		return "The meeting has reached its time limit."
	case ByeIdle:
		return "You were inactive for too long."
	case ByeReplaced:
		return "You joined from another window."
	case ByeSignedOut:
		return "You were signed out."
	case ByeSlowReader:
		return "Your connection could not keep up."
	case ByeRateLimited:
		return "Too many requests."
	case ByeProtocolError:
		return "The connection broke the protocol."
	case ByeShuttingDown:
		return "The server is shutting down."
	case ByeMediaFailed:
		return "The media connection failed."
	default:
		return "Something went wrong on the server."
	}
}
