package main

type soakCmd struct{}

func (soakCmd) Run() error { return nil }
