package meeting

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// No verb, logger or encoder prints what is about a person or a meeting, not even out of a struct that holds it.
func TestPrivateTypesPrintNothing(t *testing.T) {
	const canary = "canary"
	id, err := ParseID("canr-ycan-aryc-anar")
	if err != nil {
		t.Fatal(err)
	}
	identity := Identity{Session: SessionKeyOf(canary), Address: NewAddress(canary + "@example.org")}
	name := NewDisplayName(canary)
	values := map[string]any{
		"ID": id, "DisplayName": name, "Title": NewTitle(canary), "Address": identity.Address, "SessionKey": identity.Session,
		"Blob": NewBlob(canary), "Identity": identity, "seat": seat{identity: identity, name: name, announce: NewBlob(canary)},
		"*seat": &seat{identity: identity, name: name}, "meta": meta{id: id, title: NewTitle(canary), creator: identity.person()},
		"Join": Join{Meeting: id, Identity: identity, Name: name}, "map": map[ID]Title{id: NewTitle(canary)},
	}
	for name, v := range values {
		if _, ok := v.(fmt.Stringer); ok {
			t.Errorf("%s has a String method", name)
		}
		for _, verb := range strings.Split("v +v #v s q x X d T t b c o U e f g p", " ") {
			check(t, name+" %"+verb, fmt.Sprintf("%"+verb, v))
		}
		check(t, name+" error", fmt.Errorf("about %v", v).Error())
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("test", "value", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("test", "value", v)
		check(t, name+" slog", log.String())
		if data, err := json.Marshal(v); err == nil {
			check(t, name+" json", string(data))
		}
	}
	if fmt.Sprint(id) != redacted || id.Reveal() != "canr-ycan-aryc-anar" {
		t.Error("no placeholder, or no accessor")
	}
}

func check(t *testing.T, what, out string) {
	t.Helper()
	low := strings.ToLower(out)
	for _, bad := range []string{"canary", "canr", fmt.Sprintf("%x", "canary"), fmt.Sprintf("%x", "canr")} {
		if strings.Contains(low, bad) {
			t.Fatalf("%s prints %.300q", what, out)
		}
	}
}
