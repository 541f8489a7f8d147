package storage

import (
	"raftsim/raft"
	"raftsim/raft/vfs"
)

// Memory is what Open may read into, for callers that open many logs and keep none: each Open with it takes back what the one before
// has returned, whose State and Log must not be used any more. Segments of which a vfs.Mem has only been lent the bytes are not read
// but looked at, and must stay as they are that long. The zero value is ready.
type Memory struct {
	data    []byte
	used    int
	entries []raft.Entry
}

// begin takes everything back. A nil Memory hands out new memory only.
func (m *Memory) begin() {
	if m != nil {
		m.used = 0
	}
}

// bytes hands out n bytes, whatever they hold.
func (m *Memory) bytes(n int64) []byte {
	if m == nil {
		return make([]byte, n)
	}
	if n > int64(len(m.data)-m.used) {
		m.data, m.used = make([]byte, max(2*int64(len(m.data)), n)), 0 // what was handed out keeps the old array
	}
	b := m.data[m.used:][:n:n]
	m.used += int(n)
	return b
}

// borrow returns the bytes of a file that shows them in place, nil if it does not, or nobody has promised that they stay.
func (m *Memory) borrow(file vfs.File, size int64) []byte {
	if lender, ok := file.(interface{ Lent() []byte }); ok && m != nil && size > 0 {
		if b := lender.Lent(); int64(len(b)) == size {
			return b
		}
	}
	return nil
}

// log hands out the room for a log.
func (m *Memory) log() []raft.Entry {
	if m == nil {
		return nil
	}
	entries := m.entries[:0]
	m.entries = nil
	return entries
}

// keep remembers how much room a log took.
func (m *Memory) keep(entries []raft.Entry) {
	if m != nil && cap(entries) > cap(m.entries) {
		m.entries = entries
	}
}
