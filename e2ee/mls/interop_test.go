package mls

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// peer is a child process that holds members written in another language, as interop.md describes.
type peer struct {
	in   io.WriteCloser
	out  *bufio.Scanner
	next int
}

// startPeer starts a program with Node. A path that is not absolute is below the root of the repository.
func startPeer(t *testing.T, script string, args ...string) *peer {
	t.Helper()
	if !filepath.IsAbs(script) {
		script = filepath.Join("..", "..", script)
	}
	if _, err := os.Stat(script); err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(node, append([]string{script}, args...)...)
	cmd.Stderr = os.Stderr
	p := &peer{}
	p.in = must(cmd.StdinPipe())(t)
	p.out = bufio.NewScanner(must(cmd.StdoutPipe())(t))
	p.out.Buffer(nil, 4<<20) // a Welcome of 512 KiB in hex, and more
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", script, err)
		}
	})
	return p
}

// ask sends one request and reads its answer.
func (p *peer) ask(request map[string]any) (*answer, error) {
	p.next++
	request["id"] = p.next
	line, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return nil, err
	}
	if !p.out.Scan() {
		return nil, fmt.Errorf("the peer has ended: %w", errors.Join(io.ErrUnexpectedEOF, p.out.Err()))
	}
	var a answer
	if err := json.Unmarshal(p.out.Bytes(), &a); err != nil {
		return nil, fmt.Errorf("%q: %w", p.out.Text(), err)
	}
	if a.ID != p.next {
		return nil, fmt.Errorf("answer %d to request %d", a.ID, p.next)
	}
	if a.Error != "" {
		return nil, fmt.Errorf("%v: %s", request["cmd"], a.Error)
	}
	return &a, nil
}

type answer struct {
	ID                int
	Error             string
	Epoch             uint64
	Leaf              uint32
	Members           int
	Authenticator     hexBytes
	TreeHash          hexBytes
	KeyPackage        hexBytes
	Commit            hexBytes
	Welcomes          []hexBytes
	Removed           bool
	Proposal          hexBytes
	Secret            hexBytes
	Message           hexBytes
	Data              hexBytes
	Sender            uint32
	AuthenticatedData hexBytes
}

func (a *answer) state() state {
	return state{a.Epoch, a.Leaf, a.Members, a.Authenticator, a.TreeHash}
}

// lineParty is a member that a peer holds. A stay in the group is a member of the peer.
type lineParty struct {
	peer    *peer
	number  int
	stays   int
	current string
	joining string
}

func (p *lineParty) name() string {
	p.stays++
	return fmt.Sprintf("%d/%d", p.number, p.stays)
}

func (p *lineParty) ask(cmd string, request map[string]any) (*answer, error) {
	request["cmd"] = cmd
	if request["member"] == nil {
		request["member"] = p.current
	}
	return p.peer.ask(request)
}

func (p *lineParty) identity() string { return hex.EncodeToString(fmt.Appendf(nil, "%d", p.number)) }

func linePSKs(use bool) []map[string]string {
	if !use {
		return nil
	}
	psk := testPSK()
	return []map[string]string{{"id": hex.EncodeToString(psk.ID), "psk": hex.EncodeToString(psk.Secret)}}
}

func lineExtensions(list []Extension) []map[string]any {
	var out []map[string]any
	for _, e := range list {
		out = append(out, map[string]any{"type": e.Type, "data": hex.EncodeToString(e.Data)})
	}
	return out
}

func (p *lineParty) keyPackage() ([]byte, error) {
	p.joining = p.name()
	a, err := p.ask("keypackage", map[string]any{"member": p.joining, "identity": p.identity()})
	if err != nil {
		return nil, err
	}
	return a.KeyPackage, nil
}

func (p *lineParty) create(group []byte, extensions []Extension) (state, error) {
	p.current = p.name()
	return p.state(p.ask("create", map[string]any{
		"identity": p.identity(), "groupId": hex.EncodeToString(group), "extensions": lineExtensions(extensions),
	}))
}

func (p *lineParty) state(a *answer, err error) (state, error) {
	if err != nil {
		return state{}, err
	}
	return a.state(), nil
}

func (p *lineParty) join(welcome []byte) (state, error) {
	p.current, p.joining = p.joining, ""
	return p.state(p.ask("join", map[string]any{"welcome": hex.EncodeToString(welcome), "psks": linePSKs(true)}))
}

func (p *lineParty) commit(c change) (m made, err error) {
	adds := []string{}
	for _, b := range c.adds {
		adds = append(adds, hex.EncodeToString(b))
	}
	a, err := p.ask("commit", map[string]any{
		"adds": adds, "removes": c.removes, "psks": linePSKs(c.psk), "extensions": lineExtensions(c.extensions),
		"references": c.references, "path": c.path, "authenticatedData": hex.EncodeToString(c.data),
	})
	if err != nil {
		return m, err
	}
	m.commit = a.Commit
	for _, w := range a.Welcomes {
		m.welcomes = append(m.welcomes, w)
	}
	return m, nil
}

func (p *lineParty) confirm() (state, error) { return p.state(p.ask("confirm", map[string]any{})) }

func (p *lineParty) discard() error {
	_, err := p.ask("discard", map[string]any{})
	return err
}

func (p *lineParty) propose(add []byte, remove uint32) ([]byte, error) {
	request := map[string]any{"remove": remove}
	if add != nil {
		request = map[string]any{"add": hex.EncodeToString(add)}
	}
	a, err := p.ask("propose", request)
	if err != nil {
		return nil, err
	}
	return a.Proposal, nil
}

func (p *lineParty) process(message []byte) (s state, removed bool, err error) {
	a, err := p.ask("process", map[string]any{"message": hex.EncodeToString(message), "psks": linePSKs(true)})
	if err != nil {
		return s, false, err
	}
	return a.state(), a.Removed, nil
}

func (p *lineParty) export(label string, context []byte, n int) ([]byte, error) {
	a, err := p.ask("export", map[string]any{"label": label, "context": hex.EncodeToString(context), "length": n})
	if err != nil {
		return nil, err
	}
	return a.Secret, nil
}

func (p *lineParty) seal(data, authenticatedData []byte) ([]byte, error) {
	a, err := p.ask("seal", map[string]any{
		"data": hex.EncodeToString(data), "authenticatedData": hex.EncodeToString(authenticatedData),
	})
	if err != nil {
		return nil, err
	}
	return a.Message, nil
}

func (p *lineParty) open(message []byte) (*Application, error) {
	a, err := p.ask("open", map[string]any{"message": hex.EncodeToString(message)})
	if err != nil {
		return nil, err
	}
	return &Application{a.Sender, a.Data, a.AuthenticatedData}, nil
}

func (p *lineParty) forget() error {
	_, err := p.ask("forget", map[string]any{})
	return err
}

// jsPeer is where the JavaScript peer is.
func jsPeer() string {
	if path := os.Getenv("CONCLAVE_MLS_PEER"); path != "" {
		return path
	}
	return "tests/unit/mls/peer.js"
}

// TestInteropHistories has members in Go and in JavaScript live in one group and take turns to commit. With
// CONCLAVE_MLS_LONG=1 the group of up to 64 also goes through 200 operations.
func TestInteropHistories(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, a minute: the race detector has nothing to find")
	}
	for seed, most := range []int{2, 9, 64} {
		t.Run(fmt.Sprintf("up to %d", most), func(t *testing.T) {
			js := startPeer(t, jsPeer())
			h := newHistory(t, uint64(100+seed), most, func(number int) party {
				if number%2 == seed%2 {
					return newGoParty(fmt.Sprintf("interop %d/%d", seed, number))
				}
				return &lineParty{peer: js, number: number}
			})
			n := operations(t)
			if most > 32 && os.Getenv("CONCLAVE_MLS_LONG") == "" {
				n = 40 // 200 take a minute and a half
			}
			for range n {
				h.step()
				h.inspect()
			}
		})
	}
}

// TestInteropHistoriesOfThree has members in Go, in JavaScript and of ts-mls, which shares nothing with ours, take
// turns to commit in one group. CONCLAVE_MLS_LONG=1 has all groups go through 200 operations.
func TestInteropHistoriesOfThree(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, a minute: the race detector has nothing to find")
	}
	for seed, most := range []int{3, 12, 64} {
		t.Run(fmt.Sprintf("up to %d", most), func(t *testing.T) {
			js, ts := startPeer(t, jsPeer()), startPeer(t, tsPeer(t))
			h := newHistory(t, uint64(200+seed), most, func(number int) party {
				switch (number + seed) % 3 {
				case 0:
					return newGoParty(fmt.Sprintf("three %d/%d", seed, number))
				case 1:
					return &lineParty{peer: js, number: number}
				}
				return &lineParty{peer: ts, number: number}
			})
			n := operations(t)
			if most > 3 && os.Getenv("CONCLAVE_MLS_LONG") == "" {
				n = 480 / most // ts-mls takes up to a second for a commit
			}
			for range n {
				h.step()
				h.inspect()
			}
		})
	}
}

// tsPeer is where the peer of ts-mls is, which npm installs for development.
func tsPeer(t *testing.T) string {
	t.Helper()
	_, err := os.Stat(filepath.Join("..", "..", "node_modules", "ts-mls"))
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("ts-mls is not installed: npm ci")
	}
	return "tests/unit/mls/tsmls.js"
}
