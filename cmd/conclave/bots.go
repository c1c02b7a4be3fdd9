package main

import "errors"

// botsCmd loads a server with bots.
type botsCmd struct{}

// Run runs the bots.
func (botsCmd) Run() error { return errors.New("bots: not built yet") }
