package sfu

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// the runtime's own, seen only while it is at work
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.runCleanups"))
}
