package protocol

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// RequestError is what is wrong with a message. It is also the content of the Error sent in reply: ID is the request's,
// 0 when none could be read; Message is for a human and quotes nothing of the message but field names.
type RequestError struct {
	ID      RequestID
	Err     ErrorID
	Message string
}

// Error implements error. It names the error id only, so that it may be logged.
func (e *RequestError) Error() string { return "protocol: " + string(e.Err) }

// Reply returns the message to send in answer.
func (e *RequestError) Reply() *Error {
	return &Error{ID: e.ID, Error: e.Err, Message: e.Message, Fatal: e.Err.Fatal()}
}

// DecodeClient decodes a message of a client strictly and checks the bounds of every field. The error is a
// *RequestError. The result shares no memory with data.
func DecodeClient(data []byte) (ClientMessage, error) {
	if len(data) > MaxRelay {
		return nil, tooLarge(0, MaxRelay)
	}
	typ, id, err := head(data)
	if err != nil {
		return nil, err
	}
	if most := maxSize(typ); len(data) > most {
		return nil, tooLarge(id, most)
	}
	m := newClient(typ)
	if m == nil {
		return nil, &RequestError{ID: id, Err: ErrUnknownType, Message: "There is no message of this \"type\"."}
	}
	if err := decodeStruct(data, reflect.ValueOf(m).Elem(), "", true); err != nil {
		return nil, requestError(id, err)
	}
	if err := check(m); err != nil {
		return nil, requestError(id, err)
	}
	return m, nil
}

// maxSize is how many bytes a client's message of a type may have.
func maxSize(typ string) int {
	switch typ {
	case "offer":
		return MaxOffer
	case "relay", "admit":
		return MaxRelay
	case "broadcast":
		return MaxBroadcast
	default:
		return MaxMessage
	}
}

func tooLarge(id RequestID, most int) error {
	return &RequestError{ID: id, Err: ErrTooLarge, Message: fmt.Sprintf("The message is larger than %d KiB.", most>>10)}
}

// DecodeServer decodes a message of the server as strictly as DecodeClient does a client's. The error is a
// *RequestError; a client should treat it as a broken server.
func DecodeServer(data []byte) (ServerMessage, error) {
	if len(data) > MaxServer {
		return nil, &RequestError{Err: ErrTooLarge, Message: "The message is larger than 4 MiB."}
	}
	typ, id, err := head(data)
	if err != nil {
		return nil, err
	}
	m := newServer(typ)
	if m == nil {
		return nil, &RequestError{ID: id, Err: ErrUnknownType, Message: "There is no message of this \"type\"."}
	}
	if err := decodeStruct(data, reflect.ValueOf(m).Elem(), "", true); err != nil {
		return nil, requestError(id, err)
	}
	return m, nil
}

// DecodeBody decodes an HTTP body into out, a pointer to one of the structs of http.go, as strictly as DecodeClient
// does a message. The error is a *RequestError.
func DecodeBody(data []byte, out any) error {
	if len(data) > MaxHTTPBody {
		return &RequestError{Err: ErrTooLarge, Message: "The body is larger than 4 KiB."}
	}
	if err := checkDocument(data); err != nil {
		return &RequestError{Err: ErrBadJSON, Message: sentence(err.Error())}
	}
	if err := decodeStruct(data, reflect.ValueOf(out).Elem(), "", false); err != nil {
		return requestError(0, err)
	}
	return nil
}

// Marshal encodes a message of either direction, with its type first.
func Marshal(m Message) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("protocol: encode %s: %w", m.Type(), err)
	}
	out := make([]byte, 0, len(body)+len(m.Type())+10)
	out = append(out, `{"type":"`...)
	out = append(out, m.Type()...)
	out = append(out, '"')
	if len(body) > 2 { // more than {}
		out = append(out, ',')
	}
	return append(out, body[1:]...), nil
}

// head checks that data is one well-formed object and reads what dispatch and replies need.
func head(data []byte) (typ string, id RequestID, err error) {
	if err := checkDocument(data); err != nil {
		return "", 0, &RequestError{Err: ErrBadJSON, Message: sentence(err.Error())}
	}
	var typeErr error
	s := scanner{data: data}
	s.space()
	err = s.object(func(key string, raw []byte) error {
		switch key {
		case "id":
			// A wrong id is reported with the other fields, once the type is known to have one.
			if n, err := strconv.ParseUint(string(raw), 10, 31); err == nil {
				id = RequestID(n)
			}
		case "type":
			if raw[0] != '"' {
				typeErr = fieldError("type", "must be a string")
				return nil
			}
			typ, typeErr = unquote(raw)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", id, requestError(id, err)
	case typeErr != nil:
		return "", id, requestError(id, typeErr)
	case typ == "":
		return "", id, requestError(id, fieldError("type", "is missing"))
	}
	return typ, id, nil
}

// problem is a field that is wrong; text is a sentence that names it.
type problem struct {
	err  ErrorID
	text string
}

func (p *problem) Error() string { return p.text }

func fieldError(path, what string) error {
	return &problem{ErrInvalidRequest, strconv.Quote(path) + " " + what + "."}
}

func requestError(id RequestID, err error) error {
	var p *problem
	if errors.As(err, &p) {
		return &RequestError{ID: id, Err: p.err, Message: p.text}
	}
	return &RequestError{ID: id, Err: ErrBadJSON, Message: sentence(err.Error())}
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

func unquote(raw []byte) (string, error) {
	// The common case has no escapes; the scanner has validated the rest.
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", errSyntax
	}
	return s, nil
}

// decodeStruct fills the struct v from the object raw. raw has passed checkDocument. withType says that the object's
// "type" has been dealt with.
func decodeStruct(raw []byte, v reflect.Value, path string, withType bool) error {
	t := v.Type()
	var present uint64 // bit i: field i was there; no struct has more than 64 fields
	s := scanner{data: raw}
	s.space()
	err := s.object(func(key string, raw []byte) error {
		if withType && key == "type" {
			return nil
		}
		for i := range t.NumField() {
			if name, _ := jsonName(t.Field(i)); name == key {
				present |= 1 << i
				return decodeValue(raw, v.Field(i), t.Field(i).Tag, join(path, name))
			}
		}
		return fieldError(join(path, clip(key)), "is not a field of this message")
	})
	if err != nil {
		return err
	}
	for i := range t.NumField() {
		name, optional := jsonName(t.Field(i))
		if !optional && present&(1<<i) == 0 {
			return fieldError(join(path, name), "is missing")
		}
	}
	return nil
}

func jsonName(f reflect.StructField) (name string, optional bool) {
	name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, opts != ""
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// clip bounds what of an unknown key is quoted back.
func clip(key string) string {
	const most = 40
	if len(key) <= most {
		return key
	}
	cut := most
	for !utf8.RuneStart(key[cut]) {
		cut--
	}
	return key[:cut] + "…"
}

func decodeValue(raw []byte, v reflect.Value, tag reflect.StructTag, path string) error {
	switch v.Kind() {
	case reflect.Bool:
		return decodeBool(raw, v, path)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(raw, v.Elem(), tag, path)
	case reflect.Int, reflect.Uint32:
		return decodeInt(raw, v, tag, path)
	case reflect.String:
		return decodeString(raw, v, tag, path)
	case reflect.Slice:
		return decodeSlice(raw, v, tag, path)
	case reflect.Map:
		return decodeMap(raw, v, path)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return decodeTime(raw, v, path)
		}
		if raw[0] != '{' {
			return fieldError(path, "must be an object")
		}
		return decodeStruct(raw, v, path, false)
	default:
		panic("protocol: a field has a kind the decoder does not know")
	}
}

func decodeBool(raw []byte, v reflect.Value, path string) error {
	switch string(raw) {
	case "true":
		v.SetBool(true)
	case "false":
		v.SetBool(false)
	default:
		return fieldError(path, "must be true or false")
	}
	return nil
}

func decodeInt(raw []byte, v reflect.Value, tag reflect.StructTag, path string) error {
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return fieldError(path, "must be a number")
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return fieldError(path, "must be a whole number")
	}
	low, high, bounded := bounds(tag)
	if !bounded {
		low, high = 0, 1<<31-1
	}
	if err != nil || n < low || n > high {
		return fieldError(path, fmt.Sprintf("must be between %d and %d", low, high))
	}
	if v.CanUint() {
		v.SetUint(uint64(n)) //nolint:gosec // bounds are never negative for unsigned fields
	} else {
		v.SetInt(n)
	}
	return nil
}

func decodeString(raw []byte, v reflect.Value, tag reflect.StructTag, path string) error {
	if raw[0] != '"' {
		return fieldError(path, "must be a string")
	}
	s, err := unquote(raw)
	if err != nil {
		return err
	}
	if e, ok := v.Interface().(Enum); ok {
		for _, allowed := range e.Values() {
			if s == allowed {
				v.SetString(s)
				return nil
			}
		}
		return fieldError(path, "must be one of "+strings.Join(e.Values(), ", "))
	}
	if what := checkLength(tag, s); what != "" {
		return fieldError(path, what)
	}
	if what := checkText(tag.Get("text"), s); what != "" {
		return fieldError(path, what)
	}
	v.SetString(s)
	return nil
}

// checkLength checks s against the bound of a tag, which counts characters, or of base64url the bytes that it encodes.
func checkLength(tag reflect.StructTag, s string) string {
	low, high, ok := bounds(tag)
	if !ok {
		return ""
	}
	n, unit := int64(utf8.RuneCountInString(s)), "characters"
	if tag.Get("text") == "base64url" {
		n, unit = int64(base64.RawURLEncoding.DecodedLen(len(s))), "bytes"
	}
	if n < low || n > high {
		return fmt.Sprintf("must have between %d and %d %s", low, high, unit)
	}
	return ""
}

func decodeSlice(raw []byte, v reflect.Value, tag reflect.StructTag, path string) error {
	if raw[0] != '[' {
		return fieldError(path, "must be a list")
	}
	low, high, bounded := bounds(tag)
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	s := scanner{data: raw}
	err := s.array(func(raw []byte) error {
		i := v.Len()
		if bounded && int64(i) >= high {
			return fieldError(path, fmt.Sprintf("must have between %d and %d elements", low, high))
		}
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		// Bounds of a list are those of its length; elements that are numbers name participants, which start at 1.
		var elem reflect.StructTag
		if v.Type().Elem() == reflect.TypeFor[Participant]() {
			elem = `bound:"1..4294967295"`
		}
		return decodeValue(raw, v.Index(i), elem, path+"["+strconv.Itoa(i)+"]")
	})
	if err != nil {
		return err
	}
	if bounded && int64(v.Len()) < low {
		return fieldError(path, fmt.Sprintf("must have between %d and %d elements", low, high))
	}
	return nil
}

func decodeMap(raw []byte, v reflect.Value, path string) error {
	if raw[0] != '{' {
		return fieldError(path, "must be an object")
	}
	out := make(map[string]string)
	s := scanner{data: raw}
	err := s.object(func(key string, raw []byte) error {
		if raw[0] != '"' {
			return fieldError(join(path, clip(key)), "must be a string")
		}
		text, err := unquote(raw)
		out[key] = text
		return err
	})
	v.Set(reflect.ValueOf(out))
	return err
}

func decodeTime(raw []byte, v reflect.Value, path string) error {
	if raw[0] == '"' {
		if s, err := unquote(raw); err == nil {
			if t, err := time.Parse(time.RFC3339, s); err == nil {
				v.Set(reflect.ValueOf(t))
				return nil
			}
		}
	}
	return fieldError(path, "must be a time like 2026-11-21T22:30:00Z")
}

// bounds reads a bound tag, for example `bound:"1..64"`.
func bounds(tag reflect.StructTag) (low, high int64, ok bool) {
	a, b, found := strings.Cut(tag.Get("bound"), "..")
	if !found {
		return 0, 0, false
	}
	low, _ = strconv.ParseInt(a, 10, 64)
	high, _ = strconv.ParseInt(b, 10, 64)
	return low, high, true
}
