package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"conclave/protocol"
)

// Every refusal below /api has the body of the protocol document, also those of no route.
func TestErrorsOverHTTPHaveTheDocumentedBody(t *testing.T) {
	w := newWorld(t, public()...)
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
		id, allow                string
	}{
		{"GET", "/api/nothing", "", "", 404, "not_found", ""},
		{"POST", "/api/auth/nothing", "application/json", "{}", 404, "not_found", ""},
		{"DELETE", "/api/config", "", "", 405, "method_not_allowed", "GET"},
		{"GET", "/api/auth/code", "", "", 400, "code_expired", ""},
		{"DELETE", "/api/meetings", "", "", 405, "method_not_allowed", "POST"},
		{"PUT", "/api/meetings/k7qm-2f9x-w3dj-8hrt", "", "", 405, "method_not_allowed", "GET"},
		{"POST", "/api/auth/session", "application/json", "{}", 405, "method_not_allowed", "GET"},
		{"POST", "/api/auth/code", "application/json", "{", 400, "bad_json", ""},
		{"POST", "/api/auth/code", "application/json", `{"e": "a"}`, 400, "invalid_request", ""},
		{"POST", "/api/auth/code", "text/plain", `{"email": "a@b.example"}`, 415, "invalid_request", ""},
		{"POST", "/api/auth/code", "application/json", strings.Repeat(" ", 5000) + "{}", 413, "too_large", ""},
		{"GET", "/ws", "", "", 401, "unauthenticated", ""},
	} {
		name := c.method + " " + c.path
		rec := w.do(c.method, c.path, c.body, func(r *http.Request) { r.Header.Set("Content-Type", c.kind) })
		var got protocol.HTTPError
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
			t.Errorf("%s: %d %q", name, rec.Code, rec.Body)
			continue
		}
		if rec.Code != c.status || string(got.Error) != c.id || got.Message == "" ||
			!slices.Contains(got.Error.Values(), c.id) || rec.Header().Get("Allow") != c.allow {
			t.Errorf("%s: %d %q, Allow %q", name, rec.Code, rec.Body, rec.Header().Get("Allow"))
		}
	}
}
