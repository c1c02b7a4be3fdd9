package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"conclave/static"
)

// versionCmd says what this is: the version, and the web client that is in it.
type versionCmd struct {
	Files   bool   `help:"List everything the web client consists of, with its SHA-256, as sha256sum writes it."`
	Compare string `placeholder:"URL" help:"Compare the web client that a server serves with the one in this binary."`
}

// meetingPage is an address of a meeting: every one has the same page.
const meetingPage = "/m/0000-0000-0000-0000"

// maxClientFile bounds what is read of a server's answer.
const maxClientFile = 1 << 20

// errOtherClient is returned when a server serves something else.
var errOtherClient = errors.New("the server serves another client than the one in this binary")

// Run prints the version.
func (cmd versionCmd) Run(c console) error {
	files, err := static.Manifest()
	if err != nil {
		return fmt.Errorf("version: %w", err)
	}
	if cmd.Compare != "" {
		return compareClient(c, strings.TrimSuffix(cmd.Compare, "/"), files)
	}
	var list strings.Builder
	for _, f := range files {
		_, _ = fmt.Fprintf(&list, "%s  %s\n", f.SHA256, f.Path) // a Builder does not fail
	}
	if cmd.Files {
		_, err = io.WriteString(c.out, list.String())
		return err
	}
	const format = "conclave %s %s %s/%s\nclient   sha256 %x of %d files (--files lists them, --compare URL compares)\n"
	_, err = fmt.Fprintf(c.out, format,
		version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, sha256.Sum256([]byte(list.String())), len(files))
	return err
}

// compareClient asks a server for every file. A server can answer others otherwise: this shows an accident, or a server
// that lies to everybody.
func compareClient(c console, base string, files []static.File) error {
	client := &http.Client{Timeout: 10 * time.Second}
	differ := 0
	for _, f := range files {
		address := f.Path
		if address == "/m/" {
			address = meetingPage
		}
		got, err := fetchHash(client, base+address)
		if err != nil {
			return err
		}
		if got != f.SHA256 {
			differ++
			if _, err := fmt.Fprintf(c.out, "differs  %s\n", f.Path); err != nil {
				return err
			}
		}
	}
	if differ > 0 {
		return fmt.Errorf("%w: %d of %d files", errOtherClient, differ, len(files))
	}
	_, err := fmt.Fprintf(c.out, "the same  %d files\n", len(files))
	return err
}

// fetchHash returns the SHA-256 of an answer, "" for any but 200.
func fetchHash(client *http.Client, address string) (string, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		return "", fmt.Errorf("compare: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("compare: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(resp.Body, maxClientFile)); err != nil {
		return "", fmt.Errorf("compare: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", nil
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
