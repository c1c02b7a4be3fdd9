package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const observability = "../../deploy/observability/"

// queries are those of the dashboard and the alerts, by where they are.
func queries(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	b, err := os.ReadFile(observability + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$instance", ".*", "$__rate_interval", "1m")
	for _, p := range dashboard.Panels {
		for i, target := range p.Targets {
			out[fmt.Sprintf("panel %s %d", p.Title, i)] = variables.Replace(target.Expr)
		}
	}
	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	if b, err = os.ReadFile(observability + "alerts.yml"); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &alerts); err != nil {
		t.Fatal(err)
	}
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			out["alert "+r.Alert] = r.Expr
			if r.Annotations["summary"] == "" || r.Annotations["do"] == "" {
				t.Errorf("%s does not say what is wrong and what to do", r.Alert)
			}
		}
	}
	if len(out) < 25 {
		t.Fatalf("only %d queries", len(out))
	}
	return out
}

// watchedServer runs a server with its metrics on loopback.
func watchedServer(t *testing.T) (site, admin, token string) {
	t.Helper()
	admin = freePort(t)
	site, out, _, _ := runServer(t, "--admin-listen", admin)
	return site, admin, out.wait(t, `--token ([0-9a-f]{64})\b`)
}

// TestQueriesAskForMetricsThatExist compares the names, labels and values in every query with a running server's.
func TestQueriesAskForMetricsThatExist(t *testing.T) {
	site, admin, _ := watchedServer(t)
	if resp, err := http.Get(site + "/api/config"); err == nil { // so that requests have been counted
		_ = resp.Body.Close()
	}
	resp, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]map[string]bool{} // of a metric: names, and name=value
	for name, f := range families {
		labels[name] = map[string]bool{"instance": true, "job": true, "job=conclave": true}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[name][l.GetName()], labels[name][l.GetName()+"="+l.GetValue()] = true, true
			}
		}
	}
	metric := regexp.MustCompile(`\b((?:conclave|process|go)_\w+?)(_bucket|_sum|_count)?\b(?:\{([^}]*)\})?`)
	matcher := regexp.MustCompile(`(\w+)(=~?)"([^"]*)"`)
	grouping := regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	for where, query := range queries(t) {
		used := map[string]bool{"le": strings.Contains(query, "_bucket")}
		for _, m := range metric.FindAllStringSubmatch(query, -1) {
			known, ok := labels[m[1]]
			if !ok {
				t.Errorf("%s: there is no metric %s", where, m[1])
				continue
			}
			maps.Copy(used, known)
			for _, l := range matcher.FindAllStringSubmatch(m[3], -1) {
				for value := range strings.SplitSeq(l[3], "|") {
					if value != ".*" && !known[l[1]+"="+value] {
						t.Errorf("%s: %s has no %s=%q", where, m[1], l[1], value)
					}
				}
			}
		}
		for _, m := range grouping.FindAllStringSubmatch(query, -1) {
			for name := range strings.SplitSeq(m[1], ",") {
				if !used[strings.TrimSpace(name)] {
					t.Errorf("%s: no metric has the label %s", where, name)
				}
			}
		}
	}
}

// TestQueriesAnswerUnderLoad asks a real Prometheus every query while bots meet. It needs Debian's prometheus and half
// a minute: `bash .ci/run observability`.
func TestQueriesAnswerUnderLoad(t *testing.T) {
	if os.Getenv("CONCLAVE_TEST_OBSERVABILITY") == "" {
		t.Skip("CONCLAVE_TEST_OBSERVABILITY is not set")
	}
	site, admin, token := watchedServer(t)
	dir := t.TempDir()
	file, err := os.ReadFile(observability + "prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("15s", "1s", "127.0.0.1:9180", admin, "alerts.yml", dir+"/alerts.yml").
		Replace(string(file))
	alerts, err := os.ReadFile(observability + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"prometheus.yml": changed, "alerts.yml": string(alerts)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	prometheus := exec.CommandContext(ctx, "prometheus", "--config.file="+dir+"/prometheus.yml",
		"--storage.tsdb.path="+dir+"/data", "--web.listen-address="+address, "--log.level=error")
	prometheus.Stderr = os.Stderr
	if err := prometheus.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = prometheus.Wait() }()
	code := run([]string{"bots", "--url", site, "--token", token, "--count", "3", "--duration", "15s"}, nil,
		console{io.Discard, os.Stderr})
	if code != 0 {
		t.Errorf("the bots ended with %d", code)
	}
	// What a quiet run has none of.
	empty := regexp.MustCompile(`^(alert .*|panel (Media failures|Not forwarded|Pictures withheld) .*)$`)
	for where, query := range queries(t) {
		n, err := ask(t, address, query)
		if err != nil || n == 0 && !empty.MatchString(where) {
			t.Errorf("%s: %d results, %v\n%s", where, n, err, query)
		}
	}
	for _, alert := range []string{"ConclaveDown", "ConclavePanic"} {
		if n, err := ask(t, address, `ALERTS{alertname="`+alert+`"}`); n != 0 || err != nil {
			t.Errorf("%s: %d %v", alert, n, err)
		}
	}
}

// ask returns how many series answer a query.
func ask(t *testing.T, address, query string) (int, error) {
	t.Helper()
	var answer struct {
		Status, Error string
		Data          struct{ Result []any }
	}
	for range 100 { // until Prometheus listens
		resp, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		err = json.NewDecoder(resp.Body).Decode(&answer)
		_ = resp.Body.Close()
		if err == nil && answer.Status != "success" {
			err = fmt.Errorf("%s", answer.Error)
		}
		return len(answer.Data.Result), err
	}
	return 0, fmt.Errorf("no answer")
}
