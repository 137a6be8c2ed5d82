package main

import (
	"fmt"
	"slices"
	"strings"

	"gphotos2mqtt/mqttapi"
)

// readEntries reads the settings of each entry whose name is right.
func (r *reader) readEntries(names []string) []EntryConfig {
	var entries []EntryConfig
	owner := make(map[string]string) // prefix of variables to the entry that has it
	for _, name := range names {
		name = strings.TrimSpace(name)
		own := entryPrefix(name)
		switch other, taken := owner[own]; {
		case name == "bridge":
			r.fail(prefix+"ENTRIES", "bridge is the name of the bridge's own topics; call the entry something else")
		case !mqttapi.ValidEntry(name):
			r.fail(prefix+"ENTRIES", "write names of 1 to 32 of a-z, 0-9, _ and -, separated by commas, such as home,garden")
		case taken && other == name:
			r.fail(prefix+"ENTRIES", "write "+name+" once")
		case taken:
			r.fail(prefix+"ENTRIES", fmt.Sprintf("%s and %s would share the variables %s…; rename one of them", other, name, own))
		default:
			owner[own] = name
			entry := EntryConfig{Entry: name}
			r.read(&entry, own)
			entries = append(entries, entry)
		}
	}
	return entries
}

// entryPrefix starts the variables of an entry.
func entryPrefix(name string) string {
	return prefix + "ENTRY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_"
}

// unknown is the warning about a variable that is no setting.
func unknown(key string, known []string) string {
	nearest := slices.MinFunc(known, func(a, b string) int { return distance(key, a) - distance(key, b) })
	why := "is not a setting and does nothing"
	if strings.HasPrefix(key, prefix+"ENTRY_") && !slices.ContainsFunc(known, sharesEntry(key)) {
		why = "does nothing because " + prefix + "ENTRIES names no such entry"
	}
	return fmt.Sprintf("%s %s; did you mean %s?", key, why, nearest)
}

// sharesEntry tells whether a variable belongs to the same entry as key.
func sharesEntry(key string) func(known string) bool {
	return func(known string) bool {
		own, ok := strings.CutSuffix(known, "_ALBUM") // each entry has this one
		return ok && strings.HasPrefix(own, prefix+"ENTRY_") && strings.HasPrefix(key, own+"_")
	}
}

// distance counts the letters to insert, remove or replace to get from a to b
// (Levenshtein), one row of the table at a time.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
