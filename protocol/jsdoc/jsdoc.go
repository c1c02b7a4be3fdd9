// Package jsdoc writes the protocol's messages as JSDoc type definitions for the web client, from the Go structs.
package jsdoc

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"conclave/protocol"
)

// Generate returns the content of the web client's protocol-types.js.
func Generate() string {
	g := generator{done: map[string]bool{}}
	g.line("// Generated from the Go structs of protocol by `go generate ./protocol`. Do not edit.")
	g.line("// @ts-check\n")
	g.line("/** The protocol version these types describe. */")
	g.line("export const PROTOCOL_VERSION = %d;\n", protocol.Version)
	g.line("/** The WebSocket subprotocol. */")
	g.line("export const SUBPROTOCOL = %q;\n", protocol.Subprotocol)
	g.limits()
	var client, server []string
	for _, m := range protocol.ClientMessages() {
		client = append(client, g.message(m))
	}
	for _, m := range protocol.ServerMessages() {
		server = append(server, g.message(m))
	}
	for _, body := range protocol.Bodies() {
		g.object(reflect.TypeOf(body), "")
	}
	g.line("/** @typedef {%s} ClientMessage what a client sends */\n", strings.Join(client, " | "))
	g.line("/** @typedef {%s} ServerMessage what the server sends */", strings.Join(server, " | "))
	return strings.Join(append(g.enums, g.lines...), "\n") + "\n"
}

type generator struct {
	lines []string
	enums []string
	done  map[string]bool
}

func (g *generator) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	// The header comes before the enumerations that it does not know yet.
	if len(g.done) == 0 {
		g.enums = append(g.enums, text)
		return
	}
	g.lines = append(g.lines, text)
}

func (g *generator) limits() {
	g.line("/** Limits of the protocol document: bytes of messages, characters of texts, elements of lists. */")
	g.line("export const LIMITS = Object.freeze({")
	for _, l := range []struct {
		name  string
		value int
	}{
		{"message", protocol.MaxMessage}, {"offer", protocol.MaxOffer}, {"mediaLines", protocol.MaxMediaLines},
		{"wants", protocol.MaxWants}, {"participants", protocol.MaxParticipants}, {"name", protocol.MaxName},
		{"title", protocol.MaxTitle}, {"chat", protocol.MaxChat}, {"password", protocol.MaxPassword},
		{"height", protocol.MaxHeight}, {"relay", protocol.MaxRelay}, {"relayTo", protocol.MaxRelayTo},
		{"relayed", protocol.MaxRelayed}, {"announce", protocol.MaxAnnounce}, {"broadcasted", protocol.MaxBroadcasted},
		{"commit", protocol.MaxCommit}, {"entry", protocol.MaxEntry}, {"proposal", protocol.MaxProposal},
		{"keyPackage", protocol.MaxKeyPackage}, {"forJoiners", protocol.MaxForJoiners}, {"added", protocol.MaxAdded},
	} {
		g.line("  %s: %d,", l.name, l.value)
	}
	g.line("});\n")
}

// nameOf is the JavaScript name of a type: its own, but for words of package media that protocol names otherwise.
func nameOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[protocol.QualityOf]():
		return "QualityOf"
	case reflect.TypeFor[protocol.WithheldReason]():
		return "WithheldReason"
	default:
		return t.Name()
	}
}

func (g *generator) message(m protocol.Message) string {
	return g.object(reflect.TypeOf(m).Elem(), protocol.TypeOf(m))
}

// object writes the typedef of a struct after those it needs, and returns its name.
func (g *generator) object(t reflect.Type, typ string) string {
	name := nameOf(t)
	if g.done[name] {
		return name
	}
	g.done[name] = true
	own := []string{"/**", " * @typedef {object} " + name}
	if typ != "" {
		own = append(own, fmt.Sprintf(" * @property {%q} type", typ))
	}
	for i := range t.NumField() {
		f := t.Field(i)
		key, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if opts != "" {
			key = "[" + key + "]"
		}
		line := fmt.Sprintf(" * @property {%s} %s", g.typeName(f.Type), key)
		if b := f.Tag.Get("bound"); b != "" {
			line += " " + b
			if f.Tag.Get("text") == "base64url" {
				line += " bytes, base64url"
			}
		}
		own = append(own, line)
	}
	g.lines = append(g.lines, append(own, " */\n")...)
	return name
}

func (g *generator) typeName(t reflect.Type) string {
	if e, ok := reflect.Zero(t).Interface().(protocol.Enum); ok {
		g.enum(nameOf(t), e)
		return nameOf(t)
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Uint32:
		return "number"
	case reflect.String:
		return "string"
	case reflect.Pointer:
		return g.typeName(t.Elem())
	case reflect.Slice:
		return g.typeName(t.Elem()) + "[]"
	case reflect.Map:
		return "Record<string, string>"
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "string"
		}
		return g.object(t, "")
	default:
		panic("jsdoc: a field has a kind without a JavaScript type")
	}
}

func (g *generator) enum(name string, e protocol.Enum) {
	if g.done[name] {
		return
	}
	g.done[name] = true
	var quoted []string
	for _, v := range slices.Sorted(slices.Values(e.Values())) {
		quoted = append(quoted, fmt.Sprintf("%q", v))
	}
	g.enums = append(g.enums, fmt.Sprintf("/** @typedef {%s} %s */\n", strings.Join(quoted, " | "), name))
}
