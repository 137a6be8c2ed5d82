// Package e2e_test runs the built programs as a person would, one script after
// another, and reads what they say over MQTT, HTTP and on the terminal.
//
// The scripts are in testdata: those in script run with Mosquitto and with the
// built-in broker, those in mosquitto with Mosquitto alone, those in plain without
// a broker. They are written for testscript, whose own commands are described at
// https://pkg.go.dev/github.com/rogpeppe/go-internal/testscript; what this package
// adds is in the table of commands in script_test.go.
//
// Nothing waits for a time to pass. Every wait is for a condition, and gives up
// after patience. Each process that a script starts is ended with it, by its id.
package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"foreign": foreign})
}

// A suite builds the programs before the tests, and looks for goroutines that
// are left after them.
type suite struct{ *testing.M }

// Run is called by testscript.Main.
func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "gphotos2mqtt-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	code := s.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

// prepare builds the programs into dir and puts them, and Debian's folder of
// daemons, where the scripts look for programs.
func prepare(dir string) error {
	sep := string(filepath.ListSeparator)
	if err := os.Setenv("PATH", dir+sep+os.Getenv("PATH")+sep+"/usr/sbin"); err != nil {
		return err
	}
	for _, program := range []string{"mosquitto", "mosquitto_passwd", "mosquitto_pub", "mosquitto_sub"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not installed: run `make test`, which installs what the tests need", program)
		}
	}
	build := exec.Command("go", "build", "-race", "-o", dir+"/", "gphotos2mqtt/cmd/gphotos2mqtt", "gphotos2mqtt/cmd/photosim")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the programs: %w", err)
	}
	return nil
}
