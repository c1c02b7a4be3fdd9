package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// Option describes one option, as its field in Config declares it.
type Option struct {
	Name    string // in the file
	Flag    string // on the command line, with hyphens before it
	Env     string // in the environment
	Group   string
	Default string // as text; empty for none
	Help    string
	Secret  bool // may also be given as Env_FILE or Name_file
	index   []int
}

// Options lists all options in the order of Config.
func Options() []Option { return options(reflect.TypeFor[Config](), nil) }

func options(t reflect.Type, at []int) (list []Option) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), at...), i)
		if _, embedded := f.Tag.Lookup("embed"); embedded {
			list = append(list, options(f.Type, index)...)
			continue
		}
		flag := f.Tag.Get("name")
		name := optionName(flag)
		secret := f.Type == reflect.TypeFor[Secret]() || f.Type == reflect.TypeFor[[]Secret]()
		list = append(list, Option{
			Name: name, Flag: "--" + flag, Env: EnvPrefix + strings.ToUpper(name), Group: f.Tag.Get("group"),
			Default: f.Tag.Get("default"), Help: f.Tag.Get("help"), Secret: secret, index: index,
		})
	}
	return list
}

// Value returns the option's value in c as text, secrets redacted.
func (o Option) Value(c *Config) string { return text(reflect.ValueOf(c).Elem().FieldByIndex(o.index)) }

func text(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = text(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	switch x := v.Interface().(type) {
	case Secret, time.Duration, bool, int:
		return fmt.Sprint(x)
	}
	return fmt.Sprintf("%q", fmt.Sprint(v.Interface()))
}

// Print writes the effective configuration as a file that could be read again (but for secrets), with the source of each value.
func Print(w io.Writer, c *Config, s *Sources) error {
	group := ""
	for _, o := range Options() {
		if o.Group != group {
			group = o.Group
			if _, err := fmt.Fprintf(w, "\n# %s\n", group); err != nil {
				return fmt.Errorf("printing: %w", err)
			}
		}
		value := o.Value(c)
		if o.Secret && value == "" {
			value = `""`
		}
		if _, err := fmt.Fprintf(w, "%s: %s # %s\n", o.Name, value, s.Origin(o.Name)); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
	}
	return nil
}

// Markdown writes the reference of all options, which docs/configuration.md holds.
func Markdown(w io.Writer) error {
	var b strings.Builder
	group := ""
	for _, o := range Options() {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "\n## %s\n\n| option | flag, environment | default | what it does |\n|---|---|---|---|\n", group)
		}
		env := "`" + o.Env + "`"
		if o.Secret {
			env += " or `" + o.Env + "_FILE`"
		}
		def := ""
		if o.Default != "" && o.Default != "-1" {
			def = "`" + o.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s`, %s | %s | %s |\n", o.Name, o.Flag, env, def, strings.ReplaceAll(o.Help, "|", "\\|"))
	}
	_, err := io.WriteString(w, b.String())
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}
