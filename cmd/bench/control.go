package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// server is a server child as its parent sees it.
type server struct {
	*child
	ready serverReady
	http  *http.Client
}

// startServer starts a server child and waits until it can be reached.
func startServer(ctx context.Context, cfg serverConfig) (*server, error) {
	c, err := startChild(ctx, "serve", cfg, nil)
	if err != nil {
		return nil, err
	}
	// No connections kept: they would be goroutines of the server's that belong to nobody in a meeting.
	s := &server{child: c, http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	if err := c.next(&s.ready); err != nil {
		return nil, err
	}
	return s, nil
}

// stats asks the server how it is, after a garbage collection if collected.
func (s *server) stats(ctx context.Context, collected bool) (serverStats, error) {
	path := "/bench/stats"
	if collected {
		path += "?collect"
	}
	return call[serverStats](ctx, s.http, s.ready, http.MethodGet, path, nil)
}

// profile starts a CPU profile of the server into file; an empty name ends it.
func (s *server) profile(ctx context.Context, file string) error {
	_, err := call[struct{}](ctx, s.http, s.ready, http.MethodPost, "/bench/profile?file="+url.QueryEscape(file), nil)
	return err
}

// heap writes a profile of the server's heap into file.
func (s *server) heap(ctx context.Context, file string) error {
	_, err := call[struct{}](ctx, s.http, s.ready, http.MethodPost, "/bench/heap?file="+url.QueryEscape(file), nil)
	return err
}

// meeting creates a meeting without a lobby.
func (s *server) meeting(ctx context.Context) (string, error) {
	type created struct {
		Meeting string `json:"meeting"`
	}
	in := map[string]any{"title": "Bench", "lobby": false, "e2ee": false}
	c, err := call[created](ctx, s.http, s.ready, http.MethodPost, "/api/meetings", in)
	return c.Meeting, err
}

// maxAnswer bounds an answer: an SDP of a hundred m-lines and some.
const maxAnswer = 1 << 20

// call asks a server child something. in, if not nil, is sent as JSON.
func call[T any](ctx context.Context, client *http.Client, to serverReady, method, path string, in any) (out T, err error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return out, fmt.Errorf("%s: %w", path, err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, to.URL+path, body)
	if err != nil {
		return out, fmt.Errorf("%s: %w", path, err)
	}
	req.Header.Set("Authorization", "Bearer "+to.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return out, fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return out, fmt.Errorf("%s: %w", path, err)
	}
	if resp.StatusCode/100 != 2 {
		return out, fmt.Errorf("%s: HTTP %d: %s", path, resp.StatusCode, raw)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}
