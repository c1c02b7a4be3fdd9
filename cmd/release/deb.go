package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
)

// writeDeb writes the Debian package: the binary, the unit with a user of the package's own, and folders. It starts
// nothing, because there is no configuration yet, and restarts nothing, because that would end meetings.
func writeDeb(s source, arch, binary, name string) error {
	scripts, deploy := filepath.Join(s.root, "cmd", "release", "debian"), filepath.Join(s.root, "deploy")
	content := func(from, to string, mode os.FileMode) *files.Content {
		return &files.Content{Source: from, Destination: to, FileInfo: &files.ContentFileInfo{
			Owner: "root", Group: "root", Mode: mode, MTime: s.time}}
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "conclave", Arch: arch, Platform: "linux", Version: s.version, Section: "net", Priority: "optional",
		Maintainer: "Conclave <conclave@example.org>", License: "Apache-2.0", MTime: s.time, DisableGlobbing: true,
		Description: "End-to-end encrypted meeting server\n" +
			"A video meeting server in one program, with the web client inside it.\n" +
			"After installing, run: conclave setup",
		Overridables: nfpm.Overridables{
			Depends:    []string{"passwd", "ca-certificates"},
			Recommends: []string{"systemd"},
			Contents: files.Contents{
				content(binary, "/usr/bin/conclave", 0o755),
				content(filepath.Join(deploy, "conclave.service"), "/usr/lib/systemd/system/conclave.service", 0o644),
				content(filepath.Join(scripts, "user.conf"), "/usr/lib/systemd/system/conclave.service.d/user.conf", 0o644),
				content(filepath.Join(deploy, "config.example.yaml"), "/usr/share/doc/conclave/config.example.yaml", 0o644),
				content(filepath.Join(s.root, "CHANGELOG.md"), "/usr/share/doc/conclave/CHANGELOG.md", 0o644),
				content(filepath.Join(s.root, "LICENSE"), "/usr/share/doc/conclave/copyright", 0o644),
				{Destination: "/etc/conclave", Type: "dir", FileInfo: &files.ContentFileInfo{
					Owner: "root", Group: "root", Mode: 0o755, MTime: s.time}},
			},
			Scripts: nfpm.Scripts{
				PostInstall: filepath.Join(scripts, "postinst"), PreRemove: filepath.Join(scripts, "prerm"),
				PostRemove: filepath.Join(scripts, "postrm"),
			},
		},
	})
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return err
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(deb.Default.Package(info, out), out.Close())
}
