// Package protocol holds the wire types of the Conclave protocol, version 1: every message of the WebSocket in both
// directions and every HTTP body, their bounds, a strict decoder and an encoder. The text for humans is
// docs/protocol.md; a test decodes each of its examples with this package. The web client's types are generated from
// these structs.
//
// It imports only package media, whose values messages hold as they are, and knows neither sockets nor clocks, so
// that clients written in Go may use it too. Start at table.go, the table of all messages; client.go and server.go
// hold them; decode.go turns bytes into messages, Marshal the reverse; values.go does so field by field.
//
// A field's bounds stand in its `bound` tag: the value for integers, the number of characters for strings, the number
// of elements for lists. A field without omitempty must be present.
//
// To add a message: declare its struct in client.go or server.go, add its row to the table, write an example into
// docs/protocol.md, run `go generate ./protocol`, and handle it in meeting/requests.go. Everything else follows.
package protocol

//go:generate go run ./jsdoc/gen ../static/js/protocol-types.js
