package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nonroot is the user that the server runs as in the image.
const nonroot = 65532

// rootFiles is everything in the image: the binary, the certificates of the public authorities (those of Mozilla, from
// a pinned module), a user, and a folder for the state.
func rootFiles(binary []byte) []file {
	folders := func(names ...string) (out []file) {
		for _, n := range names {
			out = append(out, file{name: n, mode: 0o755})
		}
		return out
	}
	files := folders("etc/", "etc/conclave/", "etc/ssl/", "etc/ssl/certs/", "usr/", "usr/local/", "usr/local/bin/",
		"var/", "var/lib/")
	return append(files,
		file{name: "etc/passwd", mode: 0o644, body: []byte(
			"root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:conclave:/var/lib/conclave:/sbin/nologin\n")},
		file{name: "etc/group", mode: 0o644, body: []byte("root:x:0:\nnonroot:x:65532:\n")},
		file{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, body: authorities()},
		file{name: "tmp/", mode: 0o1777},
		file{name: "usr/local/bin/conclave", mode: 0o755, body: binary, xattr: map[string]string{
			"security.capability": bindCapability()}},
		file{name: "var/lib/conclave/", mode: 0o700, uid: nonroot},
	)
}

// authorities are the certificate authorities, but for those that may vouch for some certificates only: a PEM file
// cannot say so.
func authorities() []byte {
	var out bytes.Buffer
	for r := range bundle.Roots() {
		if r.Constraint == nil {
			_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate}) // a Buffer does not fail
		}
	}
	return out.Bytes()
}

// bindCapability lets a program open ports below 1024 without root: vfs_cap_data of revision 2 (capabilities(7)) with
// CAP_NET_BIND_SERVICE, permitted and effective.
func bindCapability() string {
	const revision2, effective, netBindService = 0x02000000, 1, 10
	var b [20]byte // magic, then permitted and inheritable, low and high
	binary.LittleEndian.PutUint32(b[0:], revision2|effective)
	binary.LittleEndian.PutUint32(b[4:], 1<<netBindService)
	return string(b[:])
}

// writeImage writes an archive that is an OCI layout, and has the manifest.json that older engines load.
func writeImage(s source, arch, binary, name string) error {
	program, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	img, err := newImage(s, arch, program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "image-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	// One image by two names: the second is what the compose files ask for. Engines with the store of containerd read
	// them here, others in manifest.json.
	for _, tag := range []string{s.version, "latest"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: arch},
			Annotations: map[string]string{
				"org.opencontainers.image.ref.name": tag,
				"io.containerd.image.name":          "docker.io/library/conclave:" + tag,
			},
		}})
	}
	if _, err := layout.Write(dir, index); err != nil {
		return err
	}
	if err := writeManifest(s, img, filepath.Join(dir, "manifest.json")); err != nil {
		return err
	}
	return archive(s, dir, name)
}

// newImage makes the image: one layer.
func newImage(s source, arch string, program []byte) (v1.Image, error) {
	var content bytes.Buffer
	if err := writeTar(tar.NewWriter(&content), s, rootFiles(program)); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{
		Created: v1.Time{Time: s.time}, CreatedBy: "cmd/release"}})
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, imageConfig(s, arch, img))
}

// imageConfig says how the image runs. Its health check stands in the compose files: OCI's format has none.
func imageConfig(s source, arch string, img v1.Image) *v1.ConfigFile {
	config, err := img.ConfigFile()
	if err != nil {
		return nil // mutate.ConfigFile refuses it
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: s.time}
	config.Config = v1.Config{
		User: "65532:65532", Entrypoint: []string{"/usr/local/bin/conclave"}, Cmd: []string{"serve"},
		Env:          []string{"PATH=/usr/local/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
		ExposedPorts: map[string]struct{}{"443/tcp": {}, "443/udp": {}, "80/tcp": {}},
		Volumes:      map[string]struct{}{"/var/lib/conclave": {}},
		StopSignal:   "SIGTERM",
		Labels: map[string]string{
			"org.opencontainers.image.title": "Conclave", "org.opencontainers.image.version": s.version,
			"org.opencontainers.image.revision": s.commit, "org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	return config
}

// writeManifest writes what `docker load` of engines before version 25 reads.
func writeManifest(s source, img v1.Image, name string) error {
	config, err := img.ConfigName()
	if err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	e := entry{Config: "blobs/sha256/" + config.Hex, RepoTags: []string{"conclave:" + s.version, "conclave:latest"}}
	for _, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return err
		}
		e.Layers = append(e.Layers, "blobs/sha256/"+digest.Hex)
	}
	b, err := json.Marshal([]entry{e})
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o644)
}

// archive writes a folder as a tar file, in the order of names.
func archive(s source, dir, name string) error {
	var files []file
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			files = append(files, file{name: rel + "/", mode: 0o755})
			return nil
		}
		body, err := os.ReadFile(path)
		files = append(files, file{name: rel, mode: 0o644, body: body})
		return err
	})
	if err != nil {
		return err
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(writeTar(tar.NewWriter(out), s, files), out.Close())
}
