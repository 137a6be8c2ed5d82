package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

const patience = 2 * time.Minute // with a peer

const best = "--transfers 50 --gphotos-batch-size 50" // of rclone, for 200 small photos

// A contest is what the bridge and its peers all do.
type contest struct {
	name   string
	photos int
	delays map[string]photosim.Delay
	uplink int64
	files  func(r *run, dir string)
	peers  []string // settings of rclone that are worth their time
}

func contests() []contest {
	snapshots := func(r *run, dir string) {
		for n := range burst {
			e2etest.Must(r, os.WriteFile(filepath.Join(dir, fmt.Sprintf("IMG_%04d.jpg", n)), e2etest.Photo(n, small), 0o600))
		}
	}
	line := delays(modelA)
	delete(line, "uploads.*")
	return []contest{
		{"A: 200 photos of 27 KB into a new album", burst, delays(modelA), 0, snapshots, []string{"", "--transfers 16", best}},
		{"B: the same", burst, delays(modelB), 0, snapshots, []string{"--transfers 16", best}},
		{"U: 24 photos of 1 to 8 MB", 24, line, 3_000_000, func(r *run, dir string) { cameraFiles(r, dir) }, []string{"", best}},
	}
}

// peer measures the bridge and rclone one after the other, both with Google under its own
// names: TLS with HTTP/2, as it really is.
func peer(r *run) {
	path, version, batches := findRclone()
	if path == "" {
		r.note("rclone is not on the PATH: nothing to compare with")
	} else if !batches {
		r.note("This rclone makes one batchCreate for each photo; newer ones, with --gphotos-batch-size, make fewer")
	}
	for _, c := range contests() {
		ours := r.bridgeIn(c)
		if c.photos == burst {
			kind, _, _ := strings.Cut(c.name, ":")
			r.atMost(2, "processor for a photo of 27 KB over TLS with HTTP/2, "+kind, "ms", ours[3])
		}
		rows := []figures.Row{{Name: "gphotos2mqtt, by default", Cells: append(ours, 1, 1, 1, 1)}}
		for _, flags := range c.peers {
			if path == "" || !batches && flags != "" {
				continue
			}
			theirs := r.rcloneIn(c, path, strings.Fields(flags))
			if theirs == nil {
				r.note("%s %s, %s: ended after %v", version, cmp.Or(flags, "by default"), c.name, patience)
				continue
			}
			rows = append(rows, figures.Row{
				Name: version + " " + cmp.Or(flags, "by default"), Cells: append(theirs, theirs[0]/ours[0], theirs[1]/ours[1], theirs[2]/ours[2], theirs[3]/ours[3]),
			})
		}
		r.table(c.name, []string{"s", "requests", "resident at most (MB)", "processor a photo (ms)", "time ÷ ours", "requests ÷ ours", "memory ÷ ours", "processor ÷ ours"}, rows...)
	}
}

// findRclone looks for rclone, asks for its version, and whether it can create in batches.
func findRclone() (path, version string, batches bool) {
	path, err := exec.LookPath(*rclone)
	if err != nil {
		return "", "", false
	}
	text, _ := exec.Command(path, "version").Output()
	version, _, _ = strings.Cut(string(text), "\n")
	flags, _ := exec.Command(path, "help", "flags").Output()
	return path, version, bytes.Contains(flags, []byte("--gphotos-batch-size"))
}

// bridgeIn lets the bridge take part: seconds, requests, MB, ms of processor a photo.
func (r *run) bridgeIn(c contest) []float64 {
	e := newEnv(r, e2etest.Config{Names: true})
	c.files(r, e.Media)
	e2etest.Must(r, e.Google.Latency(c.delays))
	e2etest.Must(r, e.Google.Uplink(c.uplink))
	e.quiet()
	before, cpu, began := e.requests(), e.Bridge.CPU(), time.Now()
	e.Send(c.photos, func(n int) []byte {
		return []byte(`{"path": "` + filepath.Join(e.Media, fmt.Sprintf("IMG_%04d.jpg", n)) + `", "album": "Trip"}`)
	})
	e.done(c.photos)
	took := time.Since(began)
	time.Sleep(time.Until(began.Add(took + 5*time.Second))) // its listings are a part of what it costs; rclone has none
	used, asked, peak := e.Bridge.CPU()-cpu, e.requests()-before, e.Bridge.Peak()
	e.Bridge.Stop(0)
	return []float64{took.Seconds(), float64(asked), megabytes(peak), ms(used) / float64(c.photos)}
}

// rcloneIn is bridgeIn for rclone; nil when it takes too long.
func (r *run) rcloneIn(c contest, path string, flags []string) []float64 {
	dir, home := r.TempDir(), r.TempDir()
	c.files(r, dir)
	sim, names := e2etest.StartNames(r, photosim.Config{Dir: home}, home)
	grant, err := sim.Grant(photosim.GrantRequest{})
	e2etest.Must(r, err)
	token, err := json.Marshal(map[string]any{
		"access_token": grant.AccessToken, "refresh_token": grant.RefreshToken, "token_type": "Bearer", "expiry": grant.Expiry,
	})
	e2etest.Must(r, err)
	e2etest.Must(r, sim.Latency(c.delays))
	e2etest.Must(r, sim.Uplink(c.uplink))
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	run := exec.CommandContext(ctx, path, append([]string{"copy", dir, "google:album/Trip"}, flags...)...)
	run.Dir = home
	run.Env = append(names.Settings(), "HOME="+home, "PATH="+os.Getenv("PATH"), "RCLONE_CONFIG_GOOGLE_TYPE=google photos",
		"RCLONE_CONFIG_GOOGLE_CLIENT_ID="+photosim.DefaultClientID, "RCLONE_CONFIG_GOOGLE_CLIENT_SECRET="+photosim.DefaultClientSecret,
		"RCLONE_CONFIG_GOOGLE_TOKEN="+string(token))
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	began := time.Now()
	e2etest.Must(r, run.Start())
	peak := peakOf(run.Process.Pid)
	if err := run.Wait(); ctx.Err() != nil {
		peak()
		return nil
	} else if err != nil {
		r.Fatalf("rclone: %v: %s", err, out.String())
	}
	took := time.Since(began)
	if items := len(sim.Library()[0].Items); items != c.photos {
		r.Fatalf("rclone has brought %d items of %d", items, c.photos)
	}
	asked := requestsOf(sim)
	used := run.ProcessState.UserTime() + run.ProcessState.SystemTime()
	return []float64{took.Seconds(), float64(asked), megabytes(peak()), ms(used) / float64(c.photos)}
}

// peakOf asks for the memory of a process until it is gone. What the system says after
// its end (ru_maxrss) may be that of the process that has started it.
func peakOf(pid int) (peak func() int64) {
	var last int64
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, rest, found := strings.Cut(string(text), "VmHWM:")
			if err != nil || !found { // a process that has ended has no memory
				return
			}
			var kibibytes int64
			_, _ = fmt.Sscan(rest, &kibibytes)
			last = kibibytes << 10
			time.Sleep(20 * time.Millisecond)
		}
	})
	return func() int64 {
		asking.Wait()
		return last
	}
}
