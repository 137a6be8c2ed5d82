package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
)

// releaseMemory gives back what only the start needed: heap, and pages of the program itself, which come back one by one as they are used.
func releaseMemory() {
	debug.FreeOSMemory()
	program, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps") // https://man7.org/linux/man-pages/man5/proc_pid_maps.5.html
	if err != nil {
		return
	}
	defer maps.Close() //nolint:errcheck // only read from
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uintptr
		var rights string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); n == 3 && !strings.Contains(rights, "w") &&
			strings.HasSuffix(lines.Text(), program) {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
		}
	}
}
