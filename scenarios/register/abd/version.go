package abd

// Timestamp orders versions: by counter, then by writer. The zero value is that of a key never written.
type Timestamp struct {
	Counter uint64
	Writer  uint64 // id of the client, not 0
}

// Less reports whether t is before o.
func (t Timestamp) Less(o Timestamp) bool {
	return t.Counter < o.Counter || t.Counter == o.Counter && t.Writer < o.Writer
}

// Version is a value with the timestamp of the write it stems from. The zero value is that of a key never written.
type Version struct {
	Timestamp
	Value uint64
}

// MaxKeys bounds keys: a replica keeps all of them in memory, the numbers below the highest one included.
const MaxKeys = 1 << 16

// Majority returns how many of n replicas are enough: any two sets of so many have one in common.
func Majority(n int) int { return n/2 + 1 }
