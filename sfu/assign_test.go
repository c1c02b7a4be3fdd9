package sfu

import (
	"slices"
	"testing"
)

// nowhere is a prefer function without preference.
func nowhere(int) (int, bool) { return 0, false }

func TestAssign(t *testing.T) {
	pair := func(slots map[int]int) func(int) (int, bool) {
		return func(k int) (int, bool) {
			i, ok := slots[k]
			return i, ok
		}
	}
	for _, c := range []struct {
		name            string
		current, wanted []int
		prefer          func(int) (int, bool)
		want            []int
	}{
		{"no slots", nil, []int{1, 2}, nowhere, []int{}},
		{"nothing wanted frees all", []int{1, 2}, nil, nowhere, []int{0, 0}},
		{"in order of importance", []int{0, 0, 0}, []int{3, 1, 2}, nowhere, []int{3, 1, 2}},
		{"over the number of slots the least important are left out", []int{0, 0}, []int{3, 1, 2}, nowhere, []int{3, 1}},
		{"what stays stays where it is", []int{1, 2, 3}, []int{3, 2, 1}, nowhere, []int{1, 2, 3}},
		{"what goes makes room, nobody moves", []int{1, 2, 3}, []int{4, 3, 1}, nowhere, []int{1, 4, 3}},
		{"the less important gives way", []int{1, 2}, []int{3, 2, 1}, nowhere, []int{3, 2}},
		{"into the preferred slot", []int{0, 0, 0}, []int{7}, pair(map[int]int{7: 2}), []int{0, 0, 7}},
		{"a preferred slot that is taken does not matter", []int{0, 5, 0}, []int{5, 7}, pair(map[int]int{7: 1}),
			[]int{7, 5, 0}},
		{"a preferred slot that does not exist does not matter", []int{0, 0}, []int{7}, pair(map[int]int{7: 9}), []int{7, 0}},
		{"a preference does not move what has a slot", []int{7, 0}, []int{7}, pair(map[int]int{7: 1}), []int{7, 0}},
		{"the first free slot after a preferred one", []int{0, 0, 0}, []int{7, 8, 9}, pair(map[int]int{7: 0}),
			[]int{7, 8, 9}},
		{"two of the same in current", []int{1, 1}, []int{1, 2}, nowhere, []int{1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := assign(nil, c.current, c.wanted, c.prefer); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// FuzzAssign asserts what assign promises: nothing wanted is lost while there are slots, nothing else is carried, what
// stays does not move, a free preferred slot is taken.
func FuzzAssign(f *testing.F) {
	f.Add([]byte{0, 0, 0}, []byte{1, 2, 3}, []byte{2, 2, 2})
	f.Add([]byte{1, 2, 3, 4}, []byte{4, 9, 1}, []byte{0, 0, 3})
	f.Add([]byte{}, []byte{1}, []byte{})
	f.Add([]byte{5, 5, 5}, []byte{5}, []byte{200})
	f.Fuzz(func(t *testing.T, current, wanted, preferred []byte) {
		current, wanted = current[:min(len(current), 60)], unique(wanted[:min(len(wanted), 60)])
		before := slices.Clone(current)
		prefer := func(k byte) (int, bool) {
			i := slices.Index(wanted, k)
			if i < 0 || i >= len(preferred) || preferred[i] >= 128 {
				return 0, false
			}
			return int(preferred[i]), true
		}
		got := assign(nil, current, wanted, prefer)
		if !slices.Equal(before, current) || len(got) != len(current) {
			t.Fatalf("%v became %v, current %v", before, got, current)
		}
		fits := wanted[:min(len(wanted), len(current))]
		for i, k := range got {
			if k != 0 && (!slices.Contains(fits, k) || slices.Index(got, k) != i) {
				t.Fatalf("slot %d of %v: not wanted, or twice: %v", i, got, wanted)
			}
		}
		for _, k := range fits {
			was, is := slices.Index(current, k), slices.Index(got, k)
			if is < 0 || was >= 0 && is != was {
				t.Fatalf("%d was in slot %d and is in %d: %v became %v", k, was, is, current, got)
			}
			// Who is new and wants a slot that is free in the end could have had it.
			if i, ok := prefer(k); ok && was < 0 && i < len(got) && got[i] == 0 {
				t.Fatalf("%d wants slot %d, which is free: %v", k, i, got)
			}
		}
	})
}

// unique drops repeats and the zero value.
func unique(keys []byte) (list []byte) {
	for _, k := range keys {
		if k != 0 && !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}
