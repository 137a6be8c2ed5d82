package e2etest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// CPU is the processor time that the process has used.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func (p *Process) CPU() time.Duration {
	text := p.proc("stat")
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime, in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		Must(p.tb, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// Resident is the memory of the process in bytes, and Peak the most it has had.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func (p *Process) Resident() int64 { return p.figure("status", "VmRSS:") << 10 }

// Peak is described at [Process.Resident].
func (p *Process) Peak() int64 { return p.figure("status", "VmHWM:") << 10 }

// Written is how many bytes the process has caused to be written to disks so far. A
// file system in memory counts nothing.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_io.5.html
func (p *Process) Written() int64 { return p.figure("io", "\nwrite_bytes:") }

// Switches is how often threads of the process have been woken so far: each waits at least once for each time it runs. Those that have ended
// are not counted.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func (p *Process) Switches() (n int64) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.Cmd.Process.Pid))
	Must(p.tb, err)
	for _, thread := range threads {
		n += p.figure("task/"+thread.Name()+"/status", "\nvoluntary_ctxt_switches:")
	}
	return n
}

func (p *Process) figure(file, name string) int64 {
	_, rest, found := strings.Cut(p.proc(file), name)
	if !found {
		p.tb.Fatalf("%s of %s has no %s", file, p.Name, name)
	}
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	Must(p.tb, err)
	return n
}

func (p *Process) proc(file string) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Cmd.Process.Pid, file))
	Must(p.tb, err)
	return string(text)
}
