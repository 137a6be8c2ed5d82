package daemon

import (
	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/wake"
)

// What all entries of a process do at a time, however many they are: docs/performance.md has the measurements with 1,000.
const (
	connecting = 32  // connections to the broker that are being made
	inside     = 4   // the same with the built-in one, which makes a session of files that it syncs
	listing    = 16  // requests for what is listed
	fetching   = 8   // items whose bytes are fetched
	sending    = 256 // files that are sent
)

func newTurns() bridge.Turns {
	return bridge.Turns{Listing: wake.NewTurns(listing), Fetching: wake.NewTurns(fetching), Sending: wake.NewTurns(sending)}
}

const filesBase = 64 // files that the program has open beside those of entries

// checkFiles warns when so many entries may come to the limit of open files: the broker, or Google, would then seem not to answer.
func (d *Daemon) checkFiles(entries int) {
	each := 1 // the connection to the broker
	if d.inner != "" {
		each = 2 // both ends of it
	}
	needed := filesBase + each*entries + listing + fetching + 2*min(sending, entries*d.config.Uploads) // a file and a connection
	if most := openFiles(); uint64(needed) > most && !d.fewFiles {                                     //nolint:gosec // it is not negative
		d.fewFiles = true
		d.log.WithFields(logrus.Fields{"limit": most, "needed": needed, "entries": entries}).
			Warn("too few files may be open for so many entries: raise the limit (ulimit -n, LimitNOFILE= of systemd, ulimits of docker)")
	}
}
