package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"conclave/static"
)

func TestVersionListsTheClientAndComparesItWithAServers(t *testing.T) {
	var out bytes.Buffer
	if err := (versionCmd{}).Run(console{&out, io.Discard}); err != nil || !strings.Contains(out.String(), "sha256 ") {
		t.Errorf("%q, %v", out.String(), err)
	}
	out.Reset()
	if err := (versionCmd{Files: true}).Run(console{&out, io.Discard}); err != nil ||
		!strings.Contains(out.String(), "/js/main.js\n") {
		t.Errorf("%q, %v", out.String(), err)
	}
	url, _ := startServer(t)
	if err := (versionCmd{Compare: url + "/"}).Run(console{&out, io.Discard}); err != nil {
		t.Errorf("a server of this binary: %v", err)
	}
	client, err := static.Handler(static.Options{})
	if err != nil {
		t.Fatal(err)
	}
	forged := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		answer := httptest.NewRecorder()
		client.ServeHTTP(answer, r)
		w.WriteHeader(answer.Code)
		_, _ = answer.Body.WriteTo(w)
		if strings.HasSuffix(r.URL.Path, "/js/main.js") {
			_, _ = io.WriteString(w, "// one line more")
		}
	}))
	defer forged.Close()
	out.Reset()
	if err := (versionCmd{Compare: forged.URL}).Run(console{&out, io.Discard}); !errors.Is(err, errOtherClient) ||
		!strings.Contains(out.String(), "/js/main.js") {
		t.Errorf("a changed client: %v, %q", err, out.String())
	}
}
