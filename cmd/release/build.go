package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// build compiles the server. Nothing of this machine gets into it: no paths (-trimpath), no build id, no C library.
func build(s source, arch, binary string) error {
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-buildvcs=true",
		"-ldflags=-s -w -buildid=", "-o", binary, "./cmd/conclave")
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	return checkVersion(s, info.Main.Version)
}

// checkVersion compares what a binary will say with the tag.
func checkVersion(s source, stamped string) error {
	switch {
	case stamped == "" || stamped == "(devel)":
		return errors.New("go has not put a version into the binary: is this a git repository that go can read?")
	case s.tagged && stamped != "v"+s.version:
		return fmt.Errorf("the tag is v%s, and the binary says %s", s.version, stamped)
	}
	return nil
}

// file is one entry of an archive.
type file struct {
	name  string // without a leading slash; folders end in one
	mode  int64
	uid   int
	body  []byte
	xattr map[string]string
}

// writeTar writes entries in their order, with the time of the commit.
func writeTar(w *tar.Writer, s source, files []file) error {
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Uid: f.uid, Gid: f.uid, Size: int64(len(f.body)), ModTime: s.time,
			Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		for k, v := range f.xattr {
			if h.PAXRecords == nil {
				h.PAXRecords = map[string]string{}
			}
			h.PAXRecords["SCHILY.xattr."+k] = v
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(f.body); err != nil {
			return err
		}
	}
	return w.Close()
}

// writeTarball writes the binary with what a machine without packages needs.
func writeTarball(s source, _, binary, name string) error {
	folder := "conclave-" + s.version + "/"
	files := []file{{name: folder, mode: 0o755}}
	for _, f := range []struct {
		from, to string
		mode     int64
	}{
		{binary, "conclave", 0o755},
		{filepath.Join(s.root, "deploy", "conclave.service"), "conclave.service", 0o644},
		{filepath.Join(s.root, "deploy", "config.example.yaml"), "config.example.yaml", 0o644},
		{filepath.Join(s.root, "LICENSE"), "LICENSE", 0o644},
		{filepath.Join(s.root, "CHANGELOG.md"), "CHANGELOG.md", 0o644},
	} {
		body, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		files = append(files, file{name: folder + f.to, mode: f.mode, body: body})
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	return errors.Join(writeTar(tar.NewWriter(z), s, files), z.Close(), out.Close())
}

// writeBOM lists the modules in a binary, in CycloneDX's format.
func writeBOM(s source, arch, binary, name string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	bom := cyclonedx.NewBOM()
	main := cyclonedx.Component{BOMRef: "conclave", Type: cyclonedx.ComponentTypeApplication, Name: "conclave",
		Version: s.version, Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		Properties: &[]cyclonedx.Property{{Name: "commit", Value: s.commit}, {Name: "architecture", Value: arch}}}
	bom.Metadata = &cyclonedx.Metadata{Timestamp: s.time.Format("2006-01-02T15:04:05Z"), Component: &main}
	components := []cyclonedx.Component{{BOMRef: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go"),
		Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: info.GoVersion,
		PackageURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		url := "pkg:golang/" + m.Path + "@" + m.Version
		components = append(components, cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary,
			Name: m.Path, Version: m.Version, PackageURL: url,
			Properties: &[]cyclonedx.Property{{Name: "go.sum", Value: m.Sum}}})
	}
	bom.Components = &components
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(cyclonedx.NewBOMEncoder(out, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom), out.Close())
}
