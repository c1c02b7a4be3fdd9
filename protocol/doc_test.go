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
	for _, m := range regexp.MustCompile("(?ms)^```"+lang+"(?: \\w+)?\n(.*?)^```$").FindAllStringSubmatch(doc, -1) {
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
		seen[protocol.TypeOf(m)] = true
		roundTrip(t, m)
	}
	for _, m := range protocol.ClientMessages() {
		if !seen[protocol.TypeOf(m)] {
			t.Errorf("the document has no example of %q from a client", protocol.TypeOf(m))
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
		seen[protocol.TypeOf(m)] = true
		roundTrip(t, m)
	}
	for _, m := range protocol.ServerMessages() {
		if !seen[protocol.TypeOf(m)] {
			t.Errorf("the document has no example of %q from the server", protocol.TypeOf(m))
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

// Each HTTP example names the body that it shows, and decodes strictly as that one.
func TestDocumentHTTPExamples(t *testing.T) {
	bodies := map[string]reflect.Type{}
	for _, body := range protocol.Bodies() {
		bodies[reflect.TypeOf(body).Name()] = reflect.TypeOf(body)
	}
	list := regexp.MustCompile("(?ms)^```http(?: (\\w+))?\n(.*?)\n```$").FindAllStringSubmatch(readDoc(t), -1)
	for _, ex := range list {
		body := bodies[ex[1]]
		if body == nil {
			t.Errorf("there is no body %q of:\n%s", ex[1], ex[2])
			continue
		}
		if err := protocol.DecodeBody([]byte(ex[2]), reflect.New(body).Interface()); err != nil {
			t.Errorf("%s\n%v", ex[2], detail(err))
		}
	}
	if len(list) < 8 {
		t.Errorf("the document has %d HTTP examples", len(list))
	}
}

// The document's tables name exactly the errors, reasons and permissions that exist.
func TestDocumentNamesEveryValue(t *testing.T) {
	doc := readDoc(t)
	for _, e := range []protocol.Enum{
		protocol.ErrorID(""), protocol.ByeReason(""), protocol.Permission(""), protocol.Role(""), protocol.Mic,
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
