// Package arch holds no code, only the tests that keep the shape of the repository: who may import whom, and that
// nothing in it depends on one particular machine. The map it enforces is drawn in docs/architecture.md.
package arch
