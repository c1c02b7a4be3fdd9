package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Failure is what ended one bot.
type Failure struct {
	Bot int // from 1
	Err string
}

// maxNamed bounds the bots that one line names.
const maxNamed = 3

// GroupFailures writes a line for each kind of failure, in the order in which they first appear: which bots met it, and
// what it is.
func GroupFailures(list []Failure) (lines []string) {
	var order []string
	bots := map[string][]int{}
	for _, f := range list {
		if bots[f.Err] == nil {
			order = append(order, f.Err)
		}
		bots[f.Err] = append(bots[f.Err], f.Bot)
	}
	for _, err := range order {
		lines = append(lines, names(bots[err])+": "+err)
	}
	return lines
}

// names is "bot 4", "bots 1, 2 and 7" or "bots 1, 2, 3 and 297 more".
func names(bots []int) string {
	bots = slices.Compact(slices.Sorted(slices.Values(bots)))
	if len(bots) == 1 {
		return "bot " + strconv.Itoa(bots[0])
	}
	shown := make([]string, 0, maxNamed+1)
	for _, n := range first(bots, maxNamed) {
		shown = append(shown, strconv.Itoa(n))
	}
	if rest := len(bots) - len(shown); rest > 0 {
		shown = append(shown, fmt.Sprintf("%d more", rest))
	}
	last := len(shown) - 1
	return "bots " + strings.Join(shown[:last], ", ") + " and " + shown[last]
}
