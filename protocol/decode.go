package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
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
	if len(data) > MaxCommit {
		return nil, tooLarge(0, MaxCommit)
	}
	typ, id, err := head(data, MaxValues)
	if err != nil {
		return nil, err
	}
	spec := clientTable.byType[typ]
	if spec == nil && len(data) > MaxMessage {
		return nil, tooLarge(id, MaxMessage)
	}
	m, err := decodeAs[ClientMessage](spec, id, data)
	if err == nil {
		err = requestError(id, check(m))
	}
	if err != nil {
		return nil, err
	}
	return m, nil
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
	typ, id, err := head(data, 0)
	if err != nil {
		return nil, err
	}
	return decodeAs[ServerMessage](serverTable.byType[typ], id, data)
}

// decodeAs decodes data, whose head was read, as a message of the given row. A nil row is an unknown type.
func decodeAs[M Message](spec *Spec, id RequestID, data []byte) (m M, err error) {
	if spec == nil {
		return m, &RequestError{ID: id, Err: ErrUnknownType, Message: "There is no message of this \"type\"."}
	}
	if len(data) > spec.MaxSize {
		return m, tooLarge(id, spec.MaxSize)
	}
	v := reflect.New(spec.message)
	if err := decodeStruct(data, v.Elem(), fieldsOf(spec.message), true); err != nil {
		return m, requestError(id, err)
	}
	m, _ = v.Interface().(M) // it is one, by construction of the table
	return m, nil
}

// DecodeBody decodes an HTTP body into out, a pointer to one of the structs of http.go, as strictly as DecodeClient
// does a message. The error is a *RequestError.
func DecodeBody(data []byte, out any) error {
	if len(data) > MaxHTTPBody {
		return &RequestError{Err: ErrTooLarge, Message: "The body is larger than 4 KiB."}
	}
	if err := checkDocument(data, MaxValues); err != nil {
		return &RequestError{Err: ErrBadJSON, Message: sentence(err.Error())}
	}
	v := reflect.ValueOf(out).Elem()
	return requestError(0, decodeStruct(data, v, fieldsOf(v.Type()), false))
}

// Marshal encodes a message of either direction, with its type first.
func Marshal(m Message) ([]byte, error) {
	typ := TypeOf(m)
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("protocol: encode %s: %w", typ, err)
	}
	out := make([]byte, 0, len(body)+len(typ)+10)
	out = append(out, `{"type":"`...)
	out = append(out, typ...)
	out = append(out, '"')
	if len(body) > 2 { // more than {}
		out = append(out, ',')
	}
	return append(out, body[1:]...), nil
}

// EncodeEntry encodes an entry of the roster for MarshalWelcome.
func EncodeEntry(e *RosterEntry) ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("protocol: encode an entry: %w", err)
	}
	return body, nil
}

// MarshalWelcome encodes a Welcome around the entries of its Participants, which EncodeEntry has encoded: a server that
// greets many encodes each entry once.
func MarshalWelcome(w *Welcome, entries [][]byte) ([]byte, error) {
	frame := *w
	frame.Participants = nil
	around, err := Marshal(&frame)
	if err != nil {
		return nil, err
	}
	const none = `"participants":null` // in no text: there, quotation marks are escaped
	head, tail, _ := bytes.Cut(around, []byte(none))
	size := len(around)
	for _, e := range entries {
		size += len(e) + 1
	}
	out := append(append(make([]byte, 0, size), head...), none[:len(none)-len("null")]...)
	for i, e := range entries {
		out = append(append(out, "[,"[min(i, 1)]), e...)
	}
	if len(entries) == 0 {
		out = append(out, '[')
	}
	return append(append(out, ']'), tail...), nil
}

// Peek reads the type and the id of a client's message from its first bytes, as far as they are there and come first
// in it. It costs no more than these two, checks nothing else, and serves to treat a message before it is decoded.
// The typ is one of the table, or empty.
func Peek(prefix []byte) (typ string, id RequestID) {
	s := scanner{data: prefix}
	if s.space(); s.peek() != '{' {
		return "", 0
	}
	for s.pos++; ; s.pos++ {
		s.space()
		key, err := s.key()
		start := s.pos
		switch {
		case err != nil:
			return typ, id
		case string(key) == "type" && s.peek() == '"' && s.str() == nil:
			if spec := clientTable.byType[string(prefix[start+1:s.pos-1])]; spec != nil {
				typ = spec.Type
			}
		case string(key) == "id" && s.digits():
			if n, err := strconv.ParseUint(string(prefix[start:s.pos]), 10, 31); err == nil {
				id = RequestID(n)
			}
		default:
			return typ, id
		}
		if s.space(); s.peek() != ',' {
			return typ, id
		}
	}
}

// MaxSize is how many bytes a client's message of a type may have. An unknown type has that of most messages.
func MaxSize(typ string) int {
	if spec := clientTable.byType[typ]; spec != nil {
		return spec.MaxSize
	}
	return MaxMessage
}

// head checks that data is one well-formed object and reads what dispatch and replies need.
func head(data []byte, values int) (typ string, id RequestID, err error) {
	if err := checkDocument(data, values); err != nil {
		return "", 0, &RequestError{Err: ErrBadJSON, Message: sentence(err.Error())}
	}
	var typeErr error
	s := scanner{data: data}
	s.space()
	err = s.object(func(key, raw []byte) error {
		switch string(key) {
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

// problem is a field that is wrong. Its path is put together on the way up, since most fields are right.
type problem struct {
	err  ErrorID
	path string
	what string
}

func (p *problem) Error() string {
	if p.path == "" {
		return p.what
	}
	return strconv.Quote(p.path) + " " + p.what + "."
}

func fieldError(path, what string) error { return &problem{ErrInvalidRequest, path, what} }

// wrong is something wrong with the value that is being decoded; its path is still to come.
func wrong(what string) error { return fieldError("", what) }

// within says that err is about something in the field (or, with brackets, the element) of that name.
func within(name string, err error) error {
	var p *problem
	switch {
	case err == nil || !errors.As(err, &p):
		return err
	case p.path == "":
		p.path = name
	case p.path[0] == '[':
		p.path = name + p.path
	default:
		p.path = name + "." + p.path
	}
	return p
}

// requestError is err as a RequestError; nil for none.
func requestError(id RequestID, err error) error {
	if err == nil {
		return nil
	}
	var p *problem
	if errors.As(err, &p) {
		return &RequestError{ID: id, Err: p.err, Message: p.Error()}
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
