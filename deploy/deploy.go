// Package deploy holds the files that a server is installed with, so that `conclave setup` can write them.
package deploy

import _ "embed"

// Config is the example configuration.
//
//go:embed config.example.yaml
var Config string

// Unit is the unit of systemd.
//
//go:embed conclave.service
var Unit string
