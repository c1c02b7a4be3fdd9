package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/audit"
	"conclave/auth"
)

// command runs a command line and returns its exit status and what it printed.
func command(args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = run(args, nil, console{&o, &e})
	return status, o.String(), e.String()
}

// keygen makes a key pair with the command and returns the identity's file and the recipient.
func keygen(t testing.TB) (identity, recipient string) {
	t.Helper()
	identity = filepath.Join(t.TempDir(), "identity.txt")
	status, out, errs := command("audit", "keygen", "-o", identity)
	if status != 0 {
		t.Fatal(errs)
	}
	if info, err := os.Stat(identity); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if status, _, _ := command("audit", "keygen", "-o", identity); status == 0 {
		t.Fatal("an identity was overwritten")
	}
	return identity, strings.TrimSpace(out)
}

// auditedLog is a log of 40 events with its checkpoints, as a server leaves it.
type auditedLog struct{ dir, key, checkpoints, identity string }

func makeAuditedLog(t *testing.T) auditedLog {
	t.Helper()
	identity, recipient := keygen(t)
	l := auditedLog{dir: t.TempDir(), checkpoints: filepath.Join(t.TempDir(), "checkpoints.jsonl"), identity: identity}
	a := auditing{AuditDir: l.dir, AuditRecipients: []string{recipient}, AuditCheckpoints: l.checkpoints}
	o, err := a.options(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	o.CheckpointEvents = 10
	log, err := audit.OpenLog(o)
	if err != nil {
		t.Fatal(err)
	}
	for range 39 {
		if err := log.Record(t.Context(), exportEvent(0, -1)); err != nil {
			t.Fatal(err)
		}
	}
	l.key = log.Health().FirstKey
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l auditedLog) verify(more ...string) (status int, out, errs string) {
	return command(append([]string{"audit", "verify", "--audit-dir", l.dir, "--key", l.key}, more...)...)
}

// file is the path of the log's only segment.
func (l auditedLog) file(suffix string) string { return filepath.Join(l.dir, "000000000000000"+suffix) }

func TestAuditVerifySaysWhichRecordFails(t *testing.T) {
	l := makeAuditedLog(t)
	status, out, errs := l.verify("--checkpoints", l.checkpoints)
	if status != 0 || !strings.Contains(out, "40 records") || !strings.Contains(out, "vouch for records 0 to 39") {
		t.Fatal(status, out, errs)
	}
	if _, out, _ := l.verify(); !strings.Contains(out, "Without --checkpoints") {
		t.Error(out)
	}
	records, err := os.ReadFile(l.file(".records"))
	if err != nil {
		t.Fatal(err)
	}
	size := len(records) / 40 // one event each, all of one length
	spoil := func(name, want string, change func(b []byte) []byte) {
		t.Helper()
		if err := os.WriteFile(l.file(".records"), change(bytes.Clone(records)), 0o600); err != nil {
			t.Fatal(err)
		}
		status, _, errs := l.verify()
		if status != 1 || !strings.Contains(errs, "NOT VERIFIED: record "+want+":") {
			t.Errorf("%s: exit status %d, %s", name, status, errs)
		}
	}
	spoil("changed", "17", func(b []byte) []byte { b[17*size+size/2] ^= 1; return b })
	spoil("dropped", "17", func(b []byte) []byte { return append(b[:17*size], b[18*size:]...) })
	spoil("truncated", "17", func(b []byte) []byte { return b[:17*size] })
	spoil("torn", "17", func(b []byte) []byte { return b[:17*size+9] })
	spoil("swapped", "17", func(b []byte) []byte {
		return append(append(append(append(bytes.Clone(b[:17*size]), b[20*size:21*size]...), b[18*size:20*size]...),
			b[17*size:18*size]...), b[21*size:]...)
	})
}

func TestAuditDecryptShowsWhatHappened(t *testing.T) {
	l := makeAuditedLog(t)
	args := []string{"audit", "decrypt", "--audit-dir", l.dir, "-i", l.identity, "--from", "3", "--to", "5"}
	status, out, errs := command(args...)
	if status != 0 || strings.Count(out, "\n") != 2 {
		t.Fatal(status, out, errs)
	}
	var line decrypted
	if err := json.Unmarshal([]byte(strings.SplitAfter(out, "\n")[0]), &line); err != nil {
		t.Fatal(err)
	}
	if line.Record != 3 || line.Event.Kind != audit.AuditExported || line.Event.Actor != "operator" {
		t.Errorf("%+v", line)
	}
	other, _ := keygen(t)
	if status, out, _ := command("audit", "decrypt", "--audit-dir", l.dir, "-i", other); status == 0 || out != "" {
		t.Error("a stranger's identity reads the log")
	}
}

// TestExportOpensWithTheAgeTool opens exported records with age itself, and checks each without the log.
func TestExportOpensWithTheAgeTool(t *testing.T) {
	l := makeAuditedLog(t)
	export := filepath.Join(t.TempDir(), "export")
	_, recipient := keygen(t)
	args := []string{
		"audit", "export", "--audit-dir", l.dir, "--audit-recipients", recipient, "--out", export, "--from", "5", "--to", "8",
	}
	status, out, errs := command(args...)
	if status != 0 || !strings.Contains(out, "3 records") {
		t.Fatal(status, out, errs)
	}
	if status, _, _ := command(args...); status == 0 {
		t.Error("an export was overwritten")
	}
	tools := [][]string{{"go", "tool", "age"}}
	if path, err := exec.LookPath("age"); err == nil { // the one of the system, if there is one
		tools = append(tools, []string{path})
	}
	for _, tool := range tools {
		for _, name := range []string{"5.age", "6.age", "7.age"} {
			args := slices.Concat(tool[1:], []string{"-d", "-i", l.identity, filepath.Join(export, name)})
			plain, err := exec.Command(tool[0], args...).Output() //nolint:gosec // of the list above
			if err != nil {
				t.Fatalf("%v: %v", tool, err)
			}
			if e, err := audit.ParseEvent(bytes.TrimRight(plain, "\n")); err != nil || e.Kind != audit.AuditExported {
				t.Errorf("%s: %q, %v", name, plain, err)
			}
		}
	}
	in := func(name string) string { return filepath.Join(export, name) }
	check := func(record string) (int, string, string) {
		return command("audit", "verify", "--key", l.key, "--keys", in("keys.jsonl"), "--proof", in("6.proof"),
			"--record", in(record))
	}
	if status, out, errs := check("6.age"); status != 0 || !strings.Contains(out, "record 6 of log") {
		t.Error(status, out, errs)
	}
	if status, _, errs := check("7.age"); status != 1 || !strings.Contains(errs, "NOT VERIFIED: record 6:") {
		t.Error(status, errs)
	}
	status, proof, errs := command("audit", "prove", "--audit-dir", l.dir, "6")
	if status != 0 || !strings.HasPrefix(proof, "c2sp.org/tlog-proof@v1\nindex 6\n") {
		t.Error(status, proof, errs)
	}
	if status, _, _ := command("audit", "prove", "--audit-dir", l.dir, "600"); status == 0 {
		t.Error("a record was proved that does not exist")
	}
}

// TestWithoutAuditNotOneByteIsWritten runs a server with every option of the audit log but the one that turns it on.
func TestWithoutAuditNotOneByteIsWritten(t *testing.T) {
	_, recipient := keygen(t)
	home := t.TempDir()
	dir, checkpoints := filepath.Join(home, "audit"), filepath.Join(home, "checkpoints.jsonl")
	url, out, _, stop := runServer(t, "--data-dir", home, "--audit-dir", dir, "--audit-checkpoints", checkpoints,
		"--audit-recipients", recipient, "--audit-webhook", "https://127.0.0.1:1/")
	resp, err := http.Post(url+"/api/auth/code", "application/json", strings.NewReader(`{"email":"ana@example.org"}`))
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	if err := stop(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(home)
	if err != nil || len(entries) != 0 {
		t.Error("something was written:", entries, err)
	}
	if strings.Contains(out.String(), "checkpoint") {
		t.Error(out.String())
	}
}

func TestAuditedServerRefusesToStartUnreadable(t *testing.T) {
	_, recipient := keygen(t)
	for want, args := range map[string][]string{
		"audit_recipients": {},
		"malformed":        {"--audit-recipients", "age1nonsense"},
		"audit_webhook":    {"--audit-recipients", recipient, "--audit-webhook", "http://example.org/secret"},
		"audit_retention":  {"--audit-recipients", recipient, "--audit-retention=-1s"},
	} {
		cfg := parseConfig(t, append([]string{"--audit", "--audit-dir", t.TempDir()}, args...)...)
		err := serve(t.Context(), cfg, console{io.Discard, io.Discard}, "", nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// TestAuditedServerKeepsItsLogOverRestarts runs a server twice on one log, exports while it runs, and lets no second
// server write.
func TestAuditedServerKeepsItsLogOverRestarts(t *testing.T) {
	identity, recipient := keygen(t)
	dir := filepath.Join(t.TempDir(), "audit")
	admin := freePort(t)
	args := []string{"--audit", "--audit-dir", dir, "--audit-recipients", recipient, "--admin-listen", admin}
	var key string
	for round := range 2 {
		_, out, _, stop := runServer(t, args...)
		again := out.wait(t, `audit +\S+ +\(keep this key elsewhere: (\S+)\)`)
		if round > 0 && again != key {
			t.Error("the log has another key:", again, key)
		}
		key = again
		cfg := parseConfig(t, append(args, "--listen", "127.0.0.1:0")...)
		if err := serve(t.Context(), cfg, console{io.Discard, io.Discard}, "", nil); !errors.Is(err, audit.ErrLocked) {
			t.Error("a second server:", err)
		}
		export := filepath.Join(t.TempDir(), "export")
		status, _, errs := command("audit", "export", "--audit-dir", dir, "--audit-recipients", recipient,
			"--admin-listen", admin, "--out", export)
		if status != 0 {
			t.Error(errs)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		checkpoints := filepath.Join(t.TempDir(), "collected")
		lines := regexp.MustCompile(`(?m)^{"checkpoint".*$`).FindAllString(out.String(), -1)
		if err := os.WriteFile(checkpoints, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		status, report, errs := command("audit", "verify", "--audit-dir", dir, "--key", key, "--checkpoints", checkpoints)
		if status != 0 || !strings.Contains(report, "vouch") {
			t.Error(report, errs)
		}
	}
	_, out, _ := command("audit", "decrypt", "--audit-dir", dir, "-i", identity)
	var kinds []string
	for _, m := range regexp.MustCompile(`"kind":"(\w+)"`).FindAllStringSubmatch(out, -1) {
		kinds = append(kinds, m[1])
	}
	const once = "log_opened configuration audit_exported"
	if got := strings.Join(kinds, " "); got != once+" "+once {
		t.Error(got)
	}
}

// TestReadinessFollowsTheAuditLog: a log that cannot be written makes the server not ready; checkpoints that do not
// leave the machine are a warning to the operator.
func TestReadinessFollowsTheAuditLog(t *testing.T) {
	state := audit.Health{}
	h := &health{mail: func() auth.MailHealth { return auth.MailHealth{} }, audit: func() audit.Health { return state }}
	check := func(want int, detail, when string) {
		t.Helper()
		got := serveOne(http.HandlerFunc(h.ready), "GET", "/readyz")
		if got.Code != want || strings.Contains(got.Body.String(), "audit") {
			t.Errorf("public: %d %s", got.Code, got.Body)
		}
		got = serveOne(http.HandlerFunc(h.detail), "GET", "/readyz")
		if got.Code != want || !strings.Contains(got.Body.String(), detail) {
			t.Errorf("%s: %d %s", when, got.Code, got.Body)
		}
	}
	check(200, `"audit":"ok"`, "well")
	state.Failing = []string{"webhook"}
	check(200, `"audit":"unpublished"`, "sink")
	state.Err = context.DeadlineExceeded
	check(503, `"audit":"failing"`, "disk")
}

// TestFullDiskRefusesSignIn fills the disk of the log under a running server: it is not ready and signs nobody in,
// until there is room again.
func TestFullDiskRefusesSignIn(t *testing.T) {
	if os.Getuid() != 0 {
		skipUnlessCI(t, "mounting a small file system needs root")
	}
	dir := t.TempDir()
	mount := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", dir)
	if out, err := mount.CombinedOutput(); err != nil {
		skipUnlessCI(t, "no file system can be mounted here: "+string(out))
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	identity, recipient := keygen(t)
	url, _, _, stop := runServer(t, "--audit", "--audit-dir", dir, "--audit-recipients", recipient)
	ask := func(address string) int {
		t.Helper()
		body := strings.NewReader(`{"email":"` + address + `"}`)
		resp, err := http.Post(url+"/api/auth/code", "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	ready := func() int {
		t.Helper()
		resp, err := http.Get(url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	if got := ask("before@example.org"); got != 202 || ready() != 200 {
		t.Fatal(got)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	for i := 0; ask(fmt.Sprintf("full%d@example.org", i)) != 503; i++ { // what is left of the last page
		if i > 20 {
			t.Fatal("sign-ins are taken with a full disk")
		}
	}
	if got := ready(); got != 503 {
		t.Errorf("ready with a full disk: %d", got)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for i := 0; ready() != 200; i++ {
		if i > 300 {
			t.Fatal("it does not go on by itself")
		}
		time.Sleep(100 * time.Millisecond)
	}
	if got := ask("after@example.org"); got != 202 {
		t.Error(got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	_, out, errs := command("audit", "decrypt", "--audit-dir", dir, "-i", identity)
	for _, want := range []string{"before@example.org", "log_resumed", "after@example.org"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in the log: %s", want, errs)
		}
	}
}

// TestAuditedServerRecordsAMeeting has bots meet on an audited server. Who came and went is in the log, in order, and
// nothing of it can be read without the identity.
func TestAuditedServerRecordsAMeeting(t *testing.T) {
	identity, recipient := keygen(t)
	dir := filepath.Join(t.TempDir(), "audit")
	url, out, _, stop := runServer(t, "--audit", "--audit-dir", dir, "--audit-recipients", recipient)
	token := out.wait(t, `--token ([0-9a-f]{64})`)
	cmd := botsLoadCmd{
		botsTarget: botsTarget{URL: url, Token: token, Feedback: true, JoinTimeout: 20 * time.Second},
		Count:      3, Publishers: "all", View: "all", Height: 180, SlotsAudio: 2, SlotsVideo: 2,
		Profile: "normal", Duration: time.Second, Settle: 100 * time.Millisecond,
	}
	_ = cmd.Run(console{io.Discard, io.Discard}) // how well they heard each other is another test
	if err := stop(); err != nil {
		t.Error(err)
	}
	_, log, errs := command("audit", "decrypt", "--audit-dir", dir, "-i", identity)
	var kinds []string
	for line := range strings.Lines(log) {
		var d decrypted
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, string(d.Event.Kind))
	}
	story := strings.Join(kinds, " ")
	const pattern = `^log_opened configuration meeting_created encryption_state meeting_joined( meeting_joined){2}.*` +
		` meeting_ended$`
	if !regexp.MustCompile(pattern).MatchString(story) || strings.Contains(story, "share") {
		t.Errorf("%s\n%s", story, errs)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || bytes.Contains(b, []byte("meeting")) || bytes.Contains(b, []byte("bot 1")) {
			t.Errorf("%s can be read: %v", e.Name(), err)
		}
	}
}

// skipUnlessCI skips a test that this machine cannot run. In the CI such a test fails.
func skipUnlessCI(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}
