package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// signIn signs a visitor in.
func (v *visitor) signIn(address string) {
	v.Helper()
	if a := v.ask(address); a.status != 202 {
		v.Fatal(a)
	}
	if a := v.verify(v.code(address, 1)); a.status != 200 {
		v.Fatal(a)
	}
}

// tries joins a meeting with each password in turn, over one WebSocket from a network of its own, and returns how
// each was answered.
func (v *visitor) tries(meeting, from string, passwords ...string) (answers []string) {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.Context(), 30*time.Second)
	defer cancel()
	header := http.Header{"X-Forwarded-For": {from}}
	u, err := url.Parse(v.url)
	if err != nil {
		v.Fatal(err)
	}
	for _, c := range v.http.Jar.Cookies(u) {
		header.Add("Cookie", c.Name+"="+c.Value)
	}
	ws, _, err := websocket.Dial(ctx, v.url+"/ws", &websocket.DialOptions{
		Host: "127.0.0.1", HTTPHeader: header, Subprotocols: []string{"conclave.v1"},
	})
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	for i, password := range passwords {
		join := fmt.Sprintf(
			`{"type":"join","id":%d,"version":1,"meeting":%q,"name":"Eve","password":%q}`,
			i+1,
			meeting,
			password,
		)
		if err := ws.Write(ctx, websocket.MessageText, []byte(join)); err != nil {
			v.Fatal(err)
		}
		_, data, err := ws.Read(ctx)
		if err != nil {
			v.Fatal(err)
		}
		var m struct{ Type, Error string }
		if err := json.Unmarshal(data, &m); err != nil {
			v.Fatal(err)
		}
		answers = append(answers, m.Type+m.Error)
	}
	return answers
}

// TestTwoHundredPasswordsOfOnePersonCountAsOnePersons: one session guesses 200 passwords from 20 networks. Ten are
// looked at, and others who know the password come in.
func TestTwoHundredPasswordsOfOnePersonCountAsOnePersons(t *testing.T) {
	d := openDoor(t)
	ana, eve, ben := d.visitor("198.51.100.1"), d.visitor("203.0.113.1"), d.visitor("192.0.2.1")
	ana.signIn("ana@example.org")
	eve.signIn("eve@example.net")
	ben.signIn("ben@example.org")
	a := ana.do("POST", "/api/meetings", `{"password": "right", "lobby": false, "e2ee": false}`)
	meeting, _ := a.body["meeting"].(string)
	if a.status != 201 {
		t.Fatal(a)
	}
	looked := 0
	for i := range 20 {
		wrong := make([]string, 10)
		for j := range wrong {
			wrong[j] = fmt.Sprint("wrong", i, j)
		}
		for _, answer := range eve.tries(meeting, fmt.Sprintf("203.%d.113.1", i), wrong...) {
			switch answer {
			case "errorwrong_password":
				looked++
			case "errorrate_limited":
			default:
				t.Fatal(answer)
			}
		}
	}
	if looked != 10 {
		t.Errorf("%d of 200 guesses were looked at", looked)
	}
	// Behind one of the networks that Eve guessed from, too.
	for _, from := range []string{"192.0.2.1", "203.0.113.1"} {
		if answer := ben.tries(meeting, from, "right"); answer[0] != "welcome" {
			t.Errorf("with the right password from %s: %s", from, answer[0])
		}
	}
}
