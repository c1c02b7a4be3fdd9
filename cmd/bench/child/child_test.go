package child

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// sh starts a shell script as a child. It gets {"n": 1} and must read its standard input to the end.
func sh(t *testing.T, script string, onLine func(string)) *Process {
	t.Helper()
	c, err := StartProgram(t.Context(), "script", []string{"/bin/sh", "-c", script}, map[string]int{"n": 1}, onLine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	return c
}

func TestAChildGetsItsConfigurationAndTellsValues(t *testing.T) {
	c := sh(t, `read line; echo "{\"got\": $line}"; echo '{"k": 1}'; echo '{"k": 2}'; cat >/dev/null`, nil)
	var got struct {
		Got map[string]int `json:"got"`
	}
	if err := c.Next(&got); err != nil || got.Got["n"] != 1 {
		t.Errorf("%v %v", got, err)
	}
	if c.PID() <= 1 || c.PID() == os.Getpid() {
		t.Errorf("process %d", c.PID())
	}
	sum := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		Each(c, func(v *map[string]int) { sum += (*v)["k"] })
	}()
	time.Sleep(100 * time.Millisecond) // it reads on until the child ends
	_ = c.stdin.Close()
	<-done
	if sum != 3 {
		t.Errorf("values of %d in all", sum)
	}
	for range 2 {
		if err := c.Stop(); err != nil {
			t.Errorf("a child that ended well: %v", err)
		}
	}
}

func TestAChildThatFailsSaysWhy(t *testing.T) {
	lines := make(chan string, 10)
	c := sh(t, `read line; echo 'first line' >&2; printf 'no memory' >&2; exit 3`, func(line string) { lines <- line })
	var value int
	err := c.Next(&value)
	if err == nil || !strings.Contains(err.Error(), "no memory") || !strings.Contains(err.Error(), "exit status 3") ||
		!strings.Contains(err.Error(), "script") {
		t.Errorf("%v", err)
	}
	if line := <-lines; line != "first line" {
		t.Errorf("%q", line)
	}
	if _, err := StartProgram(t.Context(), "nothing", []string{"/no/such/program"}, 1, nil); err == nil {
		t.Error("started what is not there")
	}
	if _, err := StartProgram(t.Context(), "nothing", []string{"/bin/sh"}, func() {}, nil); err == nil {
		t.Error("sent a function")
	}
}

func TestAChildEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := StartProgram(ctx, "script", []string{"/bin/sh", "-c", "cat >/dev/null"}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	var value int
	if err := c.Next(&value); err == nil {
		t.Error("a child that was ended had a value")
	}
}

func TestOnlyTheEndOfWhatAChildSaysIsKept(t *testing.T) {
	var lines []string
	l := tail{onLine: func(s string) { lines = append(lines, s) }}
	for _, part := range []string{"one\ntw", "o\n", "", "three"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%q: %d %v", part, n, err)
		}
	}
	if strings.Join(lines, "|") != "one|two" || l.String() != "one\ntwo\nthree" {
		t.Errorf("%q, kept %q", lines, l.String())
	}
	_, _ = l.Write([]byte(strings.Repeat("x", 3*maxTail)))
	if len(l.String()) != maxTail || len(l.line) > maxTail {
		t.Errorf("kept %d and %d bytes", len(l.String()), len(l.line))
	}
}

// What a child inherits ends when its standard input does.
func TestAnInheritanceEndsWithTheParent(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = read
	defer func() { os.Stdin = before }()
	if _, err := io.WriteString(write, `{"media": "engine"}`); err != nil {
		t.Fatal(err)
	}
	var cfg ServerConfig
	ctx, cancel, err := inheritance(t.Context(), &cfg)
	if err != nil || cfg.Media != Engine {
		t.Fatalf("%+v %v", cfg, err)
	}
	defer cancel()
	if ctx.Err() != nil {
		t.Error("ended at once")
	}
	_ = write.Close()
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Error("the child outlives its parent")
	}
	raw, err := json.Marshal(cfg)
	if err != nil || !strings.Contains(string(raw), "engine") {
		t.Errorf("%s %v", raw, err)
	}
}
