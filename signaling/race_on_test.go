//go:build race

package signaling

// raceDetector says that the test runs under it.
const raceDetector = true
