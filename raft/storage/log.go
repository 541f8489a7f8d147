// Package storage keeps what a Raft server must not forget in one file: its identity, its hard state and its log.
//
// The file "log" is a sequence of checksummed records, written in batches: the bootstrap state first, then for each Ready
// one batch of the hard state (if it changed) followed by the entries. A batch is one write and is recovered whole or not
// at all, so the hard state on disk is never older than the entries beside it (a log must not hold terms its server has
// not heard of) and the commit index never points behind the last entry. A later entry with the index of an earlier one
// replaces it and everything behind it. The file only grows; compaction is not part of this format.
//
// # What recovery can and cannot tell
//
// A tail that ends in the middle of a record or batch, or in bytes that are no record, is what a power loss leaves of writes
// that were never synced. It is cut off. A bad record with a good one behind it cannot come from that: it is corruption, and
// Open refuses it with the place (a server that dropped the rest would forget what it acknowledged). The limits:
//   - Damage in the very last batch looks like a torn write and is cut off, synced or not. So does damage that leaves no
//     record behind it readable, and a file cut short at any place.
//   - A disk that keeps a later part of an unsynced batch without an earlier one makes a torn write look like corruption.
//     The server then stays down, which is safe. Likewise an unfinished record whose data holds the image of another log.
//   - A checksum has 32 bits and detects accidents, not malice.
package storage

import (
	"errors"
	"fmt"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// Name is the file everything is in.
const Name = "log"

// ErrTooLarge is returned for an entry whose record would exceed 64 MiB.
var ErrTooLarge = errors.New("storage: record too large")

// Log appends to the file. It is made by Open. After an error of Append the end of the file is unknown and every later
// Append returns that error; the server must stop and recover from the disk, and the same holds after a failed sync.
type Log struct {
	file   vfs.File
	end    int64  // where the next batch goes
	chain  uint32 // checksum up to end
	buf    []byte // reused for every batch
	failed error
}

// Append writes one batch: the hard state, if hs is not nil, and the entries, whose first replaces whatever the log holds
// from its index on. Nothing is durable before a later Sync completes. An empty batch writes nothing. It is one WriteAt
// and allocates only to grow its buffer.
func (l *Log) Append(hs *raft.HardState, entries []raft.Entry) error {
	if l.failed != nil {
		return l.failed
	}
	buf, chain := l.buf[:0], l.chain
	start := 0
	if hs != nil {
		buf, start = appendHeader(buf)
		buf = appendHardState(buf, hs)
		chain = sealRecord(buf, start, kindHardState|lastMark(len(entries) == 0), chain)
	}
	for i := range entries {
		buf, start = appendHeader(buf)
		buf = raft.AppendEntry(buf, &entries[i])
		if len(buf)-start > headerSize+maxPayload {
			return fmt.Errorf("%w: entry %d has %d bytes", ErrTooLarge, entries[i].Index, len(buf)-start-headerSize)
		}
		chain = sealRecord(buf, start, kindEntry|lastMark(i == len(entries)-1), chain)
	}
	l.buf = buf
	if len(buf) == 0 {
		return nil
	}
	if _, err := l.file.WriteAt(buf, l.end); err != nil {
		l.failed = fmt.Errorf("storage: append at offset %d of %q: %w", l.end, Name, err)
		return l.failed
	}
	l.end += int64(len(buf))
	l.chain = chain
	return nil
}

// Sync submits a sync of everything appended so far.
func (l *Log) Sync(t vfs.Ticket) { l.file.Sync(t) }

// Size returns the length of the log in bytes.
func (l *Log) Size() int64 { return l.end }

// Close closes the file. What was not synced stays so.
func (l *Log) Close() error { return l.file.Close() }

func lastMark(last bool) byte {
	if last {
		return lastOfBatch
	}
	return 0
}
