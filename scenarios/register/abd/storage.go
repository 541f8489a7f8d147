package abd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
)

// A replica's state is a join: the highest version of each key, in whatever order and how often they are put together. So its
// storage needs no log, no order and no marks: files hold versions, and what a replica has is the highest of each key in all of them. A
// file is read up to its first record that is not whole; what lies behind that was not yet synced, since syncs complete in
// order. A record of another time in its place (a file system may leave old blocks there) is a version that was once written,
// and does no harm.
//
// Versions are appended to the newest file. When it has grown past Config.FileBytes, and at every start, a new file takes over: it begins
// with the version of every key, and once it and its name are durable the older files are removed. At a start this also makes
// durable again what may live in the memory of the operating system only: after a sync that failed, or one that nobody waited for.

const (
	filePrefix = "state-"
	// A record is a checksum of the rest, the key, and the version, in big-endian order.
	recordSize = 4 + 4*8
)

// restore joins what all files hold, and notes their numbers.
func (r *Replica) restore() error {
	names, err := r.fs.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		digits, ours := strings.CutPrefix(name, filePrefix)
		number, err := strconv.ParseUint(digits, 10, 64)
		if !ours || err != nil {
			return fmt.Errorf("abd: %s is no file of a replica", name)
		}
		r.number = max(r.number, number)
		r.old = append(r.old, name)
		if err := r.read(name); err != nil {
			return err
		}
	}
	return nil
}

// read joins what one file holds.
func (r *Replica) read(name string) error {
	f, err := r.fs.Open(name)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err != nil {
		return err
	}
	data := make([]byte, size)
	if n, err := f.ReadAt(data, 0); err != nil && !(errors.Is(err, io.EOF) && int64(n) == size) {
		return err
	}
	for ; len(data) >= recordSize; data = data[recordSize:] {
		key, v, ok := decodeRecord(data[:recordSize])
		if !ok {
			break
		}
		if c := r.cell(key); c.version.Less(v.Timestamp) {
			c.version = v
		}
	}
	return f.Close()
}

// begin makes a new file the one that is written to, with every key in it. It returns false if the replica is dead.
func (r *Replica) begin() bool {
	if r.file != nil {
		r.old = append(r.old, fileName(r.number))
		if err := r.file.Close(); err != nil {
			r.halt(err)
			return false
		}
	}
	r.number++
	r.stats.Files++
	r.size = 0
	var err error
	if r.file, err = r.fs.Create(fileName(r.number)); err != nil {
		r.halt(err)
		return false
	}
	r.buffer = r.buffer[:0]
	for key := range r.cells {
		if v := r.cells[key].version; v != (Version{}) {
			r.buffer = appendRecord(r.buffer, uint64(key), v)
		}
	}
	if !r.write() || !r.host.Moment(MomentWritten) {
		return false
	}
	r.limit = r.size + r.config.FileBytes
	r.file.Sync(r.ticket())
	r.retire = r.ticket()
	r.fs.SyncDir(r.retire)
	return r.host.Moment(MomentBegun)
}

// append adds a version to the file and submits it. It returns false if the replica is dead.
func (r *Replica) append(key uint64, v Version) bool {
	r.buffer = appendRecord(r.buffer[:0], key, v)
	if !r.write() || !r.host.Moment(MomentWritten) {
		return false
	}
	t := r.ticket()
	r.cells[key].ticket = t
	r.file.Sync(t)
	return r.host.Moment(MomentSubmitted)
}

// write puts the buffer at the end of the file. It returns false if the replica is dead.
func (r *Replica) write() bool {
	n, err := r.file.WriteAt(r.buffer, r.size)
	if err != nil {
		r.halt(err)
		return false
	}
	r.size += int64(n)
	return true
}

// removeOld removes the files that the newest one replaces. It returns false if the replica is dead.
func (r *Replica) removeOld() bool {
	for _, name := range r.old {
		// Their names may come back with a power loss, and then they are read once more.
		if err := r.fs.Remove(name); err != nil {
			r.halt(err)
			return false
		}
	}
	r.old = r.old[:0]
	return r.host.Moment(MomentRemoved)
}

func fileName(number uint64) string { return filePrefix + strconv.FormatUint(number, 10) }

func appendRecord(dst []byte, key uint64, v Version) []byte {
	from := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for _, word := range [...]uint64{key, v.Counter, v.Writer, v.Value} {
		dst = binary.BigEndian.AppendUint64(dst, word)
	}
	binary.BigEndian.PutUint32(dst[from:], crc32.ChecksumIEEE(dst[from+4:]))
	return dst
}

// decodeRecord reads a record; ok is false if it is not whole. Zeros are none.
func decodeRecord(b []byte) (key uint64, v Version, ok bool) {
	if binary.BigEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return 0, v, false
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(b[4+8*i:]) }
	return word(0), Version{Timestamp{word(1), word(2)}, word(3)}, word(0) < MaxKeys
}
