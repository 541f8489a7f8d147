package storagetest_test

import (
	"path/filepath"
	"testing"

	"raftsim/raft/storage/storagetest"
	"raftsim/raft/vfs"
	"raftsim/raft/vfs/osfs"
)

func TestOnMem(t *testing.T) {
	storagetest.Run(t, storagetest.Options{Workloads: 30}, func(*testing.T) storagetest.Subject {
		m := &vfs.Mem{}
		var done []vfs.Completion
		return storagetest.Subject{
			Start: func() (vfs.FS, error) {
				m.Completions()
				done = nil
				return m, nil
			},
			Next: func() (vfs.Completion, bool) {
				done = append(done, m.Completions()...)
				if len(done) == 0 {
					return vfs.Completion{}, false
				}
				c := done[0]
				done = done[1:]
				return c, true
			},
		}
	})
}

func TestOnFiles(t *testing.T) {
	storagetest.Run(t, storagetest.Options{Workloads: 4, Operations: 100}, func(t *testing.T) storagetest.Subject {
		dir := filepath.Join(t.TempDir(), "member")
		var f *osfs.FS
		return storagetest.Subject{
			Start: func() (_ vfs.FS, err error) {
				if f != nil {
					if err := f.Close(); err != nil {
						return nil, err
					}
				}
				f, err = osfs.Open(dir)
				return f, err
			},
			Next: func() (vfs.Completion, bool) {
				if done := f.Poll(1); len(done) > 0 {
					return done[0], true
				}
				return vfs.Completion{}, false
			},
		}
	})
}
