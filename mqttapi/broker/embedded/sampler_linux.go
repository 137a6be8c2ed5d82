package embedded

import (
	"unsafe"

	_ "github.com/nats-io/nats-server/v2/server/pse" // whose variable it is
)

// procStatFile is what the server's package reads once a second, from the start of the program to its end, for figures that nobody asks for
// here: https://github.com/nats-io/nats-server/blob/v2.15.2/server/pse/pse_linux.go. There is no option against that.
//
//go:linkname procStatFile github.com/nats-io/nats-server/v2/server/pse.procStatFile
var procStatFile string

// StopSampling ends a tick of the server's that wakes the process once a second, and each time some of the runtime's threads, also when the
// process is not the broker: the sampler stops when it cannot read its file. It is called once, at the start. Only the length of the name
// changes, with one store, since the sampler may read it now; the race detector is not to see that.
//
//go:norace
func StopSampling() {
	name := (*struct{ text, length uintptr })(unsafe.Pointer(&procStatFile)) //nolint:gosec // G103: see above
	name.length = 0
}
