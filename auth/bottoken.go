package auth

import (
	"errors"
	"strings"
)

// minDigitPairs is how many different pairs of neighbouring digits a bot token has at least. 64 random digits have 56
// of the 256 on average; fewer than 40 happens once in 10^10 tokens. A token that repeats a part of 32 digits has 33
// at most.
const minDigitPairs = 40

const makeBotToken = "make a random one with: openssl rand -hex 32"

// Errors of CheckBotToken. They never contain the token.
var (
	errBotTokenForm = errors.New("a bot token is 64 to 256 lower-case hexadecimal digits; " + makeBotToken)
	errBotTokenWeak = errors.New("a bot token repeats itself and can be guessed; " + makeBotToken)
)

// CheckBotToken returns an error for a token that is malformed or that is obviously not random. It cannot know
// randomness: a token made up with care passes. The error says what to do and does not contain the token.
func CheckBotToken(t string) error {
	if len(t) < 64 || len(t) > maxBearer || strings.Trim(t, "0123456789abcdef") != "" {
		return errBotTokenForm
	}
	pairs := make(map[string]struct{}, len(t)) // at most maxBearer-1 keys
	for i := 1; i < len(t); i++ {
		pairs[t[i-1:i+1]] = struct{}{}
	}
	if len(pairs) < minDigitPairs {
		return errBotTokenWeak
	}
	return nil
}
