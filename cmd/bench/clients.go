package main

type clientsCmd struct{}

func (clientsCmd) Run() error { return nil }
