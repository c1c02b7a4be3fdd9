package main

import (
	"strings"

	"github.com/goccy/go-yaml"
)

// passwordName is the variable that holds the password of the mail server.
const passwordName = "CONCLAVE_SMTP_PASSWORD" //nolint:gosec // a name

// answers are the values of a configuration file, as text.
type answers map[string]string

// answersIn reads what a file answers already. What it cannot read it leaves out: those questions have no preset.
func answersIn(text string) answers {
	var values map[string]any
	if yaml.Unmarshal([]byte(text), &values) != nil {
		return nil
	}
	out := answers{}
	for name, v := range values {
		switch v := v.(type) {
		case string:
			out[name] = v
		case []any:
			var parts []string
			for _, e := range v {
				if s, ok := e.(string); ok {
					parts = append(parts, s)
				}
			}
			out[name] = strings.Join(parts, ", ")
		}
	}
	return out
}

// withAnswers puts values into a configuration file and leaves its other lines as they are. The file is a flat
// mapping, so a name begins its line; lines below that begin with a space or a dash belong to it. A commented line
// takes a value too. In the example, a name without a value is commented out, because its value is only an example.
func withAnswers(text string, example bool, values map[string]string) string {
	var out []string
	done, skip := map[string]bool{}, false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if skip && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "-")) {
			continue
		}
		name, commented := nameOf(line)
		value, known := values[name]
		skip = false
		switch {
		case known && value != "" && !done[name] && (!commented || !hasName(text, name)):
			done[name], skip = true, !commented
			out = append(out, name+": "+yamlValue(name, value))
		case known && value == "" && !commented && name == "host_domains":
			skip = true // everyone
		case example && !commented && name != "" && (value == "" && known || name == "admin"):
			out = append(out, "# "+line)
		default:
			out = append(out, line)
		}
	}
	for _, name := range []string{"domain", "smtp", "smtp_from", "operator", "host_domains", "advertise"} {
		if values[name] != "" && !done[name] {
			out = append(out, name+": "+yamlValue(name, values[name]))
		}
	}
	return strings.Join(out, "\n") + "\n"
}

// nameOf returns the option that a line sets, and whether the line is commented out.
func nameOf(line string) (name string, commented bool) {
	rest, commented := strings.CutPrefix(line, "# ")
	name, _, ok := strings.Cut(rest, ":")
	if !ok || name == "" || strings.ContainsAny(name, " #-\"'") {
		return "", commented
	}
	return name, commented
}

func hasName(text, name string) bool {
	return strings.HasPrefix(text, name+":") || strings.Contains(text, "\n"+name+":")
}

// yamlValue writes a value; lists as such.
func yamlValue(name, value string) string {
	if name != "host_domains" && name != "advertise" {
		return quoted(value)
	}
	parts := strings.Split(value, ", ")
	for i, p := range parts {
		parts[i] = quoted(p)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// quoted writes text so that YAML reads the same: plain where that is safe.
func quoted(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("./@_+-: ", r)
	}
	safe := strings.TrimFunc(text, plain) == "" && !strings.Contains(text, ": ") && !strings.HasSuffix(text, ":") &&
		!strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "@") && strings.ContainsAny(text, ".@")
	if safe {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
