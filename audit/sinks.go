package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

// writerSink writes lines to a stream, such as standard output.
type writerSink struct{ w io.Writer }

// NewWriterSink publishes to w, for a log collector to take on.
func NewWriterSink(w io.Writer) Sink { return writerSink{w} }

func (s writerSink) Name() string { return "stdout" }

func (s writerSink) Publish(_ context.Context, line []byte) error {
	_, err := s.w.Write(line)
	return err //nolint:wrapcheck // the publisher wraps
}

// fileSink appends lines to a file.
type fileSink struct{ path string }

// NewFileSink publishes to a file, which should be on another machine's disk (see SameFileSystem). It only appends.
func NewFileSink(path string) Sink { return fileSink{path} }

func (s fileSink) Name() string { return "file" }

func (s fileSink) Publish(_ context.Context, line []byte) error {
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // the publisher wraps
	}
	_, err = f.Write(line)
	return errors.Join(err, f.Sync(), f.Close())
}

// webhookSink posts lines to a URL.
type webhookSink struct {
	url    string
	client *http.Client
}

// webhookTimeout bounds one request.
const webhookTimeout = 10 * time.Second

// NewWebhookSink posts each line as application/json to an https URL, or to an http one on this machine. Any status but
// 2xx means that it was not taken. Redirects are not followed.
func NewWebhookSink(address string) (Sink, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname()))) {
		return nil, errors.New("audit: the webhook must be an https URL") // without the URL: it may hold a password
	}
	return webhookSink{address, &http.Client{
		Timeout:       webhookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func loopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }

func (s webhookSink) Name() string { return "webhook" }

func (s webhookSink) Publish(ctx context.Context, line []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(line))
	if err != nil {
		return errors.New("the request cannot be made") // without the URL
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return errors.New("no answer") // without the URL
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
