// Package protocol holds the wire types of the Conclave protocol, version 1: every message of the WebSocket in both
// directions and every HTTP body, their bounds, a strict decoder and an encoder. The text for humans is docs/protocol.md;
// a test decodes each of its examples with this package. The web client's types are generated from these structs.
//
// It imports nothing of the project and knows neither sockets nor clocks, so that clients written in Go may use it too.
// Start at messages.go; decode.go turns bytes into messages, Marshal the reverse; values.go does so field by field.
//
// A field's bounds stand in its `bound` tag: the value for integers, the number of characters for strings, the number
// of elements for lists. A field without omitempty must be present.
package protocol

//go:generate go run ./jsdoc/gen ../static/js/protocol-types.js
