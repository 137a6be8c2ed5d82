//go:build !linux

package disk

import "os"

// flush makes what a file holds durable.
func flush(f *os.File) error { return f.Sync() }
