//go:build !unix

package etcdraft

import "time"

// cpuTime says that this system offers no processor time through the standard library's portable calls.
func cpuTime() (time.Duration, bool) { return 0, false }
