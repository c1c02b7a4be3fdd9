package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// artefacts writes what is made of a binary: here of the test's own, which has build information too.
func artefacts(t *testing.T) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	s := source{root: root, version: "1.2.3", tagged: true, commit: strings.Repeat("a", 40), time: time.Unix(1e9, 0).UTC()}
	dir := t.TempDir()
	for suffix, write := range map[string]func(source, string, string, string) error{
		".tar.gz": writeTarball, ".deb": writeDeb, ".oci.tar": writeImage, ".cdx.json": writeBOM,
	} {
		if err := write(s, "amd64", own, filepath.Join(dir, "c"+suffix)); err != nil {
			t.Fatalf("%s: %v", suffix, err)
		}
	}
	if err := writeSums(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestArtefacts makes everything once, looks at it, and makes it again.
func TestArtefacts(t *testing.T) {
	first := artefacts(t)
	t.Run("the_image_holds_what_a_server_needs", func(t *testing.T) { checkImage(t, first) })
	t.Run("the_package_holds_unit_and_folders", func(t *testing.T) { checkPackage(t, first) })
	t.Run("the_bill_of_materials_names_modules", func(t *testing.T) { checkBOM(t, first) })
	// Seconds later, so that a time of now would differ.
	t.Run("the_same_source_gives_the_same_bytes", func(t *testing.T) { checkSums(t, first, artefacts(t)) })
}

func checkSums(t *testing.T, first, second string) {
	t.Helper()
	a, _ := os.ReadFile(filepath.Join(first, "SHA256SUMS"))
	b, _ := os.ReadFile(filepath.Join(second, "SHA256SUMS"))
	if len(a) == 0 || !bytes.Equal(a, b) {
		t.Errorf("%s\n%s", a, b)
	}
	cmd := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	cmd.Dir = first
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// entries reads a tar archive.
func entries(t *testing.T, r io.Reader) map[string]*tar.Header {
	t.Helper()
	out := map[string]*tar.Header{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = h
	}
}

func checkImage(t *testing.T, dir string) {
	t.Helper()
	unpacked := t.TempDir()
	image := filepath.Join(dir, "c.oci.tar")
	if out, err := exec.Command("tar", "-xf", image, "-C", unpacked).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	index, err := layout.ImageIndexFromPath(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range manifest.Manifests {
		names = append(names, m.Annotations["io.containerd.image.name"])
	}
	if strings.Join(names, " ") != "docker.io/library/conclave:1.2.3 docker.io/library/conclave:latest" {
		t.Errorf("the image is named %v", names)
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil || config.Config.User != "65532:65532" || config.Architecture != "amd64" ||
		config.Config.Entrypoint[0] != "/usr/local/bin/conclave" {
		t.Errorf("%+v %v", config, err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatal(layers, err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	files := entries(t, content)
	program := files["usr/local/bin/conclave"]
	capability := []byte(program.PAXRecords["SCHILY.xattr.security.capability"])
	// getcap's view of the same bytes is checked where the image is unpacked: `bash .ci/run release`.
	if len(capability) != 20 || binary.LittleEndian.Uint32(capability) != 0x02000001 ||
		binary.LittleEndian.Uint32(capability[4:]) != 1<<10 || program.Mode != 0o755 {
		t.Errorf("%x %o", capability, program.Mode)
	}
	state, authorities := files["var/lib/conclave/"], files["etc/ssl/certs/ca-certificates.crt"]
	if state == nil || state.Uid != 65532 || state.Mode != 0o700 || authorities == nil || authorities.Size < 100_000 ||
		files["etc/passwd"] == nil || files["tmp/"].Mode != 0o1777 {
		t.Errorf("%v %v", state, authorities)
	}
	checkDockerArchive(t, unpacked, img)
}

// checkDockerArchive follows manifest.json, as engines before version 25 do.
func checkDockerArchive(t *testing.T, dir string, img v1.Image) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(b, &list); err != nil || len(list) != 1 || strings.Join(list[0].RepoTags, " ") !=
		"conclave:1.2.3 conclave:latest" {
		t.Fatalf("%s %v", b, err)
	}
	raw, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config, _ := os.ReadFile(filepath.Join(dir, list[0].Config))
	if sha256.Sum256(config) != sha256.Sum256(raw) {
		t.Error("manifest.json leads to another configuration")
	}
	if _, err := os.Stat(filepath.Join(dir, list[0].Layers[0])); err != nil {
		t.Error(err)
	}
}

func checkPackage(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	deb := filepath.Join(dir, "c.deb")
	out, err := exec.Command("dpkg-deb", "--contents", deb).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"-rwxr-xr-x root/root", "./usr/bin/conclave\n", "./usr/lib/systemd/system/conclave.service\n",
		"./usr/lib/systemd/system/conclave.service.d/user.conf\n", "./etc/conclave/\n", "./usr/share/doc/conclave/copyright\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	out, err = exec.Command("dpkg-deb", "--field", deb).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Version: 1.2.3\n") ||
		!strings.Contains(string(out), "Architecture: amd64\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func checkBOM(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "c.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		Components []struct{ Name, Version, Purl string }
	}
	if err := json.Unmarshal(b, &bom); err != nil || bom.Components[0].Name != "std" {
		t.Fatal(err, len(bom.Components))
	}
	for _, c := range bom.Components {
		if strings.HasPrefix(c.Purl, "pkg:golang/github.com/goreleaser/nfpm/v2@v") {
			return
		}
	}
	t.Errorf("%d components, and none of them is nfpm", len(bom.Components))
}

func TestTheVersionIsThatOfTheTag(t *testing.T) {
	dir := t.TempDir()
	commit := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.org"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	commit("init", "-q")
	commit("commit", "-q", "--allow-empty", "-m", "one")
	s, err := describe(dir, false)
	if err != nil || s.tagged || s.version != "0.0.0-"+s.commit[:12] {
		t.Errorf("%+v %v", s, err)
	}
	commit("tag", "v1.4.0")
	if s, err = describe(dir, false); err != nil || !s.tagged || s.version != "1.4.0" {
		t.Errorf("%+v %v", s, err)
	}
	if err := checkVersion(s, "v1.4.0"); err != nil {
		t.Error(err)
	}
	for _, stamped := range []string{"", "(devel)", "v1.3.1-0.20260101000000-aaaaaaaaaaaa", "v1.4.0+dirty"} {
		if checkVersion(s, stamped) == nil {
			t.Errorf("a binary that says %q is released as 1.4.0", stamped)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := describe(dir, false); err == nil {
		t.Error("a working copy with changes is released")
	}
}
