package main

type joinCmd struct{}

func (joinCmd) Run() error { return nil }
