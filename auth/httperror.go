package auth

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// maxBody is the most an HTTP body may hold: docs/protocol.md.
const maxBody = 4 << 10

// WriteError answers with the error body of docs/protocol.md: a stable id and a sentence for a human. If retryAfter is
// positive, Retry-After and retry_after_s say it in whole seconds, rounded up.
func WriteError(w http.ResponseWriter, status int, id, message string, retryAfter time.Duration) {
	body := struct {
		Error       string `json:"error"`
		Message     string `json:"message"`
		RetryAfterS int64  `json:"retry_after_s,omitempty"`
	}{id, message, seconds(retryAfter)}
	if body.RetryAfterS > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(body.RetryAfterS, 10))
	}
	WriteJSON(w, status, body)
}

// WriteJSON answers with v as JSON, never cached. v must be encodable; a client that has gone is not an error.
func WriteJSON(w http.ResponseWriter, status int, v any) { // any: whatever encoding/json takes
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// seconds rounds up, so that a client that waits so long is not refused again.
func seconds(d time.Duration) int64 {
	return int64((max(d, 0) + time.Second - 1) / time.Second)
}

var (
	errBodyTooLarge = errors.New("The body is too large.")             //nolint:staticcheck,revive // a sentence
	errContentType  = errors.New("The body must be application/json.") //nolint:staticcheck,revive // a sentence
	errNotJSON      = errors.New("The body must be JSON in UTF-8.")    //nolint:staticcheck,revive // a sentence
)

// decodeString reads a body that is one JSON object with exactly one field, a string: all that sign-in takes. Unknown
// and duplicate fields, other types, invalid UTF-8 and trailing bytes are errors.
func decodeString(w http.ResponseWriter, r *http.Request, field string) (string, error) {
	body, err := readJSON(w, r)
	if err != nil {
		return "", err
	}
	return parseStringField(body, field)
}

// decodeEmpty reads a body that is a JSON object without fields.
func decodeEmpty(w http.ResponseWriter, r *http.Request) error {
	body, err := readJSON(w, r)
	if err != nil {
		return err
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(body, &m) != nil || m == nil {
		return errNotJSON
	}
	if len(m) != 0 {
		return errors.New("The body must be {}.") //nolint:staticcheck,revive // a sentence for a human
	}
	return nil
}

// readJSON reads a body that says it is JSON.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, errContentType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, errBodyTooLarge
		}
		return nil, errNotJSON
	}
	return body, nil
}

// parseStringField is the part of decodeString that has no socket.
func parseStringField(body []byte, field string) (string, error) {
	var m map[string]json.RawMessage
	if !utf8.Valid(body) || json.Unmarshal(body, &m) != nil {
		return "", errNotJSON
	}
	raw, ok := m[field]
	if !ok || len(m) != 1 || countKeys(body) != 1 {
		return "", errors.New("The body must have the field \"" + field + "\" and no other.")
	}
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil {
		return "", errors.New("\"" + field + "\" must be a string.")
	}
	return *s, nil
}

// countKeys counts the keys of a JSON object, duplicates included. The object is valid JSON and of at most maxBody
// bytes.
func countKeys(object []byte) (n int) {
	depth, inString, escaped := 0, false, false
	for _, c := range object {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = c == '\\'
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ':' && depth == 1:
			n++
		}
	}
	return n
}

func writeBodyError(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errBodyTooLarge):
		WriteError(w, http.StatusRequestEntityTooLarge, "too_large", err.Error(), 0)
	case errors.Is(err, errContentType):
		WriteError(w, http.StatusUnsupportedMediaType, "invalid_request", err.Error(), 0)
	case errors.Is(err, errNotJSON):
		WriteError(w, http.StatusBadRequest, "bad_json", err.Error(), 0)
	default:
		WriteError(w, http.StatusBadRequest, "invalid_request", err.Error(), 0)
	}
}
