// Package client is one bot: a participant that signs in with an operator's token, joins a meeting through the public
// protocol, publishes, watches, obeys, and leaves. Pion does SDP, ICE and DTLS; packets go through wire, publish and
// receive.
//
// Start reading at Bot (bot.go), then join.go, stay.go and connection.go. It imports protocol and e2ee of the rest of
// the repository, and knows neither the run nor the report.
package client
