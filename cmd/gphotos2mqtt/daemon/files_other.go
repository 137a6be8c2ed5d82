//go:build !unix

package daemon

import "math"

// openFiles is how many files may be open at a time; here nothing bounds them but memory.
func openFiles() uint64 { return math.MaxUint64 }
