package etcdraft

import (
	"crypto/rand"
	"sync"
)

// constantReader is a source of zeros without state: runs in parallel cannot influence each other through it.
type constantReader struct{}

func (constantReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

var constantOnce sync.Once

// useConstantReader makes etcd's draws of election timeouts constant for the whole process: etcd takes them from the global
// crypto/rand.Reader. A program that hosts this core must not draw secrets from that variable.
func useConstantReader() { constantOnce.Do(func() { rand.Reader = constantReader{} }) }
