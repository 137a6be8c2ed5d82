//go:build !linux && !freebsd

package engine

import "os"

// readPages does nothing: there is no such advice here.
func readPages(*os.File) {}
