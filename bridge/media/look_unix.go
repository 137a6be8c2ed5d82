//go:build unix

package media

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// look tells what an open file is like now, and how many names it has.
func look(path string, file *os.File) (s Seen, names uint64, err error) {
	var st unix.Stat_t
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Fstat(int(file.Fd()), &st)
	}
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = errIrregular
	}
	s = Seen{path, st.Size, time.Unix(st.Mtim.Unix()).UTC(), time.Unix(st.Ctim.Unix()).UTC(), st.Ino}
	return s, uint64(st.Nlink), err //nolint:unconvert // another type elsewhere
}
