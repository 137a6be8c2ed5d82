//go:build !linux

package fleet

import "time"

// now is a clock that nobody sets; while the machine sleeps it may stand still.
func (f *Fleet) now() time.Duration { return time.Since(f.began) }
