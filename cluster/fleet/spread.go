package fleet

import (
	"cmp"
	"maps"
	"slices"
)

// spread says how entries are to be spread over processes: which of the free ones a process takes, and how many of its own it has too
// many. Holder names for each entry the process that has it, or is to get it, "" when it is free; live are the processes that take
// entries. Who has more already keeps more, so that no more entries move than must, and all who see the same deal in the same way.
func spread(live []string, holder map[string]string, me string) (take []string, surplus int) {
	has := map[string]int{}
	for _, process := range holder {
		has[process]++
	}
	live = slices.Clone(live)
	slices.SortFunc(live, func(a, b string) int { return cmp.Or(has[b]-has[a], cmp.Compare(a, b)) })
	var free []string
	for _, entry := range slices.Sorted(maps.Keys(holder)) {
		if holder[entry] == "" {
			free = append(free, entry)
		}
	}
	for i, process := range live {
		share := (len(holder) - i + len(live) - 1) / len(live) // the first of them have one more when it cannot be even
		more := min(max(share-has[process], 0), len(free))
		if process == me {
			return free[:more], max(has[me]-share, 0)
		}
		free = free[more:]
	}
	return nil, 0
}
