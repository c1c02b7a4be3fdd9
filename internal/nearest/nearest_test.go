package nearest

import "testing"

func TestDistanceIsLevenshteins(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"join", "join", 0}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%s, %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestTheNearestNameIsSuggestedAndNoOther(t *testing.T) {
	known := []string{"meetings", "stages", "settle", "media_listen"}
	for unknown, want := range map[string]string{
		"meetngs": "meetings", "stage": "stages", "setle": "settle", "media_lisen_": "media_listen", "mediallissen": "media_listen",
		"zz": "", "xxxxxxxx": "", "": "",
	} {
		if got := Name(unknown, known); got != want {
			t.Errorf("%s: %q, want %q", unknown, got, want)
		}
	}
}
