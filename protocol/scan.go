package protocol

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// The scanner checks what encoding/json lets pass silently: duplicate keys, lone surrogates (RFC 8259 §8.2) and
// invalid UTF-8, which it would replace; and it bounds the nesting and the keys. It allocates nothing but for keys with
// escapes.
type scanner struct {
	data   []byte
	pos    int
	depth  int
	values int // how many more may come, if limit is set
	limit  bool
}

var (
	errSyntax    = errors.New("this is not valid JSON")
	errDepth     = errors.New("the JSON is nested too deeply")
	errValues    = errors.New("the message has more than 4096 JSON values")
	errKeys      = errors.New("an object has more than 16 keys")
	errDuplicate = errors.New("a key occurs twice in one object")
	errUTF8      = errors.New("the text is not valid UTF-8")
	errSurrogate = errors.New("a \\u escape is half of a surrogate pair")
	errTrailing  = errors.New("there is more than one JSON value")
	errNotObject = errors.New("the message is not a JSON object")
)

// checkDocument reports whether data is exactly one well-formed JSON object within the bounds, with no more than so
// many values; 0 for any number.
func checkDocument(data []byte, values int) error {
	if !utf8.Valid(data) {
		return errUTF8
	}
	s := scanner{data: data, values: values, limit: values > 0}
	s.space()
	if s.peek() != '{' {
		if s.pos < len(data) && s.value() != nil {
			return errSyntax
		}
		return errNotObject
	}
	if err := s.object(nil); err != nil {
		return err
	}
	s.space()
	if s.pos != len(data) {
		return errTrailing
	}
	return nil
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end (0 is never valid outside a string).
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) value() error {
	if s.limit {
		if s.values--; s.values < 0 {
			return errValues
		}
	}
	switch c := s.peek(); {
	case c == '{':
		return s.object(nil)
	case c == '[':
		return s.array(nil)
	case c == '"':
		return s.str()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	default:
		return errSyntax
	}
}

// object reads an object and calls visit, if any, for each member with its key, unescaped, and its raw value. The key
// is visit's only until it returns.
func (s *scanner) object(visit func(key, raw []byte) error) error {
	if s.depth++; s.depth > MaxDepth {
		return errDepth
	}
	s.pos++ // the brace
	var seen keys
	first := true
	for s.space(); s.peek() != '}'; s.space() {
		if !first {
			if err := s.separator(); err != nil {
				return err
			}
		}
		first = false
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := seen.add(key); err != nil {
			return err
		}
		start := s.pos
		if err := s.value(); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(key, s.data[start:s.pos]); err != nil {
				return err
			}
		}
	}
	s.pos++
	s.depth--
	return nil
}

// keys are those of one object: at most MaxKeys, so that looking through them costs less than reading them.
type keys struct {
	list [MaxKeys][]byte
	n    int
}

// add fails for a key that is there already, and for one too many.
func (k *keys) add(key []byte) error {
	for _, earlier := range k.list[:k.n] {
		if bytes.Equal(earlier, key) {
			return errDuplicate
		}
	}
	if k.n == len(k.list) {
		return errKeys
	}
	k.list[k.n] = key
	k.n++
	return nil
}

func (s *scanner) separator() error {
	if s.peek() != ',' {
		return errSyntax
	}
	s.pos++
	s.space()
	return nil
}

// key reads a key with its colon and stops before the value. Keys are compared unescaped.
func (s *scanner) key() ([]byte, error) {
	if s.peek() != '"' {
		return nil, errSyntax
	}
	start := s.pos
	if err := s.str(); err != nil {
		return nil, err
	}
	key := s.data[start+1 : s.pos-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		text, err := unquote(s.data[start:s.pos])
		if err != nil {
			return nil, errSyntax
		}
		key = []byte(text)
	}
	s.space()
	if s.peek() != ':' {
		return nil, errSyntax
	}
	s.pos++
	s.space()
	return key, nil
}

// array reads an array and calls visit, if any, for each element.
func (s *scanner) array(visit func(raw []byte) error) error {
	if s.depth++; s.depth > MaxDepth {
		return errDepth
	}
	s.pos++
	first := true
	for s.space(); s.peek() != ']'; s.space() {
		if !first {
			if err := s.separator(); err != nil {
				return err
			}
		}
		first = false
		start := s.pos
		if err := s.value(); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(s.data[start:s.pos]); err != nil {
				return err
			}
		}
	}
	s.pos++
	s.depth--
	return nil
}

func (s *scanner) literal(word string) error {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return errSyntax
	}
	s.pos += len(word)
	return nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > start
}

// number reads a number (RFC 8259 §6).
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return errSyntax
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return errSyntax
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return errSyntax
		}
	}
	return nil
}

// str reads a string and checks its escapes; the bytes are known to be valid UTF-8.
func (s *scanner) str() error {
	s.pos++ // the quote
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c < 0x20:
			return errSyntax
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		default:
			s.pos++
		}
	}
	return errSyntax
}

func (s *scanner) escape() error {
	s.pos++
	c := s.peek()
	s.pos++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return errSyntax
	}
	r, ok := s.hex4()
	if !ok {
		return errSyntax
	}
	if r < 0xD800 || r > 0xDFFF {
		return nil
	}
	if r > 0xDBFF || s.peek() != '\\' || s.pos+1 >= len(s.data) || s.data[s.pos+1] != 'u' {
		return errSurrogate
	}
	s.pos += 2
	low, ok := s.hex4()
	if !ok {
		return errSyntax
	}
	if low < 0xDC00 || low > 0xDFFF {
		return errSurrogate
	}
	return nil
}

func (s *scanner) hex4() (rune, bool) {
	if len(s.data)-s.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range s.data[s.pos : s.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	s.pos += 4
	return r, true
}
