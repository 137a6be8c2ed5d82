//go:build unix

package clustertest

import "syscall"

// Freeze halts a server until Thaw; its connections stay.
func (s *Servers) Freeze(i int) { must(s.tb, s.running[i].Process.Signal(syscall.SIGSTOP)) }

// Thaw lets a server go on.
func (s *Servers) Thaw(i int) { must(s.tb, s.running[i].Process.Signal(syscall.SIGCONT)) }
