package osfs

import "raftsim/raft/vfs"

// SlowDown calls before ahead of every sync, on the goroutine that carries it out. It is to be called before the first.
func (f *FS) SlowDown(before func(vfs.Ticket)) {
	f.sync = func(r *request) error {
		before(r.ticket)
		return f.carryOut(r)
	}
}

// LockName is the file of the lock.
const LockName = lockName
