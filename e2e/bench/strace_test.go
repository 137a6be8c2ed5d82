package bench

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// A trace is what strace says of a bridge.
type trace struct {
	start  string // what starts the bridge
	socket string // for its probe
	log    string
	works  bool // there is an strace, and it may look at a process
}

// newTrace makes a script that starts the bridge under strace, which keeps to the side
// (-D): the process that is started is the bridge itself.
// Source: https://man7.org/linux/man-pages/man1/strace.1.html
func newTrace(t *testing.T, bridge string) trace {
	t.Helper()
	dir := t.TempDir()
	tr := trace{start: bridge, socket: filepath.Join(dir, "probe"), log: filepath.Join(dir, "log")}
	if err := exec.Command("strace", "-D", "-f", "-o", "/dev/null", "true").Run(); err != nil {
		t.Logf("strace does not work here (%v): syncs and bytes are not counted", err)
		return tr
	}
	tr.start, tr.works = filepath.Join(dir, "traced"), true
	text := "#!/bin/sh\nexec strace -D -f -y -s 0 -e signal=none " +
		"-e trace=fsync,fdatasync,sync,syncfs,msync,sync_file_range," +
		"write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,copy_file_range,sendfile -o " + tr.log + " " + bridge + ` "$@"` + "\n"
	e2etest.Must(t, os.WriteFile(tr.start, []byte(text), 0o700))
	return tr
}

// still waits until the bridge has written and synced nothing for a while: what comes
// next shares no sync with what came before.
func (tr trace) still(t *testing.T) {
	t.Helper()
	if !tr.works {
		return
	}
	const while = 300 * time.Millisecond
	for last, since := int64(-1), time.Now(); time.Since(since) < while; time.Sleep(10 * time.Millisecond) {
		log, err := os.Stat(tr.log)
		e2etest.Must(t, err)
		if log.Size() != last {
			last, since = log.Size(), time.Now()
		}
	}
}

// writing is what a process has asked the system to write and to sync.
type writing struct{ syncs, files, sockets float64 }

// call is a line of strace: the name, the file, and the result of a call.
var call = regexp.MustCompile(`^\d+ +(?:<\.\.\. )?(\w+)(?:\((?:\d+<(.*?)>)?.*| resumed>.*)= (\d+)$`)

// read adds up what has gone to files below a folder, and to sockets.
func (tr trace) read(t *testing.T, dir string) (w writing) {
	t.Helper()
	if !tr.works {
		return w
	}
	file, err := os.Open(tr.log)
	e2etest.Must(t, err)
	defer file.Close()
	started := map[string]string{} // by thread: the file of a call that has not returned
	scan := bufio.NewScanner(file)
	for scan.Scan() {
		line := scan.Text()
		thread, rest, _ := strings.Cut(line, " ")
		if strings.HasSuffix(line, "<unfinished ...>") {
			_, rest, _ = strings.Cut(rest, "<")
			started[thread], _, _ = strings.Cut(rest, ">")
			continue
		}
		found := call.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		path := found[2]
		if path == "" {
			path = started[thread]
		}
		n, err := strconv.ParseFloat(found[3], 64)
		e2etest.Must(t, err)
		switch {
		case strings.Contains(found[1], "sync"):
			w.syncs++
		case strings.HasPrefix(path, dir):
			w.files += n
		case strings.HasPrefix(path, "socket:") || strings.HasPrefix(path, "TCP"):
			w.sockets += n
		}
	}
	e2etest.Must(t, scan.Err())
	return w
}

// Calls of several threads are told in parts.
func TestReadTrace(t *testing.T) {
	tr := trace{log: filepath.Join(t.TempDir(), "log"), works: true}
	e2etest.Must(t, os.WriteFile(tr.log, []byte(`12 write(3</data/payloads/a>, ""..., 27000) = 27000
12 fdatasync(3</data/payloads/a>) = 0
13 pwrite64(5</data/records.db>, ""..., 4096, 8192 <unfinished ...>
12 write(9<socket:[77]>, ""..., 512) = 512
14 fsync(6</data/payloads> <unfinished ...>
13 <... pwrite64 resumed>) = 4096
14 <... fsync resumed>) = 0
12 msync(0x7f0c2a000000, 4096, MS_SYNC) = 0
12 write(2<pipe:[8]>, ""..., 90) = 90
12 write(9<socket:[77]>, ""..., 512) = -1 EAGAIN (Resource temporarily unavailable)
12 sendfile(9<socket:[77]>, 3</data/payloads/a>, NULL, 27000) = 27000
`), 0o600))
	if got, want := tr.read(t, "/data"), (writing{syncs: 3, files: 31096, sockets: 27512}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
