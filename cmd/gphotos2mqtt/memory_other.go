//go:build !linux

package main

import "runtime/debug"

// releaseMemory gives back what only the start needed.
func releaseMemory() { debug.FreeOSMemory() }
