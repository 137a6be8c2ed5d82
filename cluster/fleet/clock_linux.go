package fleet

import (
	"time"

	"golang.org/x/sys/unix"
)

// now is a clock that nobody sets and that goes on while the machine sleeps. https://man7.org/linux/man-pages/man2/clock_gettime.2.html
func (f *Fleet) now() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return time.Since(f.began)
	}
	return time.Duration(t.Nano())
}
