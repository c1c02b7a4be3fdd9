package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxMetrics bounds the names that are read from one page of metrics, maxMetricsPage the page in bytes.
	maxMetrics     = 64
	maxMetricsPage = 1 << 20
	metricsTimeout = 800 * time.Millisecond
)

// Scraper reads a server's metrics, in the text format of Prometheus.
type Scraper struct {
	url    string
	client *http.Client
}

// NewScraper makes a reader of the page at url.
func NewScraper(url string) *Scraper {
	return &Scraper{url: url, client: &http.Client{
		Timeout: metricsTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("it leads elsewhere")
		},
	}}
}

// Close ends idle connections.
func (s *Scraper) Close() { s.client.CloseIdleConnections() }

// Read returns the metrics of this moment. An error says that the page cannot be read.
func (s *Scraper) Read(ctx context.Context) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("bots: metrics: %w", err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("bots: metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("bots: metrics: the server answers %s", resp.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxMetricsPage))
	if err != nil {
		return nil, fmt.Errorf("bots: metrics: %w", err)
	}
	return parseMetrics(string(raw)), nil
}

// parseMetrics reads what concerns the server of a page of metrics. Series of one name with different labels are added
// up; buckets of histograms and lines that cannot be read are left out.
func parseMetrics(text string) map[string]float64 {
	out := map[string]float64{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		end := strings.IndexAny(line, "{ ")
		if end <= 0 || !ofInterest(line[:end]) {
			continue
		}
		name, rest := line[:end], line[end:]
		if i := strings.LastIndexByte(rest, '}'); i >= 0 {
			rest = rest[i+1:]
		}
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		value, err := strconv.ParseFloat(fields[0], 64)
		if err != nil || value-value != 0 { // not a number, or infinite
			continue
		}
		if _, known := out[name]; known {
			out[name] += value
		} else if len(out) < maxMetrics {
			out[strings.Clone(name)] = value // a part of the page would keep all of it
		}
	}
	return out
}

func ofInterest(name string) bool {
	if strings.HasSuffix(name, "_bucket") {
		return false
	}
	switch name {
	case "go_goroutines", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds":
		return true
	}
	return strings.HasPrefix(name, "conclave_")
}
