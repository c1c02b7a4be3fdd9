package main

import (
	"context"

	"github.com/go-chi/chi/v5"
)

type chiRouter = chi.Router

func startMedia(s *server) (*media, error) {
	addrs, err := mediaAddresses(s.cfg, s.deployment.Loopback, s.deployment.MediaPort)
	if err != nil {
		return nil, err
	}
	return &media{addrs: addrs}, nil
}

func (m *media) drain(context.Context) {}

func (m *media) close() {}
