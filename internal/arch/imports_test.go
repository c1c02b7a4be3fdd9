package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "conclave"

// rule says what one package of ours, with its sub-packages, may import of the others. A package is named by its path
// below the module. The longest matching name wins, so that a sub-package may have a rule of its own.
type rule struct {
	imports []string // "*" is everything
	inTests []string // further imports of its _test.go files
	why     string
}

// rules is the map of docs/architecture.md. A package that is missing here fails the test: put it on the map first.
// The rooms of the engine have rules of their own, and so have its leaves.
var rules = withLeaves(map[string]rule{
	"media": {why: "words that the engine, the meeting and the wire share"},
	"sfu": {imports: slices.Concat([]string{"media", "sfu/forward", "sfu/transport", "sfu/sdp"}, leaves),
		inTests: []string{"sfu/wiretest"},
		why:     "the engine knows participants as numbers and decides nothing about who may do what"},
	"sfu/forward": {imports: slices.Concat([]string{"media", "sfu/transport"}, leaves), inTests: []string{"sfu/wiretest"},
		why: "the packet path knows tracks and slots, no room and no offer"},
	"sfu/transport": {imports: leaves, why: "datagrams and keys: no track and no slot"},
	"sfu/sdp":       {imports: slices.Concat([]string{"media"}, leaves), why: "offers and answers are text: no socket, no track"},
	"sfu/wiretest":  {imports: slices.Concat([]string{"sfu/transport"}, leaves), why: "the other end of the wire, for tests"},
	"reach": {imports: slices.Concat([]string{"sfu/stream"}, leaves), inTests: []string{"sfu", "media", "sfu/wiretest"},
		why: "streams end in the engine; who may relay is told it"},
	"meeting":             {imports: []string{"meeting/grouplog", "sfu", "media", "protocol"}, why: "meetings decide, the sfu obeys"},
	"meeting/grouplog":    {imports: []string{"protocol"}, inTests: []string{"e2ee/mls"}, why: "the log of a group: no seat, no socket, no key but its own"},
	"auth":                {why: "signing in knows no meeting"},
	"audit":               {why: "the log knows events as text; those who act tell it"},
	"handover":            {why: "it carries bytes and connections between two versions, and knows neither meeting nor session"},
	"config":              {imports: []string{"internal/nearest"}, why: "configuration is plain data"},
	"deploy":              {why: "files to install"},
	"cmd/conclave/doctor": {why: "checks know the machine, not the server"},
	"static":              {why: "the web client talks the public protocol only"},
	"e2ee/mls":            {why: "MLS, RFC 9420: a protocol that knows nothing of meetings"},
	"e2ee/sframe":         {why: "frames and their keys: no group, no meeting"},
	"e2ee/group": {imports: []string{"e2ee/mls", "e2ee/sframe"},
		why: "who is in the meeting: it knows the server's messages as values, and no socket"},
	"signaling": {imports: []string{
		"auth", "meeting", "sfu", "media", "protocol"}, why: "joins sign-in, meetings and sockets"},
	"protocol": {imports: []string{"media"}, why: "pure wire types, shared with bots"},
	"bots": {imports: []string{"bots/client", "bots/clip", "bots/measure", "bots/path", "bots/wire",
		"bots/publish", "bots/receive", "bots/report", "bots/scenario", "bots/speech", "media", "protocol", "e2ee/group"},
		inTests: []string{"*"},
		why:     "a bot is a client of the public protocol, like the browser; its tests may start the server"},
	"bots/client": {imports: []string{
		"bots/clip", "bots/measure", "bots/network", "bots/path", "bots/payload", "bots/publish", "bots/receive",
		"bots/wire",
		"media", "protocol", "e2ee/group", "e2ee/sframe"}, why: "one bot knows neither the run nor the report"},
	"bots/publish": {imports: []string{
		"bots/clip", "bots/measure", "bots/payload", "bots/wire", "media", "protocol", "e2ee/sframe"},
		why: "what a bot sends knows no client and no receiver"},
	"bots/receive": {imports: []string{
		"bots/measure", "bots/payload", "bots/wire", "media", "protocol", "e2ee/group", "e2ee/sframe"},
		why: "what a bot receives knows no client and no publisher"},
	"bots/report": {imports: []string{"bots/measure", "bots/publish", "bots/receive", "media", "protocol"},
		why: "a report is values: it starts nothing"},
	"bots/agent": {imports: []string{"bots", "bots/measure", "bots/report", "bots/scenario", "media", "protocol"},
		why: "several processes share a run: they start it and add reports up"},
	"bots/capacity": {imports: []string{"bots/measure", "bots/report", "media", "protocol"}, why: "a search runs nothing itself"},
	"bots/compare":  {imports: []string{"bots/measure", "bots/report", "media", "protocol"}, why: "reports are compared, not made"},
	"bots/html": {imports: []string{"bots/measure", "bots/receive", "bots/report", "media", "protocol"},
		why: "a page is made of a report"},
	"bots/clip":     {imports: []string{"bots/payload", "e2ee/sframe"}, why: "what bots play"},
	"bots/payload":  {imports: []string{"media", "protocol", "e2ee/sframe"}, why: "bytes inside a packet, pure"},
	"bots/measure":  {why: "instruments know nothing of what they measure"},
	"bots/scenario": {imports: []string{"bots/network", "internal/nearest", "media", "protocol"}, why: "a file is read, not run"},
	"bots/speech":   {why: "who speaks when: no sound, no bot"},
	"bots/network":  {why: "conditions of a network know no bot"},
	"bots/path":     {why: "ICE and DTLS know no media"},
	"bots/wire":     {imports: []string{"bots/network"}, why: "a socket, on a network that may be bad"},
	"cmd":           {imports: []string{"*"}, why: "wires everything"},
	"cmd/bench/measure": {imports: slices.Concat([]string{"cmd/bench/child", "cmd/bench/figures", "cmd/bench/netlab",
		"cmd/bench/process",
		"bots", "bots/measure", "bots/report", "media", "sfu"}, leaves), why: "what measures the engine needs no narrow link"},
	"cmd/bench/link": {imports: []string{"cmd/bench/child", "cmd/bench/figures", "cmd/bench/netlab", "cmd/bench/process",
		"bots", "bots/receive", "bots/report", "media", "sfu"}, why: "what measures a narrow link needs none of the other measurements"},
	"cmd/bench/child": {imports: []string{
		"cmd/bench/bare", "cmd/bench/naive", "bots", "bots/report", "bots/wire", "auth", "media", "meeting",
		"protocol", "sfu", "sfu/batch", "signaling", "static"}, why: "a child does not know what is measured"},
	"cmd/bench/bare":    {imports: []string{"media", "meeting", "sfu"}, why: "an engine to compare with"},
	"cmd/bench/naive":   {imports: []string{"media", "meeting", "sfu"}, why: "an engine to compare with"},
	"cmd/bench/figures": {why: "statistics and tables"},
	"cmd/bench/line": {imports: []string{"bots/network", "cmd/bench/figures"},
		why: "carries packets as bots/network decides"},
	"cmd/bench/netlab":  {imports: []string{"bots/network", "cmd/bench/line"}, why: "namespaces and links"},
	"cmd/release":       {why: "makes artefacts of the server, and is no part of it"},
	"cmd/bench/process": {why: "reads processes from outside"},
	"internal/arch":     {why: "tests only"},
	"internal/nearest":  {why: "a name that was meant: words only"},
	"tests/attack":      {why: "an attacker knows the public protocol and the wire; the tests run against any build"},
})

// leaves compute or wrap one system call each: they know no track, no connection and no room.
var leaves = []string{
	"sfu/allocation", "sfu/audiorank", "sfu/batch", "sfu/bwe", "sfu/codec", "sfu/drop", "sfu/history", "sfu/machine",
	"sfu/nack", "sfu/overload", "sfu/quality", "sfu/rewrite",
	"sfu/rtcpview", "sfu/rtpview", "sfu/sframe", "sfu/stream", "sfu/ticker", "sfu/transport/srtp", "sfu/transport/stun",
}

func withLeaves(rules map[string]rule) map[string]rule {
	for _, leaf := range leaves {
		rules[leaf] = rule{imports: slices.Concat([]string{"media"}, leaves), why: "a leaf knows nothing but other leaves"}
	}
	return rules
}

func ruleFor(pkg string) (name string, r rule, ok bool) {
	for p := pkg; p != "."; p = path.Dir(p) {
		if r, ok := rules[p]; ok {
			return p, r, true
		}
	}
	return "", rule{}, false
}

func allowed(list []string, own, target string) bool {
	return target == own || slices.Contains(list, "*") || slices.Contains(list, target)
}

func TestImportRules(t *testing.T) {
	root := repoRoot(t)
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(d.Name())
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		own, r, ok := ruleFor(pkg)
		if !ok {
			t.Errorf("%s: package %s is not on the map: add it to rules and to docs/architecture.md", rel, pkg)
			return nil
		}
		seen[own] = true
		checkFile(t, file, rel, own, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 2 {
		t.Fatalf("looked at %d packages only: the walk is broken", len(seen))
	}
}

func checkFile(t *testing.T, file, rel, own string, r rule) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Errorf("%s: %v", rel, err)
		return
	}
	list := r.imports
	if strings.HasSuffix(rel, "_test.go") {
		list = slices.Concat(list, r.inTests)
	}
	for _, imp := range f.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Errorf("%s: %v", rel, err)
			continue
		}
		ours, ok := strings.CutPrefix(p, module+"/")
		if !ok {
			continue
		}
		target, _, ok := ruleFor(ours)
		if !ok || !allowed(list, own, target) {
			t.Errorf("%s: %s must not import %s (%s)", rel, own, ours, r.why)
		}
	}
}

func TestImportRulesRefuseWhatTheyShould(t *testing.T) {
	cases := []struct {
		from, to string
		want     bool
	}{
		{"sfu", "meeting", false},
		{"sfu/internal/rtp", "auth", false},
		{"sfu", "sfu/internal/rtp", true},
		{"meeting", "sfu", true},
		{"meeting", "e2ee/group", false},
		{"meeting", "protocol", true},
		{"signaling", "protocol", true},
		{"protocol", "signaling", false},
		{"media", "sfu", false},
		{"protocol", "media", true},
		{"sfu", "protocol", false},
		{"meeting", "audit", false},
		{"auth", "audit", false},
		{"sfu", "sfu/sdp", true},
		{"sfu/sdp", "sfu/codec", true},
		{"sfu/sdp", "sfu", false},
		{"sfu/codec", "sfu/sdp", false},
		{"sfu", "sfu/transport", true},
		{"sfu", "sfu/forward", true},
		{"sfu", "sfu/wiretest", false},
		{"sfu/forward", "sfu/transport", true},
		{"sfu/forward", "sfu", false},
		{"sfu/forward", "sfu/sdp", false},
		{"sfu/transport", "sfu/forward", false},
		{"sfu/transport", "sfu", false},
		{"sfu/transport", "media", false},
		{"sfu/transport/srtp", "sfu/transport", false},
		{"sfu/codec", "sfu", false},
		{"sfu/bwe", "sfu/allocation", true},
		{"bots", "signaling", false},
		{"bots", "sfu", false},
		{"bots", "bots/client", true},
		{"bots/client", "protocol", true},
		{"bots/client", "bots", false},
		{"bots/client", "bots/report", false},
		{"bots/publish", "bots/receive", false},
		{"bots/receive", "bots/client", false},
		{"bots/report", "bots/client", false},
		{"bots/wire", "protocol", false},
		{"cmd/bench/child", "cmd/bench/measure", false},
		{"cmd/bench/link", "cmd/bench/measure", false},
		{"cmd/bench", "cmd/bench/measure", true},
		{"cmd/conclave", "auth", true},
	}
	for _, c := range cases {
		own, r, ok := ruleFor(c.from)
		if !ok {
			t.Fatalf("no rule for %s", c.from)
		}
		target, _, _ := ruleFor(c.to)
		if got := allowed(r.imports, own, target); got != c.want {
			t.Errorf("%s -> %s: allowed = %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
