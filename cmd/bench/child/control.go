package child

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"conclave/sfu"
)

// Server is a server child as its parent sees it.
type Server struct {
	*Process
	Ready serverReady
	http  *http.Client
}

// StartServer starts a server child and waits until it can be reached.
func StartServer(ctx context.Context, cfg ServerConfig) (*Server, error) {
	c, err := Start(ctx, "serve", cfg, nil)
	if err != nil {
		return nil, err
	}
	// No connections kept: they would be goroutines of the server's that belong to no participant.
	s := &Server{Process: c, http: &http.Client{Timeout: 30 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true}}}
	if err := c.Next(&s.Ready); err != nil {
		return nil, err
	}
	return s, nil
}

// Stats asks the server how it is, after a garbage collection if collected.
func (s *Server) Stats(ctx context.Context, collected bool) (ServerStats, error) {
	path := "/bench/stats"
	if collected {
		path += "?collect"
	}
	return call[ServerStats](ctx, s.http, s.Ready, http.MethodGet, path, nil)
}

// Paths returns what the engine thinks of the way to each participant.
func (s *Server) Paths(ctx context.Context) ([]sfu.PathStats, error) {
	return call[[]sfu.PathStats](ctx, s.http, s.Ready, http.MethodGet, "/bench/paths", nil)
}

// Profile starts a CPU profile of the server into file; an empty name ends it.
func (s *Server) Profile(ctx context.Context, file string) error {
	_, err := call[struct{}](ctx, s.http, s.Ready, http.MethodPost, "/bench/profile?file="+url.QueryEscape(file), nil)
	return err
}

// Heap writes a profile of the server's heap into file.
func (s *Server) Heap(ctx context.Context, file string) error {
	_, err := call[struct{}](ctx, s.http, s.Ready, http.MethodPost, "/bench/heap?file="+url.QueryEscape(file), nil)
	return err
}

// Meeting creates a meeting without a lobby.
func (s *Server) Meeting(ctx context.Context) (string, error) {
	type created struct {
		Meeting string `json:"meeting"`
	}
	in := map[string]any{"title": "Bench", "lobby": false, "e2ee": false}
	c, err := call[created](ctx, s.http, s.Ready, http.MethodPost, "/api/meetings", in)
	return c.Meeting, err
}

// maxAnswer bounds an answer: an SDP of a hundred m-lines and some.
const maxAnswer = 1 << 20

// call asks a server child something. in, if not nil, is sent as JSON.
func call[T any](ctx context.Context, client *http.Client, to serverReady, method, path string, in any) (out T,
	err error) {
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
