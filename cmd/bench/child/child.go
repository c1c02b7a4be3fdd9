// Package child holds the processes of a measurement: servers, bots and bare clients, each this program again with a
// hidden command. A child ends with its parent, because it watches its standard input.
package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// childGrace is how long a child may take to end once its standard input is closed, before it is killed.
const childGrace = 15 * time.Second

// maxTail bounds what is kept of a child's standard error, to explain why it failed.
const maxTail = 8 << 10

// Process is this program in another process, with a hidden command. It reads its configuration as JSON from its
// standard input, writes JSON values to its standard output, and ends when its standard input does: with its parent,
// whatever becomes of that.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.Closer
	pipe   io.Reader
	stdout *json.Decoder
	stderr *tail
	once   sync.Once
	err    error
}

// Start starts the command. onLine, if not nil, sees each line of its standard error.
func Start(ctx context.Context, command string, config any, onLine func(string)) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	return StartProgram(ctx, command, []string{self, command}, config, onLine)
}

// StartProgram starts any program that keeps to what child says.
func StartProgram(ctx context.Context, command string, args []string, config any, onLine func(string)) (*Process,
	error) {
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	c := &Process{name: command, cmd: cmd, stderr: &tail{onLine: onLine}}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	cmd.Stderr = c.stderr
	cmd.Cancel = stdin.Close
	cmd.WaitDelay = childGrace
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	c.stdin, c.pipe, c.stdout = stdin, stdout, json.NewDecoder(stdout)
	if _, err := stdin.Write(append(raw, '\n')); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", command, err), c.Stop())
	}
	return c, nil
}

// PID is the process id.
func (c *Process) PID() int { return c.cmd.Process.Pid }

// Next reads the child's next value.
func (c *Process) Next(out any) error { // any: what encoding/json takes
	if err := c.stdout.Decode(out); err != nil {
		return fmt.Errorf("%s: %w", c.name, errors.Join(err, c.Stop()))
	}
	return nil
}

// Each calls use with each of the child's values until its output ends.
func Each[T any](c *Process, use func(*T)) {
	for {
		var value T
		if err := c.stdout.Decode(&value); err != nil {
			return
		}
		use(&value)
	}
}

// Stop has the child end and waits for it. It may be called more than once. A child that has ended well gives no error.
func (c *Process) Stop() error {
	c.once.Do(func() {
		_ = c.stdin.Close()
		timer := time.AfterFunc(childGrace, func() { _ = c.cmd.Process.Kill() })
		defer timer.Stop()
		_, _ = io.Copy(io.Discard, c.pipe) // what it still says must not block it
		if err := c.cmd.Wait(); err != nil {
			c.err = fmt.Errorf("%s: %w\n%s", c.name, err, c.stderr)
		}
	})
	return c.err
}

// tail keeps the end of what is written to it.
type tail struct {
	onLine func(string)

	mu   sync.Mutex
	text []byte // at most maxTail
	line []byte // unfinished; at most maxTail
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-maxTail):]
	if t.onLine == nil {
		return len(b), nil
	}
	t.line = append(t.line, b...)
	for {
		line, rest, ok := strings.Cut(string(t.line), "\n")
		if !ok {
			break
		}
		t.line = []byte(rest)
		t.onLine(line)
	}
	t.line = t.line[max(0, len(t.line)-maxTail):]
	return len(b), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// inheritance is what a child got from its parent: its configuration, and a context that ends with the parent.
func inheritance(ctx context.Context, config any) (context.Context, context.CancelFunc,
	error) { // any: what encoding/json takes
	decoder := json.NewDecoder(os.Stdin)
	if err := decoder.Decode(config); err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, cancel, nil
}

// tell writes a value to the parent.
func tell(value any) error { // any: what encoding/json takes
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		return fmt.Errorf("to the parent: %w", err)
	}
	return nil
}
