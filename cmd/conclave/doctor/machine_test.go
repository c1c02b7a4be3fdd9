package doctor

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTheMachineIsDiagnosed(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	inUse := os.NewSyscallError("bind", syscall.EADDRINUSE)
	good := Certificate{NotAfter: now.Add(60 * 24 * time.Hour), Running: true}
	for name, tt := range map[string]struct {
		f     Finding
		level Level
		text  string
	}{
		"port_free":           {Port("tcp", ":443", nil, Process{}), OK, "443/tcp is free"},
		"port_ours":           {Port("udp", ":443", inUse, Process{"conclave", 7, true, false}), OK, "served by conclave (process 7)"},
		"port_taken":          {Port("tcp", ":443", inUse, Process{"nginx", 812, false, false}), Problem, "in use by nginx (process 812)"},
		"port_taken_unseen":   {Port("tcp", ":443", inUse, Process{}), Problem, "as root"},
		"port_not_allowed":    {Port("tcp", ":443", os.NewSyscallError("bind", syscall.EACCES), Process{}), Problem, "setcap"},
		"port_answers":        {Port("udp", ":443", inUse, Process{Answers: true}), OK, "the server answers"},
		"port_answers_443":    {Port("tcp", ":443", os.NewSyscallError("bind", syscall.EACCES), Process{Answers: true}), OK, "the server answers"},
		"port_elsewhere":      {Port("udp", "203.0.113.7:443", os.NewSyscallError("bind", syscall.EADDRNOTAVAIL), Process{}), Problem, "advertise"},
		"port_otherwise":      {Port("tcp", "x:1", errors.New("odd"), Process{}), Problem, "odd"},
		"buffers_big":         {Buffers(4<<20, 4<<20), OK, "media needs"},
		"buffers_small":       {Buffers(212992, 4<<20), Warning, "208 KiB"},
		"buffers_unknown":     {Buffers(0, 0), OK, "not known"},
		"files_many":          {Files(65536, 20000), OK, "65536"},
		"files_few":           {Files(1024, 20000), Warning, "768 connections"},
		"clock_right":         {Time(Clock{Known: true, Synchronized: true}), OK, "right"},
		"clock_behind":        {Time(Clock{Offset: -time.Hour}), Problem, "1h0m0s behind"},
		"clock_ahead":         {Time(Clock{Offset: time.Minute, Known: true, Synchronized: true}), Problem, "1m0s ahead"},
		"clock_drifts":        {Time(Clock{Known: true}), Warning, "not synchronized"},
		"clock_unknown":       {Time(Clock{Err: errors.New("offline")}), Warning, "Nothing says"},
		"certificate_good":    {TLS(good, now), OK, "2030-03-02"},
		"certificate_late":    {TLS(Certificate{NotAfter: now.Add(72 * time.Hour), Running: true}, now), Warning, "3 days"},
		"certificate_over":    {TLS(Certificate{NotAfter: now.Add(-time.Hour), Running: true}, now), Problem, "expired"},
		"certificate_early":   {TLS(Certificate{NotBefore: now.Add(time.Hour), NotAfter: now.Add(60 * 24 * time.Hour)}, now), Problem, "not good before 2030-01-01 01:00"},
		"certificate_refused": {TLS(Certificate{Name: "m.example", Err: errors.New("unknown authority"), Running: true}, now), Problem, "unknown authority"},
		"certificate_acme":    {TLS(Certificate{Err: errors.New("none"), Running: true, ACME: true}, now), Problem, "443 and 80"},
		"certificate_not_yet": {TLS(Certificate{Err: errors.New("none"), ACME: true}, now), Warning, "not running"},
		"mail_good":           {Mail(true, ""), OK, "accepts the login"},
		"mail_console":        {Mail(false, ""), OK, "in the terminal"},
		"mail_down":           {Mail(true, "Wrong password."), Problem, "cannot be sent. Wrong password."},
		"media_answers":       {Local([]Way{{"UDP", "203.0.113.7:443", nil}}), OK, "203.0.113.7:443/UDP"},
		"media_blocked":       {Local([]Way{{"UDP", "203.0.113.7:443", net.ErrClosed}}), Warning, "does not answer"},
		"outside_unknown":     {Outside(nil, "https://m.example/check"), Warning, "could not be read"},
		"outside_none":        {Outside(map[string]int{"udp": 0}, "https://m.example/check"), Warning, "https://m.example/check"},
		"outside_no_udp":      {Outside(map[string]int{"ice_tcp": 3}, ""), Problem, "none has over UDP"},
		"outside_no_tcp":      {Outside(map[string]int{"udp": 3}, ""), Warning, "none has over TCP"},
		"outside_good":        {Outside(map[string]int{"udp": 3, "turn": 1}, ""), OK, "over UDP and over TCP"},
	} {
		t.Run(name, func(t *testing.T) {
			if all := tt.f.Text + " " + tt.f.Do; tt.f.Level != tt.level || !strings.Contains(all, tt.text) {
				t.Errorf("%+v", tt.f)
			}
			if (tt.f.Level != OK) != (tt.f.Do != "") || tt.f.Check == "" {
				t.Errorf("a finding without an advice, or an advice without a finding: %+v", tt.f)
			}
		})
	}
}

func TestWorstIsTheWorst(t *testing.T) {
	for want, levels := range map[Level][]Level{OK: {OK}, Warning: {OK, Warning, OK}, Problem: {Problem, Warning}} {
		var list []Finding
		for _, l := range levels {
			list = append(list, Finding{Level: l})
		}
		if got := Worst(list); got != want {
			t.Errorf("%v: %s", levels, got)
		}
	}
}
