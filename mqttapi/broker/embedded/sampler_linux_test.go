package embedded

import (
	"fmt"
	"os"
	"testing"

	"github.com/nats-io/nats-server/v2/server/pse"
)

// The variable is still the one that the server's sampler reads. Another version of it may need another way.
func TestStopSampling(t *testing.T) {
	var cpu float64
	var resident, virtual int64
	before := procStatFile
	if err := pse.ProcUsage(&cpu, &resident, &virtual); err != nil || before != fmt.Sprintf("/proc/%d/stat", os.Getpid()) {
		t.Fatalf("before: %v, %q", err, before)
	}
	StopSampling()
	if err := pse.ProcUsage(&cpu, &resident, &virtual); !os.IsNotExist(err) {
		t.Errorf("after: %v, the sampler goes on", err)
	}
}
