package machine

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// tree writes files below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// What the process may use is the least that any of its control groups grants, of either version, and never more than
// the machine has. What can't be read limits nothing.
func TestTheLeastLimitCounts(t *testing.T) {
	const gib = 1 << 30
	for _, tt := range []struct {
		name, groups string
		files        map[string]string
		want         Limits
	}{
		{"no groups", "", nil, Limits{2, gib}},
		{"version 2", "0::/a/b\n", map[string]string{"a/b/cpu.max": "150000 100000\n", "a/cpu.max": "40000 100000\n",
			"a/b/memory.max": "1000000\n", "a/memory.max": "max\n"}, Limits{0.4, 1000000}},
		{"no limit", "0::/a\n", map[string]string{"a/cpu.max": "max 100000\n", "a/memory.max": "max\n"}, Limits{2, gib}},
		{"version 1", "4:memory:/m\n1:cpu,cpuacct:/x\n", map[string]string{"cpu/x/cpu.cfs_quota_us": "40000\n",
			"cpu/x/cpu.cfs_period_us": "100000\n", "memory/m/memory.limit_in_bytes": "5000\n"}, Limits{0.4, 5000}},
		{"version 1 without limits", "4:memory:/\n1:cpu:/\n", map[string]string{"cpu/cpu.cfs_quota_us": "-1\n",
			"cpu/cpu.cfs_period_us": "100000\n", "memory/memory.limit_in_bytes": "9223372036854771712\n"}, Limits{2, gib}},
		{"in a container", "1:cpu:/docker/xyz\n", map[string]string{"cpu/cpu.cfs_quota_us": "50000\n",
			"cpu/cpu.cfs_period_us": "100000\n"}, Limits{0.5, gib}},
		{"more than there is", "0::/a\n", map[string]string{"a/cpu.max": "800000 100000\n", "a/memory.max": "9999999999\n"},
			Limits{2, gib}},
		{"nonsense", "0::/a\nx\n", map[string]string{"a/cpu.max": "x 0\n", "a/memory.max": "-5\n"}, Limits{2, gib}},
	} {
		if got := limits(tree(t, tt.files), tt.groups, 2, gib); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel is asked on Linux alone")
	}
	if l := ReadLimits(); l.Cores <= 0 || l.Memory == 0 || CPU() <= 0 || Memory() == 0 || Memory() > l.Memory {
		t.Errorf("%+v, used %v and %d bytes", l, CPU(), Memory())
	}
}
