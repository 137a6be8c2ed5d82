// Package browser_test links accounts as a new user does: a headless Chromium
// goes from the bridge's address through the consent page of the simulated Google
// and back, with the built program running beside.
//
// With -update it also takes the pictures of docs/images, at the width of a phone
// and of a desktop.
package browser_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "take the pictures of docs/images anew")

// program is the path of the built gphotos2mqtt.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "gphotos2mqtt-browser-")
	if err == nil {
		err = prepare(dir)
	}
	code := 1
	if err == nil {
		code = m.Run()
		if err = goleak.Find(); err != nil {
			code = 1
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func prepare(dir string) error {
	if _, err := exec.LookPath("chromium"); err != nil {
		return fmt.Errorf("chromium is not installed: run `make test`, which installs what the tests need")
	}
	program = filepath.Join(dir, "gphotos2mqtt")
	build := exec.Command("go", "build", "-race", "-o", program, "gphotos2mqtt/cmd/gphotos2mqtt")
	build.Stderr = os.Stderr
	return build.Run()
}
