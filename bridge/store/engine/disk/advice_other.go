//go:build !linux && !freebsd

package disk

import "os"

// readPages does nothing: there is no such advice here.
func readPages(*os.File) {}

// flush makes what a file holds durable.
func flush(f *os.File) error { return f.Sync() }
