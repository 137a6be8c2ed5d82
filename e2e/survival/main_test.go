// Package survival shows that no accepted upload is lost, doubled or left
// unexplained, whatever is killed, cut or filled up meanwhile. It runs the built
// bridge with Mosquitto, which keeps its messages over a restart, and the simulated
// Google, with a proxy that can be cut before each of the two servers.
//
// Tests wait for what the bridge says or Google has seen, never for a time, and end
// only processes that they have started. `make acceptance` runs the long forms.
package survival

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// TestMain builds the bridge without the race detector, because memory is measured;
// the scripts of package e2e run it with it.
func TestMain(m *testing.M) {
	os.Exit(e2etest.M{M: m, MoreThanGo: true, Needs: []string{"mosquitto"}}.Run())
}

// An env is an environment with the entry linked.
type env struct{ *e2etest.Env }

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{e2etest.New(t, e2etest.Config{Proxies: true, Settings: []string{"GPHOTOS_LOG_LEVEL=debug"}})}
	e.Link()
	return e
}

// upload publishes a command or the bytes of a photo.
func (e *env) upload(payload []byte) {
	e.Helper()
	e.Publish("gphotos/home/upload", payload)
}

// awaitResults waits until so many uploads have ended, and returns them.
func (e *env) awaitResults(n int) (results []e2etest.Result) {
	e.Helper()
	e.Until("the results", func() bool {
		results = e.Results()
		return len(results) >= n
	})
	return results
}

// faults replaces what goes wrong at Google from now on.
func (e *env) faults(faults ...photosim.Fault) {
	e.Helper()
	e2etest.Must(e, e.Google.Faults(faults...))
}

// unavailable refuses all uploads.
var unavailable = photosim.Fault{Route: "uploads.*", Mode: photosim.Refuse, Error: "unavailable"}

// library is what Google holds.
func (e *env) library() photosim.AccountLibrary { return e.Google.Library()[0] }

// wantEmpty stops the bridge and looks whether its store is empty and nothing else
// is left on the disk.
func (e *env) wantEmpty() {
	e.Helper()
	e.Bridge.Stop(0)
	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Dir: e.Data, Log: logrus.NewEntry(log)})
	e2etest.Must(e, err)
	jobs, err := s.JobIDs(ctx)
	e2etest.Must(e, err)
	payloads, err := s.SweepPayloads(ctx, func(string) bool { return false })
	e2etest.Must(e, err)
	e2etest.Must(e, s.Close())
	if len(jobs)+payloads > 0 {
		e.Errorf("left in the store: jobs %v and %d payloads", jobs, payloads)
	}
	left, err := filepath.Glob(filepath.Join(e.Temp, "*"))
	e2etest.Must(e, err)
	here, err := filepath.Glob(filepath.Join(e.Data, "*"))
	e2etest.Must(e, err)
	for _, path := range here {
		if !slices.Contains([]string{"records.db", "journal", "payloads", "lock", "secret.key"}, filepath.Base(path)) {
			left = append(left, path)
		}
	}
	if len(left) > 0 {
		e.Errorf("files left behind: %v", left)
	}
}
