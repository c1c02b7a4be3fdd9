package figures

import (
	"fmt"
	"io"
)

// Console is where measurements print: tables to Out, progress to Err.
type Console struct{ Out, Err io.Writer }

// Progress writes a line about how far the measurement is.
func (c Console) Progress(format string, args ...any) {
	_, _ = fmt.Fprintf(c.Err, format+"\n", args...)
}

// Table writes what the measurement is for.
func (c Console) Table(text string) { _, _ = io.WriteString(c.Out, text) }
