package auth

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// redact is what every verb of fmt prints for user data.
func redact(f fmt.State) { _, _ = io.WriteString(f, redacted) }

func redactedLog() slog.Value { return slog.StringValue(redacted) }
