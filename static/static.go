// Package static serves the web client: plain ES modules and style sheets, embedded in the binary, with no build step
// and nothing from any other origin. It imports no other package of Conclave. Start reading at Handler; the client
// itself starts at js/main.js, and docs/client.md is its map.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed index.html favicon.svg css js
var embedded embed.FS

// Options configures Handler.
type Options struct {
	// Dir serves the client from this directory instead of the files embedded in the binary: read anew for each
	// request and never cached, for development. Empty serves what is embedded.
	Dir string
}

// File is one answer of the client with the SHA-256 of its bytes, so that what is served can be compared with what was
// released.
type File struct {
	Path   string // as it is asked for: /, /assets/…/js/main.js
	SHA256 string // hex
}

// assetPrefix is followed by the hash of the whole client. Modules import each other by relative paths, so one hash in
// the address of the first names the exact version of all, and each may be cached forever.
const assetPrefix = "/assets/"

// asset is one servable file.
type asset struct {
	body        []byte
	gzip        []byte // nil when it would not be smaller
	contentType string
	etag        string
}

// site is an immutable snapshot of the client: safe for concurrent use.
type site struct {
	version string
	assets  map[string]asset // by path, without a leading slash
	pages   map[string]asset // index.html, filled in for each kind of address: "/", "/m/", "/check"

	languages []string // those with a catalogue, by their tag
}

// screen is what the page of one kind of address needs at once; everything else is fetched when it is needed.
type screen struct {
	module string   // which js/main.js imports when it is shown
	words  []string // the parts of the catalogue that it says
}

func screens() map[string]screen {
	return map[string]screen{
		"/":      {"js/screens/home.js", []string{"start", "home"}},
		"/m/":    {"js/screens/meeting.js", []string{"start"}},
		"/check": {"js/screens/check.js", []string{"start", "check"}},
	}
}

// catalogues is the folder with a folder for each language, and source the language that all others translate.
const (
	catalogues = "js/i18n/"
	source     = "en"
)

// Handler serves the client: the page at /, /m/{id} and /check, its files under /assets/{version}/, and /favicon.svg.
// Other paths get 404, methods other than GET and HEAD 405. It sets Content-Type, ETag and Cache-Control; the caller
// sets the security headers. Everything is compressed once, here. Safe for concurrent use.
func Handler(opts Options) (http.Handler, error) {
	if opts.Dir != "" {
		if _, err := load(os.DirFS(opts.Dir), false); err != nil {
			return nil, err
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := load(os.DirFS(opts.Dir), false)
			if err != nil {
				http.Error(w, "The client's files cannot be read.", http.StatusInternalServerError)
				return
			}
			s.serve(w, r, false)
		}), nil
	}
	s, err := load(embedded, true)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, true) }), nil
}

// Version names the embedded client: its files are served below /assets/{version}/.
func Version() (string, error) {
	s, err := load(embedded, false)
	if err != nil {
		return "", err
	}
	return s.version, nil
}

// Manifest lists, in order of path, everything that Handler serves of the embedded client, with hashes. /m/ stands for
// the page of every meeting.
func Manifest() ([]File, error) {
	s, err := load(embedded, false)
	if err != nil {
		return nil, err
	}
	served := map[string]asset{"/favicon.svg": s.assets["favicon.svg"]}
	for address, a := range s.pages {
		served[address] = a
	}
	for name, a := range s.assets {
		served[assetPrefix+s.version+"/"+name] = a
	}
	files := make([]File, 0, len(served))
	for _, address := range slices.Sorted(maps.Keys(served)) {
		sum := sha256.Sum256(served[address].body)
		files = append(files, File{Path: address, SHA256: hex.EncodeToString(sum[:])})
	}
	return files, nil
}

// walk calls visit for each file of the client in order of path.
func walk(fsys fs.FS, visit func(name string, body []byte)) error {
	for _, root := range []string{"css", "favicon.svg", "index.html", "js"} {
		err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !servable(name) {
				return err
			}
			body, err := fs.ReadFile(fsys, name)
			if err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
			visit(name, body)
			return nil
		})
		if err != nil {
			return fmt.Errorf("walk the client's files: %w", err)
		}
	}
	return nil
}

// contentType maps the extensions the client uses; the system's MIME table is not asked, because it differs.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return ""
	}
}

func servable(name string) bool { return contentType(name) != "" }

// load reads and hashes every file, and compresses it if that is asked.
func load(fsys fs.FS, compress bool) (*site, error) {
	s := &site{assets: map[string]asset{}}
	var zw *gzip.Writer
	if compress {
		var err error
		if zw, err = gzip.NewWriterLevel(nil, gzip.BestCompression); err != nil {
			return nil, fmt.Errorf("compressing the client: %w", err)
		}
	}
	whole := sha256.New()
	var index []byte
	err := walk(fsys, func(name string, body []byte) {
		whole.Write([]byte(name + "\x00" + strconv.Itoa(len(body)) + "\x00"))
		whole.Write(body)
		if name == "index.html" {
			index = body
			return
		}
		s.assets[name] = newAsset(name, body, zw)
		if language, part, ok := strings.Cut(strings.TrimPrefix(name, catalogues), "/"); ok && part == "start.js" {
			s.languages = append(s.languages, language)
		}
	})
	if err != nil {
		return nil, err
	}
	s.version = base64.RawURLEncoding.EncodeToString(whole.Sum(nil)[:12])
	s.pages = map[string]asset{}
	for address, screen := range screens() {
		modules, err := s.modules("js/main.js", screen.module)
		if err != nil {
			return nil, err
		}
		s.pages[address] = newAsset("index.html", page(index, assetPrefix+s.version, modules), zw)
	}
	return s, nil
}

// importFrom finds what a module imports statically. Types are imported in comments, which no browser follows.
const importFrom = `(?m)^(?:import|export)\b[^;'"]*?['"](\.[^'"]+)['"]`

// modules lists the roots and every module they import statically, directly or not, in order of path.
func (s *site) modules(roots ...string) ([]string, error) {
	re := regexp.MustCompile(importFrom)
	found := map[string]bool{}
	for _, root := range roots {
		found[root] = true
	}
	for queue := roots; len(queue) > 0; {
		name := queue[0]
		queue = queue[1:]
		a, ok := s.assets[name]
		if !ok {
			return nil, fmt.Errorf("the client imports %s, which is not there", name)
		}
		for _, m := range re.FindAllSubmatch(a.body, -1) {
			next := path.Join(path.Dir(name), string(m[1]))
			if !found[next] {
				found[next] = true
				queue = append(queue, next)
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// page fills in the version, and tells the browser of every module the screen needs at once: without it each level of
// imports would cost a round trip.
func page(index []byte, base string, modules []string) []byte {
	var preload bytes.Buffer
	for _, name := range modules {
		fmt.Fprintf(&preload, "  <link rel=\"modulepreload\" href=\"%s/%s\">\n", base, name)
	}
	out := bytes.ReplaceAll(index, []byte("{{base}}"), []byte(base))
	return bytes.Replace(out, []byte("  <!-- modulepreload -->\n"), preload.Bytes(), 1)
}

func newAsset(name string, body []byte, zw *gzip.Writer) asset {
	sum := sha256.Sum256(body)
	a := asset{body: body, contentType: contentType(name), etag: base64.RawURLEncoding.EncodeToString(sum[:12])}
	if zw == nil {
		return a
	}
	var buf bytes.Buffer
	zw.Reset(&buf) // a writer for each file would cost a megabyte each, and half of the time to start
	if _, err := zw.Write(body); err != nil || zw.Close() != nil {
		return a // a bytes.Buffer does not fail
	}
	if buf.Len() < len(body) {
		a.gzip = buf.Bytes()
	}
	return a
}

// serve answers one request; cache is false in development.
func (s *site) serve(w http.ResponseWriter, r *http.Request, cache bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	a, immutable, ok := s.find(r.URL.Path, cache)
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	switch {
	case !cache:
		h.Set("Cache-Control", "no-store")
	case immutable:
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("Content-Type", a.contentType)
	h.Add("Vary", "Accept-Encoding")
	if address, ok := pageOf(r.URL.Path); ok {
		h.Add("Vary", "Accept-Language")
		for _, part := range screens()[address].words {
			h.Add("Link", fmt.Sprintf("<%s%s/%s%s/%s.js>; rel=modulepreload", assetPrefix, s.version, catalogues,
				s.language(r.Header.Get("Accept-Language")), part))
		}
	}
	body, etag := a.body, `"`+a.etag+`"`
	if a.gzip != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body, etag = a.gzip, `"`+a.etag+`-gz"`
	}
	h.Set("ETag", etag)
	if cache && matches(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the client went away: there is nothing to do
	}
}

// find maps a request path to a file. An unknown version is answered with 404 rather than with other bytes than its
// address names; in development any version will do.
func (s *site) find(urlPath string, strict bool) (a asset, immutable, ok bool) {
	if address, ok := pageOf(urlPath); ok {
		return s.pages[address], false, true
	}
	switch {
	case urlPath == "/favicon.svg", urlPath == "/favicon.ico":
		a, ok = s.assets["favicon.svg"]
		return a, false, ok
	case strings.HasPrefix(urlPath, assetPrefix):
		version, name, found := strings.Cut(strings.TrimPrefix(urlPath, assetPrefix), "/")
		if !found || (strict && version != s.version) {
			return asset{}, false, false
		}
		a, ok = s.assets[name]
		return a, true, ok
	}
	return asset{}, false, false
}

// pageOf returns the kind of address that a path is, if a page is served there.
func pageOf(urlPath string) (address string, ok bool) {
	if id, ok := strings.CutPrefix(urlPath, "/m/"); ok {
		return "/m/", isMeetingID(id)
	}
	return urlPath, urlPath == "/" || urlPath == "/check"
}

// language chooses among the catalogues by an Accept-Language header (RFC 9110 §12.5.4), by the first subtag alone, as
// languageFor in js/i18n/i18n.js does. The page is the same in every language. The choice only says which catalogue
// arrives with it: a wrong one costs a round trip.
func (s *site) language(header string) string {
	best, weight := source, 0.0
	for item := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(item, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if q := quality(params); q > weight && slices.Contains(s.languages, primary) {
			best, weight = primary, q
		}
	}
	return best
}

// quality reads the weight among an item's parameters (RFC 9110 §12.4.2): 1 without one, 0 for one that is not valid.
func quality(params string) float64 {
	q, found := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
	if !found {
		return 1
	}
	weight, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 0
	}
	return weight
}

// isMeetingID accepts what could be an id after a human typed it: the page then says whether it is one.
func isMeetingID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110 §12.5.3).
func acceptsGzip(header string) bool {
	for item := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(item, ";")
		coding = strings.TrimSpace(coding)
		if !strings.EqualFold(coding, "gzip") && coding != "*" {
			continue
		}
		return quality(params) > 0
	}
	return false
}

// matches compares weakly, as RFC 9110 §13.1.2 has it for If-None-Match.
func matches(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == etag || candidate == "*" {
			return true
		}
	}
	return false
}
