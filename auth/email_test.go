package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestOneMailboxIsOneAddress(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"case_folded":             {"Ana.Maria@EXAMPLE.org", "ana.maria@example.org"},
		"spaces_around_dropped":   {"  ana@example.org ", "ana@example.org"},
		"plus_address_kept":       {"ana+conclave@example.org", "ana+conclave@example.org"},
		"idn_becomes_ascii":       {"ana@Bücher.example", "ana@xn--bcher-kva.example"},
		"idn_decomposed_the_same": {"ana@bu\u0308cher.example", "ana@xn--bcher-kva.example"},
		"idn_full_stop":           {"ana@example。org", "ana@example.org"},
		"punycode_stays":          {"ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"},
		"atext":                   {"!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~@example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseEmail(tt.in)
			if err != nil || got.Reveal() != tt.want {
				t.Errorf("got %q, %v; want %q", got.Reveal(), err, tt.want)
			}
			if again := mustEmail(t, got.Reveal()); again != got {
				t.Error("normalising twice gives another address")
			}
		})
	}
}

func TestLimitsCountByMailbox(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"plain":                     {"ana@example.org", "ana@example.org"},
		"tag":                       {"ana+conclave@example.org", "ana@example.org"},
		"tags":                      {"ana+a+b@example.org", "ana@example.org"},
		"empty_tag":                 {"ana+@example.org", "ana@example.org"},
		"tag_and_case":              {"Ana+X@Example.org", "ana@example.org"},
		"only_a_tag_is_a_name":      {"+ana@example.org", "+ana@example.org"},
		"dots_stay":                 {"a.n.a@example.org", "a.n.a@example.org"},
		"dots_at_gmail":             {"a.n.a+x@gmail.com", "ana@gmail.com"},
		"gmails_other_name":         {"a.na@googlemail.com", "ana@gmail.com"},
		"dots_at_a_gmail_look_like": {"a.na@gmail.com.example", "a.na@gmail.com.example"},
		"hyphen_stays":              {"ana-x@example.org", "ana-x@example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustEmail(t, tt.in).Mailbox()
			if got.Reveal() != tt.want {
				t.Errorf("got %q, want %q", got.Reveal(), tt.want)
			}
			if got.Mailbox() != got {
				t.Error("the mailbox's mailbox is another")
			}
		})
	}
	if !(Email{}).Mailbox().IsZero() {
		t.Error("no address has a mailbox")
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	long := strings.Repeat("a", 65)
	for name, in := range map[string]string{
		"empty": "", "no_at": "ana", "no_local": "@example.org", "no_domain": "ana@", "cr": "ana\r@example.org",
		"lf_injects_header": "ana@example.org\nBcc: eve@example.org", "crlf_in_domain": "ana@example.org\r\nBcc: x",
		"crlf_at_end": "ana@example.org\r\n", "tab": "ana\t@example.org", "nul": "ana\x00@example.org", "del": "ana\x7f@example.org",
		"space_inside": "ana maria@example.org", "two_addresses": "ana@example.org,eve@example.org", "display_name": "Ana <ana@example.org>",
		"quoted_local": `"ana"@example.org`, "comment": "ana(c)@example.org", "dots": "ana..x@example.org", "leading_dot": ".ana@example.org",
		"ip_literal": "ana@[127.0.0.1]", "ip": "ana@127.0.0.1", "no_dot": "ana@localhost", "trailing_dot": "ana@example.org.",
		"long_local": long + "@example.org", "long_all": "a@" + strings.Repeat("abcdefg.", 31) + "example.org", "huge": strings.Repeat("a", 1<<20),
		"label_too_long": "a@" + strings.Repeat("x", 64) + ".org", "hyphen_first": "a@-x.org", "underscore": "a@x_y.org",
		"unicode_local": "änne@example.org", "fullwidth_at": "ana＠example.org", "invalid_utf8": "ana@ex\xffample.org",
		"replacement": "ana@ex\ufffdample.org", "bidi_override": "ana@\u202eexample.org", "zero_width": "ana@exa\u200bmple.org",
		"percent_route_is_text": "ana%eve@",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseEmail(in)
			if !errors.Is(err, ErrInvalidEmail) || !got.IsZero() {
				t.Fatalf("accepted as %q, %v", got.Reveal(), err)
			}
			if len(in) > 3 && strings.Contains(err.Error(), in) {
				t.Error("the error repeats the address")
			}
		})
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, s := range []string{
		"ana@example.org", "Ana+x@BÜCHER.example", "a@b\r\nBcc: c@d.e", "@", "a@[::1]", "\"a\"@b.c", "a@xn--.org", "a@xn--bcher-kva.example",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseEmail(s)
		if err != nil {
			if !e.IsZero() {
				t.Error("an address with an error")
			}
			return
		}
		out := e.Reveal()
		for i := range len(out) {
			if out[i] <= ' ' || out[i] >= 0x7f || strings.IndexByte(`",;:<>()[]\`, out[i]) >= 0 {
				t.Fatalf("%q may break a header", out)
			}
		}
		if again, err := ParseEmail(out); err != nil || again != e || len(out) > maxAddress || strings.Count(out, "@") != 1 {
			t.Fatalf("%q is not normal: %v", out, err)
		}
	})
}
