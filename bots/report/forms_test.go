package report

import (
	"encoding/csv"
	"encoding/xml"
	"strings"
	"testing"

	"conclave/bots/measure"
)

func TestCISeesEachThresholdAsATest(t *testing.T) {
	r := good()
	r.Scenario = `Webinar, 1 to "300" & more`
	r.Total.ArrivedVideo, r.Generator.SocketDrops = 5, 7
	if err := r.Judge(Conditions{Thresholds: []string{"loss<0.1%", "join.p99<2s"}}); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := r.WriteJUnit(&text); err != nil {
		t.Fatal(err)
	}
	var suite junitSuite
	if err := xml.Unmarshal([]byte(text.String()), &suite); err != nil {
		t.Fatalf("%v: %s", err, text.String())
	}
	if suite.Name != r.Scenario || suite.Tests != len(r.Limits)+2 || suite.Failures != 2 || suite.Errors != 1 ||
		len(suite.Cases) != suite.Tests {
		t.Errorf("%+v", suite)
	}
	for _, c := range suite.Cases {
		failed, broken := c.Failure != nil, c.Error != nil
		if failed != (c.Name == "threshold loss<0.1%" || c.Name == "delivery") || broken != (c.Name == "machine") {
			t.Errorf("%s: failure %v, error %v", c.Name, c.Failure, c.Error)
		}
		if c.Name == "delivery" && failed && c.Failure.Message != "1 of 6 video streams did not arrive" {
			t.Errorf("%+v", c.Failure)
		}
	}
	if err := r.WriteJUnit(brokenWriter{}); err == nil {
		t.Error("a report that could not be written was")
	}
}

func TestAllWellIsNoFailureOfAnyTest(t *testing.T) {
	r := good()
	if err := r.Judge(Conditions{}); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := r.WriteJUnit(&text); err != nil || strings.Contains(text.String(), "<failure") ||
		strings.Contains(text.String(), "<error") ||
		!strings.Contains(text.String(), `name="bots"`) {
		t.Errorf("%v: %s", err, text.String())
	}
}

func TestCSVHasALineForEachBot(t *testing.T) {
	r := good()
	r.Bots = []Bot{
		{
			Bot: 1, Meeting: 2, Role: "listener", Sample: 32, JoinMS: map[string]float64{"total": 230.5},
			Traffic:    Traffic{Expected: 100, LostBefore: 3, LostAfter: 1, ReceivedPackets: 97, Freezes: 2, FreezeMS: 400},
			AudioDelay: measure.Quantiles{Count: 1, P50: 2, P99: 4},
		},
		{Bot: 2, Error: `join: refused, "later"`},
	}
	var text strings.Builder
	if err := r.WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(text.String())).ReadAll()
	if err != nil || len(lines) != 3 {
		t.Fatalf("%v: %s", err, text.String())
	}
	get := func(line int, column string) string {
		for i, name := range lines[0] {
			if name == column {
				return lines[line][i]
			}
		}
		t.Errorf("no column %s", column)
		return ""
	}
	for column, want := range map[string]string{
		"bot": "1", "sample": "32", "meeting": "2", "role": "listener", "join_ms": "230.500", "expected_packets": "100",
		"lost_before_rtx": "3",
		"lost_after_rtx":  "1", "received_packets": "97", "freezes": "2", "freeze_ms": "400.000",
		"audio_delay_p99_ms": "4.000",
		"video_delay_p99_ms": "", "first_rtp_ms": "",
	} {
		if got := get(1, column); got != want {
			t.Errorf("%s: %q, want %q", column, got, want)
		}
	}
	if get(2, "error") != `join: refused, "later"` || get(2, "join_ms") != "" {
		t.Errorf("%q", lines[2])
	}
	if err := r.WriteCSV(brokenWriter{}); err == nil {
		t.Error("a report that could not be written was")
	}
}
