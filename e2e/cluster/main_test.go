// Package cluster_test shows that several processes of the bridge are one: with a real
// JetStream cluster of three servers, Mosquitto, and the simulated Google in a process of
// its own. Uploads go on while processes are killed, frozen and stopped, servers are
// killed and links are cut; afterwards there is one item and one result for each upload,
// nothing is left in the store, and Google has seen no two writes to an account at a time.
//
// Each process is in a network namespace of its own, where that is possible: for root, or
// for who may make a user namespace. A link that is cut there loses packets. Elsewhere
// all run on loopback, and links lead through proxies that fall silent; the log says so.
package cluster_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

var (
	seed     = flag.Int64("seed", 0, "what chooses the troubles and when they come; 0 = any")
	loopback = flag.Bool("loopback", false, "run on loopback although there could be namespaces")
)

// spacesVariable tells the process, which begins anew, that it is in a namespace.
const spacesVariable = "CLUSTER_TEST_NAMESPACE"

func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Short() && !*loopback {
		if err := enter(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e/cluster:", err)
			os.Exit(1)
		}
	}
	os.Exit(e2etest.M{
		M: m, Race: !e2etest.Acceptance(), MoreThanGo: true, Needs: []string{"mosquitto"}, Builds: []string{"github.com/nats-io/nats-server/v2"},
	}.Run())
}

// enter begins the process anew in a network namespace, in which it may make more of
// them: all are gone when it ends, however it ends. Where that cannot be, it does nothing.
func enter() error {
	if os.Getenv(spacesVariable) != "" {
		out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("ip link: %w: %s", err, out)
		}
		return err
	}
	for _, kind := range [][]string{{"--net"}, {"--user", "--map-root-user", "--net"}} {
		// A machine may allow the namespace and not what is needed in it.
		try := "ip link add t0 type bridge && ip link add t1 type veth peer name t2 && nft add table ip t"
		if exec.Command("unshare", append(kind, "sh", "-c", try)...).Run() != nil {
			continue
		}
		unshare, err := exec.LookPath("unshare")
		if err != nil {
			return err
		}
		args := append([]string{"unshare"}, append(kind, os.Args...)...)
		return errors.Join(errors.New("unshare"), syscall.Exec(unshare, args, append(os.Environ(), spacesVariable+"=1")))
	}
	return nil
}
