package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxFile bounds a report that is read, in bytes: about 100,000 streams.
const MaxFile = 256 << 20

// WriteJSON writes the report in the form that Schema names.
func (r *Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(r); err != nil {
		return fmt.Errorf("bots: report: %w", err)
	}
	return nil
}

// Read reads a report that WriteJSON wrote. An error says what is wrong with the file.
func Read(in io.Reader) (*Report, error) {
	raw, err := io.ReadAll(io.LimitReader(in, MaxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("bots: report: %w", err)
	case len(raw) > MaxFile:
		return nil, fmt.Errorf("bots: report: more than %d MiB", MaxFile>>20)
	}
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("bots: report: not a report in JSON: %w", err)
	}
	switch {
	case head.Schema == nil:
		return nil, errors.New("bots: report: there is no \"schema\": this is no report of bots, or an old version's")
	case *head.Schema != Schema:
		return nil, fmt.Errorf("bots: report: its schema is %q; this version reads %q only", clip(*head.Schema, 80), Schema)
	}
	var r Report
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("bots: report: %w", err)
	}
	return &r, nil
}
