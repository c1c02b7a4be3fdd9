package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Recipients are the age recipients of a log. Only holders of their identities can read it.
type Recipients []age.Recipient

// ParseRecipients reads recipients as age prints them (age1…). None is an error: the log would be unreadable.
func ParseRecipients(list []string) (Recipients, error) {
	if len(list) == 0 {
		return nil, errors.New("audit: no recipient key: the log could never be read")
	}
	r, err := age.ParseRecipients(strings.NewReader(strings.Join(list, "\n")))
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if _, err := seal(r, nil); err != nil { // refuses mixtures, such as post-quantum and classic ones
		return nil, err
	}
	return r, nil
}

// padTo hides the exact length of records. The length of a lone event would tell its kind to those who cannot read it.
const padTo = 256

// seal encrypts the lines of one record. Padding is empty lines.
func seal(to Recipients, lines []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, fmt.Errorf("audit: encrypting: %w", err)
	}
	pad := bytes.Repeat([]byte{'\n'}, (padTo-len(lines)%padTo)%padTo)
	for _, part := range [][]byte{lines, pad} {
		if _, err := w.Write(part); err != nil {
			return nil, fmt.Errorf("audit: encrypting: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("audit: encrypting: %w", err)
	}
	return out.Bytes(), nil
}

// Open decrypts one record and returns its events.
func Open(record []byte, identities ...age.Identity) ([]Event, error) {
	r, err := age.Decrypt(bytes.NewReader(record), identities...)
	if err != nil {
		return nil, fmt.Errorf("audit: decrypting: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxRecord))
	if err != nil {
		return nil, fmt.Errorf("audit: decrypting: %w", err)
	}
	var events []Event
	for line := range bytes.Lines(plain) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		e, err := ParseEvent(line)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}
