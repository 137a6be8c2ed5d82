// Package survival shows that no accepted upload is lost, doubled or left
// unexplained, whatever is killed, cut or filled up meanwhile. It runs the built
// programs: Mosquitto with persistence, the simulated Google and the bridge, with
// a [line] that can be cut before each of the two servers.
//
// A [house] is one such set-up with the entry "home" linked. Tests wait for what
// the bridge says or the simulator has seen, never for a time, and end only
// processes that they have started, by their id. `make chaos` runs the long
// forms (flag -long).
package survival

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// long asks for the long forms: 500 uploads with 30 kills, 1 GiB.
var long = flag.Bool("long", false, "run the long forms of the tests")

// programs is the folder of the built programs.
var programs string

func TestMain(m *testing.M) {
	flag.Parse()
	code := 1
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, "survival:", err)
	} else if code = m.Run(); code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "survival:", err)
			code = 1
		}
	}
	_ = os.RemoveAll(programs)
	os.Exit(code)
}

// build makes the programs without the race detector, because memory is measured;
// the scripts of package e2e run them with it.
func build() (err error) {
	if programs, err = os.MkdirTemp("", "gphotos2mqtt-survival-"); err != nil {
		return err
	}
	if err = os.Setenv("PATH", os.Getenv("PATH")+string(filepath.ListSeparator)+"/usr/sbin"); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", programs+"/", "gphotos2mqtt/cmd/gphotos2mqtt", "gphotos2mqtt/cmd/photosim")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
