package clustertest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// BenchmarkServer is what a record of 800 bytes costs a server, 20 of them an entry, and what a server needs without any.
func BenchmarkServer(b *testing.B) {
	const records = 100_000
	for b.Loop() {
		s := Start(b, 1, "")
		js := s.JetStream()
		_, err := js.CreateKeyValue(b.Context(), jetstream.KeyValueConfig{Bucket: "records", Storage: jetstream.FileStorage})
		must(b, err)
		before := resident(b, s.running[0].Process.Pid)
		for i := range records {
			_, err := js.PublishAsync(fmt.Sprintf("$KV.records.e.entry%d.jobs.01J%08d", i/20, i), make([]byte, 800))
			must(b, err)
			if i%1000 == 999 { // more on their way would be too many
				<-js.PublishAsyncComplete()
			}
		}
		<-js.PublishAsyncComplete()
		b.ReportMetric(float64(before)/1e6, "MB/server")
		b.ReportMetric(float64(resident(b, s.running[0].Process.Pid)-before)/records, "B-memory/record")
		b.ReportMetric(float64(size(b, s.dirs[0]))/records, "B-disk/record")
	}
}

// resident is how many bytes of memory a process has. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func resident(b *testing.B, pid int) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(b, err)
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	must(b, err)
	return kilobytes << 10
}

func size(b *testing.B, folder string) (sum int64) {
	b.Helper()
	must(b, filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				sum += info.Size()
			}
		}
		return err
	}))
	return sum
}
