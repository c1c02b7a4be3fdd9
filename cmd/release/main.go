// Command release makes what a version consists of, for linux on amd64 and arm64: static binaries, a Debian package, an
// OCI image, a bill of materials for each, and their checksums. It needs git and Go, no container engine and no base
// image. The same commit and the same Go give the same bytes. It is a module of its own, so that the server has none of
// its dependencies.
//
//	cd cmd/release && go run . -out ../../dist
//
// Start reading at release.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	out := flag.String("out", "dist", "folder to write to; it must be empty or missing")
	arch := flag.String("arch", "amd64,arm64", "architectures")
	allowChanges := flag.Bool("allow-changes", false, "build a working copy with changes, to try something out")
	flag.Parse()
	if err := run(*out, strings.Split(*arch, ","), *allowChanges); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(out string, architectures []string, allowChanges bool) error {
	root, err := git(".", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	s, err := describe(root, allowChanges)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", out)
	}
	return release(s, out, architectures)
}

// source is what is released.
type source struct {
	root    string    // the repository
	version string    // without v: of the tag, or made of the commit
	tagged  bool      // the commit has a tag
	commit  string    // its hash
	time    time.Time // of the commit: of all files too
}

// describe reads a repository.
func describe(root string, allowChanges bool) (source, error) {
	s := source{root: root}
	if changes, err := git(root, "status", "--porcelain"); err != nil {
		return s, err
	} else if changes != "" && !allowChanges {
		return s, errors.New("the working copy has changes: commit them first")
	}
	var err error
	if s.commit, err = git(root, "rev-parse", "HEAD"); err != nil {
		return s, err
	}
	stamp, err := git(root, "log", "-1", "--format=%ct")
	if err != nil {
		return s, err
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return s, fmt.Errorf("the time of the commit: %w", err)
	}
	s.time = time.Unix(seconds, 0).UTC()
	s.version = "0.0.0-" + s.commit[:12]
	if tag, err := git(root, "describe", "--tags", "--exact-match", "--match", "v[0-9]*"); err == nil {
		s.version, s.tagged = strings.TrimPrefix(tag, "v"), true
	}
	return s, nil
}

func git(dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), "git", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// release writes everything into out.
func release(s source, out string, architectures []string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	for _, arch := range architectures {
		fmt.Printf("conclave %s for linux/%s\n", s.version, arch)
		binary := filepath.Join(work, "conclave-"+arch)
		if err := build(s, arch, binary); err != nil {
			return err
		}
		name := filepath.Join(out, "conclave_"+s.version+"_linux_"+arch)
		for _, f := range []struct {
			suffix string
			write  func(s source, arch, binary, name string) error
		}{{".tar.gz", writeTarball}, {".deb", writeDeb}, {".oci.tar", writeImage}, {".cdx.json", writeBOM}} {
			if err := f.write(s, arch, binary, name+f.suffix); err != nil {
				return fmt.Errorf("%s%s: %w", name, f.suffix, err)
			}
		}
	}
	return writeSums(out)
}

// writeSums writes the checksums of all files in out, as sha256sum does.
func writeSums(out string) error {
	entries, err := os.ReadDir(out) // sorted by name
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(b), e.Name())
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), sums.Bytes(), 0o644)
}
