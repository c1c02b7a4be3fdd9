package protocol_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"conclave/protocol"
)

const docPath = "../docs/protocol.md"

func readDoc(t testing.TB) string {
	t.Helper()
	doc, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

func examples(doc, lang string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+lang+"\n(.*?)^```$").FindAllStringSubmatch(doc, -1) {
		out = append(out, strings.TrimSpace(m[1]))
	}
	return out
}

// Every example of a client's message decodes strictly, and every message type has an example.
func TestDocumentClientExamples(t *testing.T) {
	seen := map[string]bool{}
	for _, ex := range examples(readDoc(t), "client") {
		m, err := protocol.DecodeClient([]byte(ex))
		if err != nil {
			t.Errorf("%s\n%v", ex, detail(err))
			continue
		}
		seen[m.Type()] = true
		roundTrip(t, m)
	}
	for _, m := range protocol.ClientMessages() {
		if !seen[m.Type()] {
			t.Errorf("the document has no example of %q from a client", m.Type())
		}
	}
}

// Every example of a server's message decodes strictly, and every message type has an example.
func TestDocumentServerExamples(t *testing.T) {
	seen := map[string]bool{}
	for _, ex := range examples(readDoc(t), "server") {
		m, err := protocol.DecodeServer([]byte(ex))
		if err != nil {
			t.Errorf("%s\n%v", ex, detail(err))
			continue
		}
		seen[m.Type()] = true
		roundTrip(t, m)
	}
	for _, m := range protocol.ServerMessages() {
		if !seen[m.Type()] {
			t.Errorf("the document has no example of %q from the server", m.Type())
		}
	}
}

// Messages in running text are examples too.
func TestDocumentInlineExamples(t *testing.T) {
	inline := regexp.MustCompile("`(\\{\"type\".*?\\})`").FindAllStringSubmatch(readDoc(t), -1)
	if len(inline) == 0 {
		t.Fatal("no inline examples found")
	}
	for _, ex := range inline {
		_, client := protocol.DecodeClient([]byte(ex[1]))
		_, server := protocol.DecodeServer([]byte(ex[1]))
		if client != nil && server != nil {
			t.Errorf("%s\nas client: %v\nas server: %v", ex[1], detail(client), detail(server))
		}
	}
}

// The HTTP examples decode strictly, in the order of the document.
func TestDocumentHTTPExamples(t *testing.T) {
	want := []any{
		&protocol.HTTPError{}, &protocol.Config{}, &protocol.Code{}, &protocol.Session{}, &protocol.Session{}, &protocol.Create{},
		&protocol.Created{}, &protocol.MeetingInfo{},
	}
	have := examples(readDoc(t), "http")
	if len(have) != len(want) {
		t.Fatalf("the document has %d HTTP examples, the test knows %d", len(have), len(want))
	}
	for i, ex := range have {
		if err := protocol.DecodeBody([]byte(ex), want[i]); err != nil {
			t.Errorf("%s\n%v", ex, detail(err))
		}
	}
}

// The document's tables name exactly the errors, reasons and permissions that exist.
func TestDocumentNamesEveryValue(t *testing.T) {
	doc := readDoc(t)
	for _, e := range []protocol.Enum{
		protocol.ErrorID(""), protocol.ByeReason(""), protocol.Permission(""), protocol.Role(""), protocol.Source(""),
		protocol.WithheldReason(""), protocol.LeftReason(""), protocol.LeavePolicy(""), protocol.ReactionKind(""), protocol.Kind(""),
		protocol.BroadcastKind(""), protocol.RefusedReason(""),
	} {
		for _, v := range e.Values() {
			if !strings.Contains(doc, "`"+v+"`") {
				t.Errorf("%T %q is not in the document", e, v)
			}
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)`.*\\| (yes|no) \\|$").FindAllStringSubmatch(doc, -1) {
		if fatal := protocol.ErrorID(row[1]).Fatal(); fatal != (row[2] == "yes") {
			t.Errorf("%s: the document says fatal %s, the code %v", row[1], row[2], fatal)
		}
	}
}

func roundTrip(t *testing.T, m protocol.Message) {
	t.Helper()
	data, err := protocol.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var again protocol.Message
	if _, ok := m.(protocol.ClientMessage); ok {
		again, err = protocol.DecodeClient(data)
	} else {
		again, err = protocol.DecodeServer(data)
	}
	if err != nil {
		t.Fatalf("%s\n%v", data, detail(err))
	}
	if !reflect.DeepEqual(m, again) {
		t.Fatalf("%s came back as %+v", data, again)
	}
}

func detail(err error) string {
	if e, ok := err.(*protocol.RequestError); ok {
		return string(e.Err) + ": " + e.Message
	}
	return err.Error()
}
