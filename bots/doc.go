// Package bots runs participants without a browser, to test and to load a server. They sign in with a token that the
// server's operator issued, join a meeting through the public protocol, publish real VP8 and Opus, subscribe, and
// measure what arrives. `conclave bots` is its command; docs/bots.md says how to use it.
//
// A bot is a client like any other: of the server's packages it imports only protocol and media.
//
//	bots      the configuration and the run: many bots, the measured window, the figures for the report
//	client    one bot: sign in, join, stay, leave
//	publish   what it sends
//	receive   what it receives and measures
//	wire      its socket
//	network   what makes a network bad, pure
//	payload   the bytes inside a packet, pure
//	clip      what it plays
//	measure   the instruments that all bots share
//	scenario  scenario files, pure
//	speech    who speaks when in a conversation, pure
//	report    sums, thresholds, the verdict, text; pure
//	html      a report as a page with plots, pure
//	compare   how runs differ, pure
//	capacity  the search for the largest load that holds, pure
//	agent     a run on several machines
//
// Start reading at Run (run.go), then client.Bot.
package bots
