package audit

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed statement about the log: a C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint) with extension
// lines. Any verifier of signed notes checks it; ours reads the extensions too.
type Checkpoint struct {
	Origin string // the name of the log
	Size   int64  // records
	Root   tlog.Hash
	Time   time.Time // by the server's clock
	// Oldest is the first record whose data is still kept. Retention deletes what is before it.
	Oldest int64
	// Key is set where a segment begins: the verifier key of all checkpoints up to and including the next such one,
	// which both keys sign.
	Key string
	// Edge are the subtrees of the tree, where a segment begins (see edge).
	Edge []tlog.Hash
	// Leaves are the hashes of the records since the checkpoint before: Size-len(Leaves) to Size-1. They let a copy of
	// the checkpoints name the very record that was changed.
	Leaves []tlog.Hash

	signed []byte // the note as it was signed
}

// maxLeaves bounds the leaves of one checkpoint. A signed note has at most a million bytes.
const maxLeaves = 1000

// from is the number of the first record that c adds.
func (c *Checkpoint) from() int64 { return c.Size - int64(len(c.Leaves)) }

// text is what is signed.
func (c *Checkpoint) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n%s\ntime %s\noldest %d\n",
		c.Origin, c.Size, c.Root, c.Time.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano), c.Oldest)
	if c.Key != "" {
		fmt.Fprintf(&b, "key %s\n", c.Key)
	}
	for _, h := range c.Edge {
		fmt.Fprintf(&b, "edge %s\n", h)
	}
	for _, h := range c.Leaves {
		fmt.Fprintf(&b, "leaf %s\n", h)
	}
	return b.String()
}

// sign signs c.
func (c *Checkpoint) sign(signers ...note.Signer) (err error) {
	c.signed, err = note.Sign(&note.Note{Text: c.text()}, signers...)
	if err != nil {
		return fmt.Errorf("audit: signing a checkpoint: %w", err)
	}
	return nil
}

// verify checks that each of the verifier keys has signed c.
func (c *Checkpoint) verify(keys ...string) error {
	for _, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return fmt.Errorf("audit: verifier key: %w", err)
		}
		if _, err := note.Open(c.signed, note.VerifierList(v)); err != nil {
			return fmt.Errorf("audit: checkpoint of %d records: %w", c.Size, err)
		}
	}
	return nil
}

// Note is the signed note.
func (c *Checkpoint) Note() []byte { return c.signed }

// Line is the form in which checkpoints are kept and leave the machine: one JSON object on one line,
// {"checkpoint": "the signed note"}.
func (c *Checkpoint) Line() []byte {
	b, err := json.Marshal(checkpointLine{string(c.signed)})
	if err != nil {
		panic("audit: a string that does not marshal") // our bug
	}
	return append(b, '\n')
}

type checkpointLine struct {
	Checkpoint string `json:"checkpoint"`
}

// ParseCheckpoint reads a line that Line made, or a bare signed note. It checks the form, not the signatures.
func ParseCheckpoint(data []byte) (*Checkpoint, error) {
	signed := string(data)
	if strings.HasPrefix(signed, "{") {
		var line checkpointLine
		if err := json.Unmarshal(data, &line); err != nil {
			return nil, fmt.Errorf("audit: a checkpoint: %w", err)
		}
		signed = line.Checkpoint
	}
	if !utf8.ValidString(signed) { // as of every signed note; JSON could not carry it
		return nil, errors.New("audit: not a signed checkpoint")
	}
	text, _, ok := strings.Cut(signed, "\n\n")
	lines := strings.Split(text, "\n")
	if !ok || len(lines) < 5 {
		return nil, errors.New("audit: not a signed checkpoint")
	}
	c := &Checkpoint{Origin: lines[0], signed: []byte(signed)}
	var err error
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 {
		return nil, errors.New("audit: a checkpoint without a size")
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return nil, errors.New("audit: a checkpoint without a root hash")
	}
	for _, line := range lines[3:] {
		if err := c.extension(line); err != nil {
			return nil, err
		}
	}
	if c.text() != text+"\n" || c.from() < 0 {
		return nil, errors.New("audit: a checkpoint that is not in canonical form")
	}
	return c, nil
}

func (c *Checkpoint) extension(line string) (err error) {
	name, value, _ := strings.Cut(line, " ")
	switch name {
	case "time":
		c.Time, err = time.Parse(time.RFC3339Nano, value)
	case "oldest":
		c.Oldest, err = strconv.ParseInt(value, 10, 64)
	case "key":
		c.Key = value
	case "edge":
		c.Edge, err = appendHash(c.Edge, value)
	case "leaf":
		c.Leaves, err = appendHash(c.Leaves, value)
	default:
		err = fmt.Errorf("unknown line %q", name)
	}
	if err != nil {
		return fmt.Errorf("audit: a checkpoint: %w", err)
	}
	return nil
}

func appendHash(list []tlog.Hash, text string) ([]tlog.Hash, error) {
	var h tlog.Hash
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != len(h) {
		return nil, errors.New("not a hash")
	}
	copy(h[:], b)
	return append(list, h), nil
}
