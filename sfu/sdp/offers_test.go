package sdp

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"conclave/media"
)

// offerCase is an offer of testdata/offers.txt.
type offerCase struct {
	name, base string
	changes    [][2]string // what is replaced, and by what
	cut        int         // how many m-lines are kept, 0: all
	ports      map[int]string
	tracks     string
	want       []string // "verb text"
}

func offerCases(t *testing.T) (cases []offerCase) {
	t.Helper()
	raw, err := os.ReadFile("testdata/offers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "offer "); ok {
			cases = append(cases, offerCase{name: name, base: "plain", tracks: "0=mic 1=camera", ports: map[int]string{}})
			continue
		}
		line, ok := strings.CutPrefix(line, "  ")
		if !ok {
			continue
		}
		c := &cases[len(cases)-1]
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "base":
			c.base = rest
		case "replace":
			old, by, _ := strings.Cut(strings.ReplaceAll(rest, `\n`, "\n"), " => ")
			c.changes = append(c.changes, [2]string{old, by})
		case "cut":
			_, _ = fmt.Sscan(rest, &c.cut)
		case "port":
			var at int
			var port string
			_, _ = fmt.Sscan(rest, &at, &port)
			c.ports[at] = port
		case "tracks":
			c.tracks = rest
		default:
			c.want = append(c.want, line)
		}
	}
	return cases
}

// text is the offer after its changes.
func (c *offerCase) text(t *testing.T) string {
	t.Helper()
	text := strings.ReplaceAll(browserOffer(t, c.base), "\r\n", "\n")
	for _, change := range c.changes {
		if !strings.Contains(text, change[0]) {
			t.Fatalf("the offer has no %q", change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	sections := strings.Split(text, "\nm=")
	if c.cut > 0 {
		sections = append(sections[:c.cut+1:c.cut+1], "")[:c.cut+1]
		sections[c.cut] += "\n"
	}
	for at, port := range c.ports {
		sections[at+1] = strings.Replace(sections[at+1], " 9 ", " "+port+" ", 1)
	}
	return strings.ReplaceAll(strings.Join(sections, "\nm="), "\n", "\r\n")
}

func (c *offerCase) sources(t *testing.T, o *Offer) (tracks []media.Track) {
	t.Helper()
	names := map[string]media.Source{"mic": media.Mic, "camera": media.Camera}
	for _, field := range strings.Fields(c.tracks) {
		mid, name, _ := strings.Cut(field, "=")
		if c.cut == 0 || len(tracks) < len(o.Media) {
			tracks = append(tracks, media.Track{MID: mid, Source: names[name]})
		}
	}
	return tracks
}

// Each offer of the file is answered, or refused, as it says there.
func TestOffers(t *testing.T) {
	cases := offerCases(t)
	if len(cases) < 60 {
		t.Fatalf("%d offers", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, err := Parse(c.text(t))
			var sources map[string]media.Source
			if err == nil {
				sources, err = o.Sources(c.sources(t, o))
			}
			if text, refused := strings.CutPrefix(strings.Join(c.want, "\n"), "error "); refused {
				if !errors.Is(err, ErrBadOffer) || !strings.Contains(err.Error(), text) {
					t.Errorf("refused with %v, want %q", err, text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			p, answer := answered(o, sources)
			checkAnswer(t, o, p, answer)
			c.check(t, o, answer, o.Warnings(sources, p.Send))
		})
	}
}

// check compares an answer with what is wanted.
func (c *offerCase) check(t *testing.T, o *Offer, answer string, warnings []media.Warning) {
	t.Helper()
	wanted := 0
	for _, want := range c.want {
		verb, text, _ := strings.Cut(want, " ")
		ok := true
		switch verb {
		case "lines":
			for i, section := range strings.Split(answer, "\r\nm=")[1:] {
				ok = ok && strings.Contains(section, " 9 ") == (strings.Fields(text)[i] == "+")
			}
		case "answer":
			ok = strings.Contains(answer, text)
		case "no":
			ok = !strings.Contains(answer, text)
		case "count":
			n, what, _ := strings.Cut(text, " ")
			ok = fmt.Sprint(strings.Count(answer, what)) == n
		case "ufrag":
			ok = o.Ufrag == text
		case "fingerprint":
			ok = o.Fingerprint == text
		case "quiet":
			ok = len(warnings) == 0
		case "warning":
			wanted++
			mid, kind, _ := strings.Cut(text, " ")
			ok = false
			for _, w := range warnings {
				ok = ok || w == media.Warning{MID: mid, Warning: media.WarningKind(kind)}
			}
		default:
			t.Fatalf("what is %q?", want)
		}
		if !ok {
			t.Errorf("not %q: warnings %v\n%s", want, warnings, answer)
		}
	}
	if wanted > 0 && c.base == "plain" && len(warnings) < wanted {
		t.Errorf("warnings %v", warnings)
	}
}

// RTCP of reduced size needs the consent of every m-line that carries something: one transport carries it all. Firefox
// offers it for video only.
func TestReducedSizeIsTakenOnlyIfEveryUsedLineOffersIt(t *testing.T) {
	for name, want := range map[string]bool{"chromium": true, "firefox": false, "aiortc": false, "plain": false} {
		o, err := Parse(browserOffer(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if o.ReducedSize() != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestALaterOfferKeepsTheOrderOfItsMLines(t *testing.T) {
	o, err := Parse(browserOffer(t, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	before := o.Lines()
	if err := o.SameOrder(before); err != nil {
		t.Error(err)
	}
	o.Media[0], o.Media[1] = o.Media[1], o.Media[0]
	if err := o.SameOrder(before); !errors.Is(err, ErrBadOffer) {
		t.Errorf("moved: %v", err)
	}
}
