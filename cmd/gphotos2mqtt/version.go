package main

import "runtime/debug"

// version is the module version that the Go tool stamped in, made from the git
// tag or commit it was built at.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
