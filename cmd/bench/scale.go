package main

type scaleCmd struct{}

func (scaleCmd) Run() error { return nil }
