package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

// What was built, for builds outside a git checkout: set by the linker with -X main.release=v1.2.3, and so on; see Makefile.
var (
	release string // the tag
	commit  string // its hash, of any length
	date    string // that of the commit, as RFC 3339
)

// version says what was built and from which commit of which day, as in "v1.2.3 (1a2b3c4, 2026-11-26)". What the linker was not told is
// what the Go tool has stamped in: the tag, or a version made of day and commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	stamped := map[string]string{}
	for _, s := range info.Settings {
		stamped[s.Key] = s.Value // https://pkg.go.dev/runtime/debug#BuildSetting
	}
	name := cmp.Or(release, info.Main.Version, "(devel)")
	hash, day := cmp.Or(commit, stamped["vcs.revision"]), cmp.Or(date, stamped["vcs.time"])
	if hash == "" || day == "" {
		return name
	}
	return fmt.Sprintf("%s (%.7s, %.10s)", name, hash, day)
}
