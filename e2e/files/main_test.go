// Package files shows what becomes of files that are not there yet, not complete, or on
// disks and shares that come, go and hang. It runs the built bridge with Mosquitto, the
// simulated Google, and `mosquitto_pub`. What needs mounts is for root.
package files

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

func TestMain(m *testing.M) {
	os.Exit(e2etest.M{M: m, MoreThanGo: true, Needs: []string{"mosquitto", "mosquitto_pub"}}.Run())
}

// An env is an environment with the entry linked.
type env struct{ *e2etest.Env }

func newEnv(t *testing.T, settings ...string) *env {
	t.Helper()
	e := &env{e2etest.New(t, e2etest.Config{Settings: settings})}
	e.Link()
	return e
}

// pub is mosquitto_pub, which returns when the command is acknowledged by the broker.
func (e *env) pub(payload string) {
	e.Helper()
	out, err := exec.Command("mosquitto_pub", "-p", e.Port(), "-q", "1", "-t", "gphotos/home/upload", "-m", payload).CombinedOutput()
	if err != nil {
		e.Fatalf("mosquitto_pub: %v: %s", err, out)
	}
}

// path is that of a file in the media folder.
func (e *env) path(name string) string { return filepath.Join(e.Media, name) }

// write puts a file there.
func (e *env) write(name string, content []byte) string {
	e.Helper()
	e2etest.Must(e, os.WriteFile(e.path(name), content, 0o644))
	return e.path(name)
}

// result waits for the last result of the command with that transaction.
func (e *env) result(transaction float64) (got e2etest.Result) {
	e.Helper()
	e.Until(fmt.Sprint("the result of ", transaction), func() bool {
		for _, r := range e.Results() {
			if r.Transaction == transaction {
				got = r
				return true
			}
		}
		return false
	})
	return got
}

// want waits for it and checks its status.
func (e *env) want(transaction float64, status string) {
	e.Helper()
	if got := e.result(transaction); got.Status != status {
		e.Errorf("result of %v: %+v, want %s", transaction, got, status)
	}
}

// accepted waits until so many commands are accepted, and returns how long that took.
func (e *env) accepted(n int) time.Duration {
	e.Helper()
	began := time.Now()
	for range n {
		e.Expect(e2etest.ResultTopic, "accepted", func(payload []byte) bool {
			var r e2etest.Result
			return json.Unmarshal(payload, &r) == nil && r.Status == "accepted"
		})
	}
	return time.Since(began)
}

// has reports whether Google holds an item of these bytes.
func (e *env) has(content []byte) bool {
	sum := sha256.Sum256(content)
	for _, i := range e.Google.Library()[0].Items {
		if i.SHA256 == hex.EncodeToString(sum[:]) {
			return true
		}
	}
	return false
}

// waitsFor waits until E/state and jobs say why something waits.
func (e *env) waitsFor(reason string) {
	e.Helper()
	var state struct {
		Queue struct {
			Waits *struct{ Reason, Message string }
		}
	}
	e.Until("the state to say "+reason, func() bool {
		return e.Last("gphotos/home/state", &state) && state.Queue.Waits != nil && state.Queue.Waits.Reason == reason
	})
	found := slices.ContainsFunc(e.Request("jobs", "").Data.Jobs, func(j json.RawMessage) bool {
		var job struct{ Waits *struct{ Reason string } }
		return json.Unmarshal(j, &job) == nil && job.Waits != nil && job.Waits.Reason == reason
	})
	if !found {
		e.Errorf("no job waits for %s", reason)
	}
}

// folder waits until bridge/health says that the folder is available, or not, and returns its problem.
func (e *env) folder(path string, available bool) string {
	e.Helper()
	var health struct {
		Problem string
		Folders map[string]struct {
			Available bool
			Problem   string
		}
	}
	e.Until(fmt.Sprintf("health to say available=%v of %s", available, path), func() bool {
		return e.Last("gphotos/bridge/health", &health) && health.Folders[path].Available == available
	})
	return health.Folders[path].Problem
}
