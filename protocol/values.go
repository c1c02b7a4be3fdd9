package protocol

import (
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// field is what the tags of a struct's field say.
type field struct {
	name     string
	optional bool
	rules
}

// rules are those of a value: the bound of a number, a text or a list, and the form of a text.
type rules struct {
	low, high int64
	bounded   bool
	text      string
}

// fieldsOf reads the tags of a struct. No struct of the protocol has more than 64 fields.
func fieldsOf(t reflect.Type) []field {
	out := make([]field, t.NumField())
	for i := range out {
		tag := t.Field(i).Tag
		name, opts, _ := strings.Cut(tag.Get("json"), ",")
		out[i] = field{name: name, optional: opts != "", rules: rules{text: tag.Get("text")}}
		out[i].low, out[i].high, out[i].bounded = bounds(tag)
	}
	return out
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

// decodeStruct fills the struct v, whose fields are given, from the object raw. raw has passed checkDocument.
// withType says that the object's "type" has been dealt with.
func decodeStruct(raw []byte, v reflect.Value, fields []field, withType bool) error {
	var present uint64 // bit i: field i was there
	s := scanner{data: raw}
	s.space()
	err := s.object(func(key, raw []byte) error {
		if withType && string(key) == "type" {
			return nil
		}
		for i := range fields {
			if f := &fields[i]; f.name == string(key) {
				present |= 1 << i
				return within(f.name, decodeValue(raw, v.Field(i), f.rules))
			}
		}
		return fieldError(clip(string(key)), "is not a field of this message")
	})
	if err != nil {
		return err
	}
	for i, f := range fields {
		if !f.optional && present&(1<<i) == 0 {
			return fieldError(f.name, "is missing")
		}
	}
	return nil
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

func decodeValue(raw []byte, v reflect.Value, r rules) error {
	switch v.Kind() {
	case reflect.Bool:
		return decodeBool(raw, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(raw, v.Elem(), r)
	case reflect.Int, reflect.Uint32:
		return decodeInt(raw, v, r)
	case reflect.Uint8:
		return decodeName(raw, v)
	case reflect.String:
		return decodeString(raw, v, r)
	case reflect.Slice:
		return decodeSlice(raw, v, r)
	case reflect.Map:
		return decodeMap(raw, v)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return decodeTime(raw, v)
		}
		return decodeObject(raw, v, fieldsOf(v.Type()))
	default:
		panic("protocol: a field has a kind the decoder does not know")
	}
}

func decodeObject(raw []byte, v reflect.Value, fields []field) error {
	if raw[0] != '{' {
		return wrong("must be an object")
	}
	return decodeStruct(raw, v, fields, false)
}

func decodeBool(raw []byte, v reflect.Value) error {
	switch string(raw) {
	case "true":
		v.SetBool(true)
	case "false":
		v.SetBool(false)
	default:
		return wrong("must be true or false")
	}
	return nil
}

func decodeInt(raw []byte, v reflect.Value, r rules) error {
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return wrong("must be a number")
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return wrong("must be a whole number")
	}
	if !r.bounded {
		r.low, r.high = 0, 1<<31-1
	}
	if err != nil || n < r.low || n > r.high {
		return wrong(fmt.Sprintf("must be between %d and %d", r.low, r.high))
	}
	if v.CanUint() {
		v.SetUint(uint64(n)) //nolint:gosec // bounds are never negative for unsigned fields
	} else {
		v.SetInt(n)
	}
	return nil
}

func decodeString(raw []byte, v reflect.Value, r rules) error {
	if raw[0] != '"' {
		return wrong("must be a string")
	}
	s, err := unquote(raw)
	if err != nil {
		return err
	}
	if v.Type() != reflect.TypeFor[string]() { // not boxed where nothing could be found
		if e, ok := v.Interface().(Enum); ok {
			if !slices.Contains(e.Values(), s) {
				return notOneOf(e)
			}
			v.SetString(s)
			return nil
		}
	}
	if what := r.checkLength(s); what != "" {
		return wrong(what)
	}
	if what := checkText(r.text, s); what != "" {
		return wrong(what)
	}
	v.SetString(s)
	return nil
}

// named is a number that has a name on the wire.
type named interface {
	Enum
	encoding.TextUnmarshaler
}

// decodeName decodes a number that has a name on the wire: a source.
func decodeName(raw []byte, v reflect.Value) error {
	if raw[0] != '"' {
		return wrong("must be a string")
	}
	s, err := unquote(raw)
	if err != nil {
		return err
	}
	n, ok := v.Addr().Interface().(named)
	if !ok {
		panic("protocol: a field has a kind the decoder does not know")
	}
	if n.UnmarshalText([]byte(s)) != nil {
		return notOneOf(n)
	}
	return nil
}

func notOneOf(e Enum) error { return wrong("must be one of " + strings.Join(e.Values(), ", ")) }

// checkLength checks s against the bound, which counts characters, or of base64url the bytes that it encodes.
func (r rules) checkLength(s string) string {
	if !r.bounded {
		return ""
	}
	n, unit := int64(utf8.RuneCountInString(s)), "characters"
	if r.text == "base64url" {
		n, unit = int64(base64.RawURLEncoding.DecodedLen(len(s))), "bytes"
	}
	if n < r.low || n > r.high {
		return fmt.Sprintf("must have between %d and %d %s", r.low, r.high, unit)
	}
	return ""
}

func decodeSlice(raw []byte, v reflect.Value, r rules) error {
	if raw[0] != '[' {
		return wrong("must be a list")
	}
	elem := v.Type().Elem()
	// Bounds of a list are those of its length; elements that are numbers name participants, which start at 1.
	var each rules
	if elem == reflect.TypeFor[Participant]() {
		each = rules{low: 1, high: 1<<32 - 1, bounded: true}
	}
	var fields []field
	if elem.Kind() == reflect.Struct {
		fields = fieldsOf(elem)
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	s := scanner{data: raw}
	err := s.array(func(raw []byte) error {
		i := v.Len()
		if r.bounded && int64(i) >= r.high {
			return wrong(fmt.Sprintf("must have between %d and %d elements", r.low, r.high))
		}
		v.Grow(1)
		v.SetLen(i + 1)
		v.Index(i).SetZero()
		var err error
		if fields != nil {
			err = decodeObject(raw, v.Index(i), fields)
		} else {
			err = decodeValue(raw, v.Index(i), each)
		}
		if err != nil {
			return within("["+strconv.Itoa(i)+"]", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if r.bounded && int64(v.Len()) < r.low {
		return wrong(fmt.Sprintf("must have between %d and %d elements", r.low, r.high))
	}
	return nil
}

func decodeMap(raw []byte, v reflect.Value) error {
	if raw[0] != '{' {
		return wrong("must be an object")
	}
	out := make(map[string]string)
	s := scanner{data: raw}
	err := s.object(func(key, raw []byte) error {
		if raw[0] != '"' {
			return fieldError(clip(string(key)), "must be a string")
		}
		text, err := unquote(raw)
		out[string(key)] = text
		return err
	})
	v.Set(reflect.ValueOf(out))
	return err
}

func decodeTime(raw []byte, v reflect.Value) error {
	if raw[0] == '"' {
		if s, err := unquote(raw); err == nil {
			if t, err := time.Parse(time.RFC3339, s); err == nil {
				v.Set(reflect.ValueOf(t))
				return nil
			}
		}
	}
	return wrong("must be a time like 2026-11-21T22:30:00Z")
}
