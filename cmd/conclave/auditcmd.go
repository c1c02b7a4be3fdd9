package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"conclave/audit"
)

// auditCmd groups what reads the audit log. Only export needs the server's machine; the rest works on copies.
type auditCmd struct {
	Keygen  auditKeygenCmd  `cmd:"" help:"Make a key pair for reading the log. Do it on a machine that is not the server."`
	Verify  auditVerifyCmd  `cmd:"" help:"Check a log or an exported record. Exit status 1 if it was changed."`
	Decrypt auditDecryptCmd `cmd:"" help:"Print the events of a log or of exported records as JSON lines."`
	Export  auditExportCmd  `cmd:"" help:"Write records as files for the age tool, with proofs. The export is recorded."`
	Prove   auditProveCmd   `cmd:"" help:"Print a proof that a record is in the log (c2sp.org/tlog-proof)."`
}

// auditDir is where the log is. It may be a copy.
type auditDir struct {
	ConfigFile string `name:"config" placeholder:"FILE" help:"Configuration file, instead of /etc/conclave/config.yaml."`
	AuditDir   string `name:"audit-dir" group:"Audit" placeholder:"DIR"`
}

type auditKeygenCmd struct {
	Output string `short:"o" placeholder:"FILE" help:"Write the identity to this new file. Default: print it."`
}

// Run makes an identity and prints its recipient.
func (cmd *auditKeygenCmd) Run(c console) error {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	text := fmt.Sprintf("# created: %s\n# recipient (goes into audit_recipients): %s\n%s\n",
		time.Now().UTC().Format(time.RFC3339), id.Recipient(), id)
	if cmd.Output == "" {
		return printf(c, "%s", text)
	}
	f, err := os.OpenFile(cmd.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("the identity: %w", err)
	}
	_, err = io.WriteString(f, text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("the identity: %w", err)
	}
	return printf(c, "%s\n", id.Recipient())
}

type auditVerifyCmd struct {
	auditDir
	Key         string   `required:"" placeholder:"KEY" help:"Verifier key the log began with, as the server prints it."`
	Checkpoints []string `placeholder:"FILE" type:"existingfile" help:"Checkpoints that left the machine, one a line."`
	Proof       string   `placeholder:"FILE" type:"existingfile" help:"Check this proof instead of a log."`
	Record      string   `placeholder:"FILE" type:"existingfile" help:"The exported record of --proof."`
	Keys        string   `placeholder:"FILE" type:"existingfile" help:"The keys.jsonl of the export of --proof."`
}

// Run checks a log or a proof.
func (cmd *auditVerifyCmd) Run(c console) error {
	if cmd.Proof != "" || cmd.Record != "" || cmd.Keys != "" {
		return cmd.proof(c)
	}
	outside, closeAll, err := openAll(cmd.Checkpoints)
	if err != nil {
		return err
	}
	defer closeAll()
	r, err := audit.Verify(cmd.AuditDir, cmd.Key, outside)
	if err != nil {
		return fmt.Errorf("NOT VERIFIED: %w", err)
	}
	if err := printf(c, "Verified: log %s, %d records, tree %s.\n", r.Name, r.Records, r.Root); err != nil {
		return err
	}
	for _, line := range remarks(r, len(cmd.Checkpoints) > 0) {
		if err := printf(c, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// remarks say what a verified log does not show.
func remarks(r *audit.Report, outside bool) (list []string) {
	if r.Oldest > 0 {
		list = append(list, fmt.Sprintf("Retention deleted the data of records 0 to %d; the tree has them.", r.Oldest-1))
	}
	if r.Signed < r.Records {
		list = append(list, fmt.Sprintf("Records %d to %d are not under a signed checkpoint yet.", r.Signed, r.Records-1))
	}
	if r.Torn > 0 {
		list = append(list, fmt.Sprintf("%d bytes at the end are an unfinished record. It was never acknowledged.", r.Torn))
	}
	if outside {
		return append(list, fmt.Sprintf("Checkpoints from outside vouch for records 0 to %d.", r.Outside-1))
	}
	return append(list, "Without --checkpoints this does not show whether the end was cut, or whether someone who had "+
		"the server wrote the present segment anew.")
}

func (cmd *auditVerifyCmd) proof(c console) error {
	if cmd.Proof == "" || cmd.Record == "" || cmd.Keys == "" {
		return errors.New("--proof, --record and --keys belong together")
	}
	proof, err := os.ReadFile(cmd.Proof)
	if err != nil {
		return fmt.Errorf("--proof: %w", err)
	}
	record, err := os.ReadFile(cmd.Record)
	if err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	chain, err := os.Open(cmd.Keys)
	if err != nil {
		return fmt.Errorf("--keys: %w", err)
	}
	defer func() { _ = chain.Close() }()
	keys, err := audit.FollowKeys(cmd.Key, chain)
	if err != nil {
		return fmt.Errorf("NOT VERIFIED: %w", err)
	}
	index, checkpoint, err := audit.CheckProof(proof, record, keys)
	if err != nil {
		return fmt.Errorf("NOT VERIFIED: %w", err)
	}
	return printf(c, "Verified: this is record %d of log %s, which had %d records on %s.\n",
		index, checkpoint.Origin, checkpoint.Size, checkpoint.Time.Format(time.RFC3339))
}

type auditDecryptCmd struct {
	auditDir
	Identity string   `short:"i" required:"" placeholder:"FILE" type:"existingfile" help:"Identity that reads the log."`
	From     int64    `default:"0" help:"First record."`
	To       int64    `default:"-1" help:"Record to stop before; -1 for none."`
	Files    []string `arg:"" optional:"" type:"existingfile" help:"Exported records (12.age). Default: the log."`
}

// decrypted is one line of what decrypt prints.
type decrypted struct {
	Record int64       `json:"record"`
	Event  audit.Event `json:"event"`
}

// Run prints events.
func (cmd *auditDecryptCmd) Run(c console) error {
	f, err := os.Open(cmd.Identity)
	if err != nil {
		return fmt.Errorf("--identity: %w", err)
	}
	defer func() { _ = f.Close() }()
	identities, err := age.ParseIdentities(f)
	if err != nil {
		return fmt.Errorf("--identity: %w", err)
	}
	out := bufio.NewWriter(c.out)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	show := func(index int64, ciphertext []byte) error {
		events, err := audit.Open(ciphertext, identities...)
		if err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
		for _, e := range events {
			if err := enc.Encode(decrypted{index, e}); err != nil {
				return fmt.Errorf("printing: %w", err)
			}
		}
		return nil
	}
	if len(cmd.Files) == 0 {
		err = audit.Records(cmd.AuditDir, cmd.From, cmd.To, show)
	} else {
		err = eachFile(cmd.Files, show)
	}
	return errors.Join(err, out.Flush())
}

// eachFile calls f with the content of each file. The number of a record is in its name.
func eachFile(files []string, f func(index int64, ciphertext []byte) error) error {
	for _, name := range files {
		b, err := os.ReadFile(name) //nolint:gosec // named on the command line
		if err != nil {
			return fmt.Errorf("reading a record: %w", err)
		}
		index, err := recordNumber(name)
		if err != nil {
			return err
		}
		if err := f(index, b); err != nil {
			return err
		}
	}
	return nil
}

type auditExportCmd struct {
	options
	Out  string `required:"" placeholder:"DIR" help:"New or empty directory for the files."`
	From int64  `default:"0" help:"First record."`
	To   int64  `default:"-1" help:"Record to stop before; -1 for none."`
}

// Run records the export, then writes the files.
func (cmd *auditExportCmd) Run(c console) error {
	if err := cmd.record(); err != nil {
		return fmt.Errorf("nothing was exported, because the export could not be recorded: %w", err)
	}
	n, err := audit.Export(cmd.Config.Auditing.AuditDir, cmd.From, cmd.To, cmd.Out)
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	return printf(c, "%d records are in %s. Open one: age -d -i IDENTITY %s/0.age\n", n, cmd.Out, cmd.Out)
}

// record writes to the log, or asks the server that has it to do so.
func (cmd *auditExportCmd) record() error {
	o, err := cmd.Config.Auditing.options(io.Discard)
	if err != nil {
		return err
	}
	o.Sinks = nil // the server publishes from where it left off
	log, err := audit.OpenLog(o)
	if errors.Is(err, audit.ErrLocked) {
		return cmd.askServer()
	}
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	err = log.Record(context.Background(), exportEvent(cmd.From, cmd.To))
	return errors.Join(err, log.Close())
}

func (cmd *auditExportCmd) askServer() error {
	if cmd.Config.AdminListen == "" {
		return errors.New("the server is running and has no admin_listen to be asked at: stop it, or set admin_listen")
	}
	query := url.Values{"from": {strconv.FormatInt(cmd.From, 10)}, "to": {strconv.FormatInt(cmd.To, 10)}}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	target := "http://" + cmd.Config.AdminListen + "/audit/export?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the server answered %s", resp.Status)
	}
	return nil
}

type auditProveCmd struct {
	auditDir
	Number int64 `arg:"" name:"record" help:"The record, counted from 0."`
}

// Run prints the proof.
func (cmd *auditProveCmd) Run(c console) error {
	proof, err := audit.Prove(cmd.AuditDir, cmd.Number)
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	return printf(c, "%s", proof)
}

// recordNumber reads 12 from a name such as export/12.age.
func recordNumber(name string) (int64, error) {
	base := strings.TrimSuffix(filepath.Base(name), ".age")
	n, err := strconv.ParseInt(base, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not named for its record, such as 12.age", name)
	}
	return n, nil
}

// openAll reads several files as one.
func openAll(names []string) (r io.Reader, closeAll func(), err error) {
	var files []*os.File
	closeAll = func() {
		for _, f := range files {
			_ = f.Close()
		}
	}
	var readers []io.Reader
	for _, name := range names {
		f, err := os.Open(name) //nolint:gosec // named on the command line
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("--checkpoints: %w", err)
		}
		files, readers = append(files, f), append(readers, f, strings.NewReader("\n"))
	}
	return io.MultiReader(readers...), closeAll, nil
}

func printf(c console, format string, args ...any) error { // any: fmt's
	if _, err := fmt.Fprintf(c.out, format, args...); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}
