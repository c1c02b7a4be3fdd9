package config

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Option describes one option, as its field declares it.
type Option struct {
	Name    string // in the file
	Flag    string // on the command line, with hyphens before it
	Env     string // in the environment
	Group   string
	Default string // as the command line would say it; empty for none
	Help    string
	Secret  bool // may also be given as Env_FILE or Name_file

	Struct reflect.Type // that has the field
	Field  string

	min   int // of a whole number
	index []int
}

// Options lists the options of a struct and of the structs embedded in it, by group. The values in defaults, a pointer
// to the struct, are the defaults. help gives the descriptions (ParseHelp); nil for none.
func Options(defaults any, help map[string]string) []Option {
	v := reflect.ValueOf(defaults).Elem()
	list := fields(v.Type(), nil)
	var groups []string
	byGroup := map[string][]Option{}
	for _, o := range list {
		if byGroup[o.Group] == nil {
			groups = append(groups, o.Group)
		}
		o.Default, o.Help = words(v.FieldByIndex(o.index)), help[o.Name]
		byGroup[o.Group] = append(byGroup[o.Group], o)
	}
	list = list[:0]
	for _, g := range groups {
		list = append(list, byGroup[g]...)
	}
	return list
}

func fields(t reflect.Type, at []int) (list []Option) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), at...), i)
		if _, embedded := f.Tag.Lookup("embed"); embedded || f.Anonymous {
			list = append(list, fields(f.Type, index)...)
			continue
		}
		group := f.Tag.Get("group")
		if group == "" {
			continue // not the operator's to set
		}
		flag := f.Tag.Get("name")
		name := optionName(flag)
		least, _ := strconv.Atoi(f.Tag.Get("min"))
		list = append(list, Option{
			Name: name, Flag: "--" + flag, Env: EnvPrefix + strings.ToUpper(name), Group: group, Struct: t, Field: f.Name,
			Secret: f.Type == reflect.TypeFor[Secret]() || f.Type == reflect.TypeFor[[]Secret](), min: least, index: index,
		})
	}
	return list
}

// ParseHelp reads descriptions, one a line: the option's name, a colon, its text.
func ParseHelp(text string) map[string]string {
	help := map[string]string{}
	for line := range strings.Lines(text) {
		if name, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); ok {
			help[name] = text
		}
	}
	return help
}

// Describe gives the flags of a command line their defaults and descriptions. Call it before parsing.
func Describe(app *kong.Application, list []Option) {
	byFlag := map[string]*Option{}
	for i := range list {
		byFlag[list[i].Flag] = &list[i]
	}
	var visit func(*kong.Node)
	visit = func(n *kong.Node) {
		for _, f := range n.Flags {
			if o := byFlag["--"+f.Name]; o != nil && f.Group != nil {
				f.Help, f.Default, f.HasDefault = strings.ReplaceAll(o.Help, "`", ""), o.Default, o.Default != ""
				if f.HasDefault && f.PlaceHolder != "" { // else the default stands where the placeholder would
					f.Help += " Default: " + o.Default + "."
				}
			}
		}
		for _, child := range n.Children {
			visit(child)
		}
	}
	visit(app.Node)
}

// Check refuses whole numbers of the struct that set points to that are below their least.
func Check(set any, list []Option) error {
	var errs []error
	v := reflect.ValueOf(set).Elem()
	for _, o := range list {
		if field := v.FieldByIndex(o.index); o.min > 0 && field.Int() < int64(o.min) {
			errs = append(errs, fmt.Errorf("%s must be at least %d", o.Name, o.min))
		}
	}
	return errors.Join(errs...)
}

// words writes a value as the command line would say it; empty if nothing is set.
func words(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = words(v.Index(i))
		}
		return strings.Join(parts, ",")
	}
	switch x := v.Interface().(type) {
	case Secret:
		return x.shown()
	case bool:
		if !x {
			return ""
		}
	case time.Duration:
		return duration(x)
	case encoding.TextMarshaler:
		text, _ := x.MarshalText() // of levels and addresses: never fails
		return string(text)
	}
	return fmt.Sprint(v.Interface())
}

// duration writes 10m for what String calls 10m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// inFile writes a value as the file would.
func inFile(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = inFile(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	switch v.Interface().(type) {
	case Secret:
		if v.String() != "" {
			return words(v)
		}
	case bool:
		return strconv.FormatBool(v.Bool())
	case time.Duration, int:
		return words(v)
	}
	return strconv.Quote(words(v))
}

// Print writes the effective configuration as a file that could be read again (but for secrets), with the source of
// each value.
func Print(w io.Writer, set any, list []Option, s *Sources) error {
	v := reflect.ValueOf(set).Elem()
	group := ""
	for _, o := range list {
		if o.Group != group {
			group = o.Group
			if _, err := fmt.Fprintf(w, "\n# %s\n", group); err != nil {
				return fmt.Errorf("printing: %w", err)
			}
		}
		value := inFile(v.FieldByIndex(o.index))
		if _, err := fmt.Fprintf(w, "%s: %s # %s\n", o.Name, value, s.Origin(o.Name)); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
	}
	return nil
}
