package e2etest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the processor time that the process has used, in its own code and in the kernel for it.
// Source: https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html
func (p *Process) CPU() time.Duration {
	const scheduler = 2 // CPUCLOCK_SCHED in include/linux/posix-timers.h: the clock of a process id
	var used unix.Timespec
	Must(p.tb, unix.ClockGettime(^int32(p.Cmd.Process.Pid)<<3|scheduler, &used))
	return time.Duration(used.Nano())
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

// ForgetPeak lets Peak begin anew.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
func (p *Process) ForgetPeak() {
	Must(p.tb, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.Cmd.Process.Pid), []byte("5"), 0))
}

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
