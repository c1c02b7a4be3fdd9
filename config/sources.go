package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"conclave/internal/nearest"
)

// DefaultFile is read if it exists and no other file is named.
const DefaultFile = "/etc/conclave/config.yaml"

// EnvPrefix begins the name of every environment variable that is an option.
const EnvPrefix = "CONCLAVE_"

// maxFile bounds the configuration file, and each secret's file.
const maxFile = 1 << 20

// Source says where an option's value came from.
type Source string

// The sources, highest precedence first.
const (
	FromFlag    Source = "flag"
	FromEnv     Source = "environment"
	FromFile    Source = "file"
	FromDefault Source = "default"
)

// Sources gives kong the values of options from the environment and the file. It is a kong.Resolver. Make one per
// parse; not safe for concurrent use.
type Sources struct {
	known    names
	environ  map[string]string
	explicit string // file named on the command line
	readFile func(string) ([]byte, error)

	noSecrets bool // those of the disk are not read

	loaded  bool
	path    string
	file    map[string]any
	origins map[string]Source
}

// NewSources makes Sources of an environment as os.Environ gives it, for the options of list. A non-empty file must
// exist; an empty one means that of CONCLAVE_CONFIG, else DefaultFile if that exists.
func NewSources(list []Option, environ []string, file string) *Sources {
	s := &Sources{
		known: knownNames(list), environ: map[string]string{}, explicit: file, readFile: readBounded,
		origins: map[string]Source{},
	}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, EnvPrefix) {
			s.environ[EnvPrefix+strings.ToUpper(current(strings.ToLower(strings.TrimPrefix(k, EnvPrefix))))] = v
		}
	}
	return s
}

// TextSources makes Sources of texts that are not written yet: what a server would read of them. file is the name that
// text will have, secrets what will be in the file beside it.
func TextSources(list []Option, file, text string, secrets map[string]string) *Sources {
	s := NewSources(list, nil, file)
	s.noSecrets = true
	for name, value := range secrets {
		s.environ[name] = value
	}
	s.readFile = func(path string) ([]byte, error) {
		if path == file {
			return []byte(text), nil
		}
		return readBounded(path)
	}
	return s
}

// Path is the configuration file that was read; empty for none.
func (s *Sources) Path() string { return s.path }

// Origin says where the value of an option (by its name in the file) came from, after kong has parsed.
func (s *Sources) Origin(name string) Source {
	if o, ok := s.origins[name]; ok {
		return o
	}
	return FromFlag // kong does not ask for what the command line has set
}

// Validate is part of kong.Resolver.
func (s *Sources) Validate(*kong.Application) error { return nil }

// Resolve is part of kong.Resolver: it returns the value of a flag that the command line has not set; nil for none.
func (s *Sources) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) { // any: kong's interface
	if flag.Tag.Group == "" {
		return nil, nil // not an option
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	name := optionName(flag.Name)
	value, origin, err := s.value(name, flag.Target.Type())
	s.origins[name] = origin
	if err != nil || origin == FromDefault {
		return nil, err
	}
	return value, nil
}

// value finds an option in the environment, then in the file.
func (s *Sources) value(name string, t reflect.Type) (string, Source, error) {
	env := EnvPrefix + strings.ToUpper(name)
	v, inEnv := s.environ[env]
	path, inEnvFile := s.environ[env+"_FILE"]
	switch {
	case inEnv && inEnvFile:
		return "", FromEnv, fmt.Errorf("both %s and %s_FILE are set; keep one", env, env)
	case inEnvFile:
		v, err := s.secretFile(env+"_FILE", path)
		return v, FromEnv, err
	case inEnv:
		return v, FromEnv, nil
	}
	raw, inFile := s.file[name]
	path2, inFileFile := s.file[name+"_file"]
	switch {
	case inFile && inFileFile:
		return "", FromFile, fmt.Errorf("both %s and %s_file are set in %s; keep one", name, name, s.path)
	case inFileFile:
		p, ok := path2.(string)
		if !ok {
			return "", FromFile, fmt.Errorf("%s: %s_file must be a file name", s.path, name)
		}
		v, err := s.secretFile(name+"_file", p)
		return v, FromFile, err
	case inFile:
		v, err := scalar(raw, t.Kind() == reflect.Slice)
		if err != nil {
			return "", FromFile, fmt.Errorf("%s: %s %w", s.path, name, err)
		}
		return v, FromFile, nil
	}
	return "", FromDefault, nil
}

func (s *Sources) secretFile(option, path string) (string, error) {
	b, err := s.readFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", option, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// otherEnv are names in the environment that are not options: the file's, and those that `conclave bots` reads.
func otherEnv() []string { return []string{"config", "bot_token", "bot_meeting"} }

// load reads the file once and checks all names, so that a typing mistake is found even if no flag asks for the option.
func (s *Sources) load() error {
	if s.loaded {
		return nil
	}
	s.loaded = true
	path := s.explicit
	if path == "" {
		path = s.environ[EnvPrefix+"CONFIG"]
	}
	if !s.noSecrets {
		if err := s.loadSecrets(orDefault(path, DefaultFile)); err != nil {
			return err
		}
	}
	for _, key := range sortedKeys(s.environ) {
		name := strings.ToLower(strings.TrimPrefix(key, EnvPrefix))
		if !slices.Contains(otherEnv(), name) && !s.known.has(name) {
			near := nearest.Name(name, s.known)
			return fmt.Errorf("unknown environment variable %s%s", key, did(EnvPrefix+strings.ToUpper(near), near != ""))
		}
	}
	b, err := s.readFile(orDefault(path, DefaultFile))
	if path == "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the configuration file: %w", err)
	}
	s.path = orDefault(path, DefaultFile)
	s.file, err = parseFile(b, s.known)
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return nil
}

// parseFile decodes a file: a flat YAML mapping of known names. Duplicate keys are errors of the YAML library.
func parseFile(b []byte, known names) (map[string]any, error) {
	var m map[string]any
	if err := yaml.Unmarshal(b, &m); err != nil {
		return nil, errors.New(yaml.FormatError(err, false, false)) // without the source: it may hold a secret
	}
	for _, name := range sortedKeys(m) {
		if now := current(name); now != name {
			if _, both := m[now]; both {
				return nil, fmt.Errorf("%s is the former name of %s; keep one", name, now)
			}
			m[now] = m[name]
			delete(m, name)
			name = now
		}
		if !known.has(name) {
			near := nearest.Name(name, known)
			return nil, fmt.Errorf("unknown option %q%s", name, did(near, near != ""))
		}
	}
	return m, nil
}

// scalar turns a YAML value into what the command line would have said.
func scalar(v any, list bool) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool, int64, uint64, int:
		return fmt.Sprint(v), nil
	case []any:
		if !list {
			return "", errors.New("must be one value, not a list")
		}
		parts := make([]string, len(v))
		for i, e := range v {
			p, err := scalar(e, false)
			if err != nil {
				return "", err
			}
			parts[i] = p
		}
		return kong.JoinEscaped(parts, ','), nil
	case nil:
		return "", errors.New("has no value; leave it out for the default")
	}
	return "", errors.New("must be text, a number, true or false")
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the path already
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than 1 MiB", path)
	}
	return os.ReadFile(path) //nolint:gosec,wrapcheck // the operator's own file
}

// current is the name that an option of a former version has now.
func current(name string) string {
	if name == "media_port" {
		return "media_ports"
	}
	return name
}

// names are the names an option may have in a file: `x`, and for secrets `x_file`.
type names []string

func (n names) has(name string) bool { return slices.Contains(n, name) }

func knownNames(list []Option) (n names) {
	for _, o := range list {
		n = append(n, o.Name)
		if o.Secret {
			n = append(n, o.Name+"_file")
		}
	}
	return n
}

// optionName is the option of a flag.
func optionName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

func did(name string, ok bool) string {
	if !ok {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", name)
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
