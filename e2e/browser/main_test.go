// Package browser_test links accounts as a new user does: a headless Chromium
// goes from the bridge's address through the consent page of the simulated Google
// and back, with the built program and its own broker running beside.
//
// With -update it also takes the pictures of docs/images, at the width of a phone
// and of a desktop.
package browser_test

import (
	"flag"
	"os"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

var update = flag.Bool("update", false, "take the pictures of docs/images anew")

func TestMain(m *testing.M) {
	os.Exit(e2etest.M{M: m, Race: true, Acceptance: true, Needs: []string{"chromium"}}.Run())
}
