package cluster

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
)

// What the library notices of servers that are away is said elsewhere, once; what they refuse is said.
func TestAsynchronousErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"broken":   {&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, ""},
		"silent":   {nats.ErrConsumerNotActive, ""},
		"right":    {fmt.Errorf("%w: publish", nats.ErrPermissionViolation), "the user of the cluster lacks a right"},
		"too many": {nats.ErrMaxSubscriptionsExceeded, "the cluster has refused something"},
	} {
		log, hook := test.NewNullLogger()
		new(denials).note(logrus.NewEntry(log), tc.err)
		said := ""
		for _, line := range hook.AllEntries() {
			said += line.Message
		}
		if said != tc.want {
			t.Errorf("%s: %q, want %q", name, said, tc.want)
		}
	}
}
