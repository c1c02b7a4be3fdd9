package static

import (
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func handler(t *testing.T, opts Options) http.Handler {
	t.Helper()
	h, err := Handler(opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestPageIsServedAtEveryScreenAndNowhereElse(t *testing.T) {
	h := handler(t, Options{})
	for path, want := range map[string]int{
		"/": 200, "/check": 200, "/m/k7qm-2f9x-w3dj-8hrt": 200, "/m/K7QM2F9XW3DJ8HRT": 200,
		"/m/": 404, "/m/a/b": 404, "/m/%3Cscript%3E": 404, "/index.html": 404, "/js/main.js": 404,
		"/assets/": 404, "/assets/x/js/main.js": 404, "/static.go": 404, "/assets/../static.go": 404,
		"/m/" + strings.Repeat("a", 65): 404,
	} {
		res := get(t, h, path)
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
		if want == 200 && res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: type %q", path, res.Header.Get("Content-Type"))
		}
	}
}

var assetRef = regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`)

func TestEveryFileThePageNamesIsImmutableAndTyped(t *testing.T) {
	h := handler(t, Options{})
	html := body(t, get(t, h, "/"))
	if strings.Contains(html, "{{") {
		t.Error("a placeholder was not filled in")
	}
	refs := assetRef.FindAllStringSubmatch(html, -1)
	if len(refs) < 5 {
		t.Fatalf("only %d references", len(refs))
	}
	for _, ref := range refs {
		res := get(t, h, ref[1])
		if res.StatusCode != 200 {
			t.Errorf("%s: %d", ref[1], res.StatusCode)
		}
		if cc := res.Header.Get("Cache-Control"); !strings.Contains(cc, "immutable") {
			t.Errorf("%s: Cache-Control %q", ref[1], cc)
		}
		types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
		want := types[filepath.Ext(ref[1])]
		if got := res.Header.Get("Content-Type"); got != want {
			t.Errorf("%s: type %q, want %q", ref[1], got, want)
		}
	}
}

func TestPageIsRevalidatedAndNotSentTwice(t *testing.T) {
	h := handler(t, Options{})
	for _, enc := range []string{"", "gzip", "br, gzip;q=0.5"} {
		first := get(t, h, "/", "Accept-Encoding", enc)
		if first.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("Cache-Control %q", first.Header.Get("Cache-Control"))
		}
		second := get(t, h, "/", "Accept-Encoding", enc, "If-None-Match", first.Header.Get("ETag"))
		if second.StatusCode != http.StatusNotModified || body(t, second) != "" {
			t.Errorf("encoding %q: %d", enc, second.StatusCode)
		}
	}
}

func TestGzipOnlyForThoseWhoAcceptItAndTheSameBytes(t *testing.T) {
	h := handler(t, Options{})
	plain := body(t, get(t, h, "/"))
	for enc, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "br, gzip": true, "gzip;q=0": false, "gzip; q=0.0": false,
		"*": true, "br": false,
	} {
		res := get(t, h, "/", "Accept-Encoding", enc)
		if got := res.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("%q: gzip %v", enc, got)
			continue
		}
		if !want {
			continue
		}
		zr, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := io.ReadAll(zr)
		if err != nil || string(unzipped) != plain {
			t.Errorf("%q: other bytes (%v)", enc, err)
		}
	}
}

func TestOnlyGetAndHead(t *testing.T) {
	h := handler(t, Options{})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
}

func TestDevelopmentServesWhatIsOnDiskNow(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("index.html", "one")
	write("favicon.svg", "<svg/>")
	write("css/a.css", "")
	write("js/main.js", "1")
	write("js/screens/meeting.js", "")
	write("js/screens/check.js", "")
	write("js/screens/home.js", "")
	h := handler(t, Options{Dir: dir})
	write("js/main.js", "2\nimport { h } from './a.js';")
	write("js/a.js", "")
	res := get(t, h, "/assets/any/js/main.js")
	if body(t, res)[:1] != "2" || res.Header.Get("Cache-Control") != "no-store" {
		t.Error("stale or cacheable")
	}
	if _, err := Handler(Options{Dir: filepath.Join(dir, "missing")}); err == nil {
		t.Error("a missing directory must be an error at the start")
	}
}

// What is transferred, compressed, until a page is interactive: itself, its style sheets, every module it names, and
// the catalogue of one language. Everything else (the call, its panels, the check) is fetched afterwards, when the
// browser is idle or the person opens it; the whole client has a budget of its own, so that being lazy does not become
// being large.
func TestEveryPageIsInteractiveWithinItsBudgetAndTheWholeClientWithinAnother(t *testing.T) {
	// 2026-11-30: 290,000 became 372,000 for js/e2ee/mls and the group above it, which only the workers of encrypted
	// meetings load.
	const untilInteractive, whole = 68_000, 372_000
	s, err := load(embedded, true)
	if err != nil {
		t.Fatal(err)
	}
	code := transferred(s.pages["/m/"])
	words := map[string]int{}
	for name, a := range s.assets {
		if language, _, ok := strings.Cut(strings.TrimPrefix(name, catalogues), "/"); ok &&
			slices.Contains(s.languages, language) {
			words[language] += transferred(a)
		} else {
			code += transferred(a)
		}
	}
	for _, language := range s.languages {
		for address, page := range s.pages {
			total := transferred(page)
			for _, named := range loadedAtOnce(s, address, language) {
				total += transferred(s.assets[named])
			}
			t.Logf("%-7s is interactive in %s after %d bytes compressed", address, language, total)
			if total > untilInteractive {
				t.Errorf("%s, %s: %d bytes until it is interactive, budget %d", address, language, total,
					untilInteractive)
			}
		}
		t.Logf("the whole client is %d bytes compressed in %s", code+words[language], language)
		if total := code + words[language]; total > whole {
			t.Errorf("the whole client in %s: %d bytes, budget %d", language, total, whole)
		}
	}
}

// loadedAtOnce lists what the page of an address has the browser fetch, in its text and in its header.
func loadedAtOnce(s *site, address, language string) []string {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	if address == "/m/" {
		r.URL.Path += "k7qm-2f9x-w3dj-8hrt"
	}
	r.Header.Set("Accept-Language", language)
	w := httptest.NewRecorder()
	s.serve(w, r, true)
	var names []string
	for _, ref := range assetRef.FindAllStringSubmatch(w.Body.String(), -1) {
		names = append(names, strings.TrimPrefix(ref[1], assetPrefix+s.version+"/"))
	}
	for _, link := range w.Header().Values("Link") {
		address, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
		names = append(names, strings.TrimPrefix(address, assetPrefix+s.version+"/"))
	}
	slices.Sort(names)
	return slices.Compact(names) // main.js is named twice, and fetched once
}

func TestThePageBringsTheCatalogueOfTheLanguageTheBrowserAsksFor(t *testing.T) {
	s, err := load(embedded, false)
	if err != nil {
		t.Fatal(err)
	}
	for address, parts := range map[string]string{"/": "home start", "/m/": "start", "/check": "check start"} {
		for _, language := range s.languages {
			var found []string
			for _, name := range loadedAtOnce(s, address, language) {
				if s.assets[name].body == nil {
					t.Errorf("%s names %s, which is not there", address, name)
				}
				if part, ok := strings.CutPrefix(name, catalogues+language+"/"); ok {
					found = append(found, strings.TrimSuffix(part, ".js"))
				} else if strings.Count(name, "/") == 3 && strings.HasPrefix(name, catalogues) {
					t.Errorf("%s in %s brings %s, too", address, language, name)
				}
			}
			if got := strings.Join(found, " "); got != parts {
				t.Errorf("%s in %s brings %q, want %q", address, language, got, parts)
			}
		}
	}
	h := handler(t, Options{})
	for _, address := range []string{"/", "/check", "/m/k7qm-2f9x-w3dj-8hrt"} {
		if vary := get(t, h, address).Header.Values("Vary"); !slices.Contains(vary, "Accept-Language") {
			t.Errorf("%s: Vary %q", address, vary)
		}
	}
	if res := get(t, h, "/favicon.svg"); len(res.Header.Values("Link")) != 0 {
		t.Error("only a page brings a catalogue")
	}
}

func TestTheLanguageIsTheBestOneThatHasACatalogue(t *testing.T) {
	s := &site{languages: []string{"ar", "de", "en"}}
	for header, want := range map[string]string{
		"": "en", "*": "en", "de": "de", "de-AT,de;q=0.9,en;q=0.8": "de", "DE": "de", "fi,ar;q=0.5,de;q=0.7": "de",
		"fi, sv;q=0.9": "en", "ar-EG;q=0.3": "ar", "de;q=0": "en", "de;q=x": "en", "en-GB,de": "en", ",;,": "en",
		"deu": "en", "../de": "en",
	} {
		if got := s.language(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func transferred(a asset) int { return min(len(a.body), cmp.Or(len(a.gzip), len(a.body))) }

var importLater = regexp.MustCompile(`\bimport\('(\.[^']+)'\)`)

// A module that is imported later is missed only when a person opens what it is for; this test finds it first.
func TestEveryModuleThatIsImportedLaterIsThereAndNotLoadedBefore(t *testing.T) {
	s, err := load(embedded, true)
	if err != nil {
		t.Fatal(err)
	}
	later := 0
	for name, a := range s.assets {
		for line := range strings.SplitSeq(string(a.body), "\n") {
			if at := strings.TrimSpace(line); strings.HasPrefix(at, "*") || strings.HasPrefix(at, "/*") {
				continue // a type, which no browser follows
			}
			line, _, _ = strings.Cut(line, "/*")
			for _, m := range importLater.FindAllStringSubmatch(line, -1) {
				later++
				if module := path.Join(path.Dir(name), m[1]); s.assets[module].body == nil {
					t.Errorf("%s imports %s, which is not there", name, module)
				} else if module != screens()["/"].module && strings.Contains(string(s.pages["/"].body), module) {
					t.Errorf("%s imports %s later, but the page loads it at once", name, module)
				}
			}
		}
	}
	if later < 5 {
		t.Errorf("only %d modules are imported later", later)
	}
}

// What Trusted Types and the Content-Security-Policy would block in a browser must not be written in the first place.
func TestClientNeedsNoExceptionFromThePolicy(t *testing.T) {
	banned := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|` +
		`https?://(?:[^w/]|w[^w])[^"' ]*\.(?:js|css)|from ['"][^.]`)
	inline := regexp.MustCompile(`(?i)\sstyle="|\son[a-z]+="|<script(?:[^>]*)>[^<]`)
	err := walk(embedded, func(name string, b []byte) {
		if m := banned.Find(b); m != nil && filepath.Ext(name) == ".js" {
			t.Errorf("%s: %s", name, m)
		}
		if m := inline.Find(b); m != nil && filepath.Ext(name) == ".html" {
			t.Errorf("%s: %s", name, m)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnImportOfAFileThatIsNotThereIsFoundAtTheStart(t *testing.T) {
	fsys := fstest.MapFS{
		"index.html": {}, "favicon.svg": {}, "css/a.css": {},
		"js/main.js":            {Data: []byte("import { h } from './ui/dom.js';\n")},
		"js/screens/meeting.js": {}, "js/screens/check.js": {}, "js/screens/home.js": {},
	}
	if _, err := load(fsys, true); err == nil || !strings.Contains(err.Error(), "js/ui/dom.js") {
		t.Errorf("error %v", err)
	}
}

func TestTheManifestHasTheHashOfEverythingServed(t *testing.T) {
	files, err := Manifest()
	if err != nil || len(files) < 7 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	handler, err := Handler(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if len(f.SHA256) != 64 || (i > 0 && files[i-1].Path >= f.Path) {
			t.Errorf("%+v", f)
		}
		address := f.Path
		if address == "/m/" {
			address += "k7qm-2f9x-w3dj-8hrt"
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil))
		if got := fmt.Sprintf("%x", sha256.Sum256(w.Body.Bytes())); w.Code != http.StatusOK || got != f.SHA256 {
			t.Errorf("%s is served with status %d and hash %s", address, w.Code, got)
		}
	}
}
