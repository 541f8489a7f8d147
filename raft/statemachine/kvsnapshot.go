package statemachine

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// The form of a snapshot of KV: the number of keys (8 bytes, little endian), then each key (8 bytes) with its cell, in the order of keys.
const kvSnapshotKey = 8 + 5 // the least a key takes: an empty value

// AppendSnapshot implements Snapshotter. Cost: the size of the state, and sorting the keys.
func (m *KV) AppendSnapshot(dst []byte) []byte {
	m.order = m.order[:0]
	for i := range m.cells {
		m.order = append(m.order, int32(i))
	}
	slices.SortFunc(m.order, func(a, b int32) int { return cmp.Compare(m.cells[a].key, m.cells[b].key) })
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(m.cells)))
	for _, i := range m.order {
		c := &m.cells[i]
		dst = binary.LittleEndian.AppendUint64(dst, c.key)
		dst = AppendCell(dst, Cell{Present: c.present, Value: c.value, Tombstone: c.tombstone})
	}
	return dst
}

// Restore implements Snapshotter. Cost: the size of the snapshot.
func (m *KV) Restore(b []byte) error {
	if err := checkKVSnapshot(b); err != nil {
		return err
	}
	m.Reset()
	rest := b[8:]
	for len(rest) > 0 {
		key := binary.LittleEndian.Uint64(rest)
		var c Cell
		c, rest, _ = decodeCell(rest[8:])
		if c.Present {
			m.set(m.slot(key), c.Value)
		} else {
			m.remove(m.slot(key), c.Tombstone)
		}
	}
	return nil
}

// checkKVSnapshot says what is wrong with a snapshot, if anything.
func checkKVSnapshot(b []byte) error {
	if len(b) < 8 {
		return ErrSnapshotShort
	}
	count, rest := binary.LittleEndian.Uint64(b), b[8:]
	if count > uint64(len(rest))/kvSnapshotKey {
		return ErrSnapshotShort
	}
	var before uint64
	for i := range count {
		if len(rest) < 8 {
			return ErrSnapshotShort
		}
		key := binary.LittleEndian.Uint64(rest)
		c, after, err := decodeCell(rest[8:])
		if err != nil {
			return err
		}
		if i > 0 && key <= before || !c.Present && c.Tombstone == 0 {
			return ErrSnapshotState
		}
		before, rest = key, after
	}
	if len(rest) != 0 {
		return ErrSnapshotTrailing
	}
	return nil
}

// Query implements Reader: the queries are the get commands, and the results theirs.
func (m *KV) Query(query, dst []byte) []byte {
	var c Command
	if c.decode(query) != nil || c.Op != OpGet {
		return append(dst, byte(ResultInvalid))
	}
	return m.appendSeen(c.Key, dst)
}

// appendSeen appends the result of a get.
func (m *KV) appendSeen(key uint64, dst []byte) []byte {
	seen := m.Lookup(key)
	if seen.Present {
		return AppendCell(append(dst, byte(ResultFound)), seen)
	}
	return AppendCell(append(dst, byte(ResultMissing)), seen)
}
