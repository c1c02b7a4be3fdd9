package client

import (
	"slices"
	"testing"

	"conclave/media"
	"conclave/protocol"
)

// watcher is a bot that sees so many pictures of participants 1 to 6, being the third of them.
func watcher(view int) *Bot {
	b := New(nil, Config{View: view, Height: 180, Stage: 720})
	b.self = 3
	for id := protocol.Participant(1); id <= 6; id++ {
		e := protocol.RosterEntry{Participant: id, Sources: []protocol.Source{media.Mic, media.Camera}}
		if id == 6 {
			e.Sources = []protocol.Source{media.Mic}
		}
		if id == 2 {
			e.Sources = append(e.Sources, media.Screen)
		}
		b.note([]protocol.RosterEntry{e})
	}
	return b
}

func seen(b *Bot) (list []protocol.Participant) {
	for _, w := range b.wants() {
		list = append(list, w.Participant)
	}
	return list
}

// A page begins behind the bot's own number, so that a meeting's bots do not all see the same few.
func TestAPageBeginsBehindTheBotItself(t *testing.T) {
	b := watcher(2)
	if got := seen(b); !slices.Equal(got, []protocol.Participant{4, 5}) {
		t.Errorf("%v", got)
	}
	b.page++
	if got := seen(b); !slices.Equal(got, []protocol.Participant{1, 2}) {
		t.Errorf("the next page is %v", got)
	}
	b.page++
	if got := seen(b); !slices.Equal(got, []protocol.Participant{2, 4}) {
		t.Errorf("the page after the last, which begins anew, is %v", got)
	}
}

func TestTheFirstPictureIsTheStage(t *testing.T) {
	wants := watcher(9).wants()
	if len(wants) != 5 || wants[0].Height != 720 || wants[1].Height != 180 {
		t.Errorf("%+v", wants)
	}
	screens := 0
	for _, w := range wants {
		if w.Participant == 3 || w.Participant == 6 || w.Source == media.Mic {
			t.Errorf("wants %+v", w)
		}
		if w.Source == media.Screen {
			screens++
		}
	}
	if screens != 1 {
		t.Errorf("%d screens", screens)
	}
	if wants := watcher(0).wants(); wants == nil || len(wants) != 0 {
		t.Errorf("a bot that watches nothing wants %v", wants)
	}
}

// Who speaks is shown first and large, on whichever page they are, and stays there while all are silent.
func TestTheStageFollowsWhoSpeaks(t *testing.T) {
	b := watcher(2)
	b.cfg.Follow = true
	if b.follow(nil) || b.follow([]protocol.Participant{3}) { // nobody, and the bot itself
		t.Error("there is nobody to follow")
	}
	for _, step := range []struct {
		speaker protocol.Participant
		changed bool
		want    []protocol.Participant
	}{
		{5, true, []protocol.Participant{5, 4}}, {5, false, []protocol.Participant{5, 4}},
		{1, true, []protocol.Participant{1, 4}},
	} {
		changed := b.follow([]protocol.Participant{3, step.speaker})
		if got := seen(b); changed != step.changed || !slices.Equal(got, step.want) {
			t.Errorf("%d speaks: %v, %v; want %v", step.speaker, changed, got, step.want)
		}
	}
	if b.follow(nil); b.wants()[0].Height != 720 || b.wants()[0].Participant != 1 || b.wants()[1].Height != 180 {
		t.Errorf("in silence: %+v", b.wants())
	}
	b.cfg.Follow = false
	if got := seen(b); !slices.Equal(got, []protocol.Participant{4, 5}) {
		t.Errorf("a bot that follows no one shows %v", got)
	}
}

func TestATokenGoesOnlyWhereItMay(t *testing.T) {
	token := "5f8b"
	for address, ok := range map[string]bool{
		"https://meet.example.org": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true, "http://localhost": true,
		"http://meet.example.org": false, "http://127.0.0.1.example.org": false, "ftp://127.0.0.1": false,
		"meet.example.org": false,
		"https://":         false, "://": false,
	} {
		if _, err := NewAPI(address, token, false); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := NewAPI("http://meet.example.org", token, true); err != nil {
		t.Errorf("allowed by hand: %v", err)
	}
	if _, err := NewAPI("https://meet.example.org", "", false); err == nil {
		t.Error("without a token")
	}
}

func TestOnlyALocalServerHasAProcessHere(t *testing.T) {
	for address, want := range map[string]int{
		"http://127.0.0.1:8080": 8080, "http://localhost": 80, "https://[::1]": 443, "https://meet.example.org:8443": 0,
	} {
		api, err := NewAPI(address, "5f8b", false)
		if err != nil {
			t.Fatal(err)
		}
		if got := api.LocalPort(); got != want {
			t.Errorf("%s: port %d, want %d", address, got, want)
		}
	}
}
