package wake

import (
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// lookAgain bounds one sleep: the clock may be set meanwhile, as on a board that starts in 1970 and then hears the time, and timers stand
// still while a machine is suspended.
const lookAgain = time.Minute

// stepped is by how much tests have set the clock of this process, in nanoseconds; 0 in the program.
var stepped atomic.Int64

// Wall is the time of day, as this machine knows it: for what is saved, shown, or in a calendar. It may step by any amount in either
// direction. What begins and ends within a run is measured with time.Now, what outlives one with the store's running time.
func Wall() time.Time { return time.Now().Round(0).Add(time.Duration(stepped.Load())).UTC() }

// Step sets the clock that Wall reads forward, or back, as a time server does. Only tests call it.
func Step(by time.Duration) { stepped.Add(int64(by)) }

// Left is how long a wait still lasts that was to last that long until a time of the wall clock. When more is left than the whole wait
// was, the clock has been set back since, and the wait is over: what was waited for is looked at again.
func Left(until time.Time, wait time.Duration) time.Duration {
	left := until.Sub(Wall())
	if left < 0 || left > wait {
		return 0
	}
	return left
}

// WrongClock says, for a person, that it is this machine's clock that makes the certificate of an error invalid; "" when nothing tells so.
func WrongClock(err error) string {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if !ok || invalid.Reason != x509.Expired || invalid.Cert == nil {
		return ""
	}
	const shown = "2006-01-02 15:04"
	return fmt.Sprintf("The clock of the bridge's machine says %s UTC, and the certificate that Google shows is valid from %s to %s: "+
		"set the clock, or let it be set from the network (NTP).",
		Wall().Format(shown), invalid.Cert.NotBefore.UTC().Format(shown), invalid.Cert.NotAfter.UTC().Format(shown))
}
