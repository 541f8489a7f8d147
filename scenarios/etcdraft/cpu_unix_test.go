//go:build unix

package etcdraft

import (
	"syscall"
	"time"
)

// cpuTime gives the user and system time this process has used on all its threads.
func cpuTime() (time.Duration, bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
