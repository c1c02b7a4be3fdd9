package process

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestProcStat(t *testing.T) {
	const rest = " S 1 2 2 0 -1 4194560 1 2 3 4 1234 567 8 9 20 0 1 0 5 6 7"
	for _, name := range []string{"(bench)", "(a b)", "(a) R 1 (b)", "()", "(\n)"} {
		user, system, err := parseStat("42 " + name + rest)
		if err != nil || user != 12340*time.Millisecond || system != 5670*time.Millisecond {
			t.Errorf("%q: %v, %v, %v", name, user, system, err)
		}
	}
	for _, bad := range []string{"", "42", "42 (bench", "42 (bench)", "42 (bench) S 1 2",
		"42 (b) S 1 2 2 0 -1 4194560 1 2 3 4 x 567 8", "42 (b) S 1 2 2 0 -1 4194560 1 2 3 4 1 -5 8"} {
		if _, _, err := parseStat(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestProcStatm(t *testing.T) {
	if got, err := parseStatm("5000 1500 300 1 0 2000 0\n", 4096); err != nil || got != 1500*4096 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "5000", "5000 x", "5000 -1"} {
		if _, err := parseStatm(bad, 4096); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestOwnProcessCanBeRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only")
	}
	before, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for end := before.Total + 20*time.Millisecond; ; {
		after, err := Read(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after.RSS <= 0 || after.Total < before.Total {
			t.Fatalf("%+v after %+v", after, before)
		}
		if after.Total >= end { // the clock runs, and finer than in ticks
			return
		}
	}
}
