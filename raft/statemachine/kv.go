package statemachine

// KV is a map from numbered keys to values: get, put, delete, compare-and-set, append. It is the StateMachine that clients of a
// simulated cluster talk to, a Snapshotter and a Reader.
//
// A deleted key keeps its tombstone for ever, as a get answers it. Memory: O(keys ever written).
//
// The zero value is not usable; call NewKV.
type KV struct {
	slots map[uint64]int // key -> position in cells; looked up, never ranged over
	cells []cell         // in the order of the first write
	sum   uint64         // sum of the cells' hashes
	order []int32        // scratch of AppendSnapshot
}

type cell struct {
	key       uint64
	present   bool
	tombstone uint64 // when not present
	value     []byte // when present; the buffer outlives a delete
	name      uint64 // hash of the key
	hash      uint64 // what this cell contributes to KV.sum
}

// NewKV returns an empty map.
func NewKV() *KV { return &KV{slots: make(map[uint64]int)} }

// Reset empties the map and keeps its memory.
func (m *KV) Reset() {
	clear(m.slots)
	m.cells = m.cells[:0]
	m.sum = 0
}

// Apply executes one command and appends its Result. Bytes that are no command give ResultInvalid and change nothing. The index
// plays no part.
//
// Cost: one map lookup and the hash of the new value (of the whole value, for an append too). No allocation unless a value
// outgrows all earlier ones of its key.
func (m *KV) Apply(_ uint64, command, dst []byte) []byte {
	var c Command
	if c.decode(command) != nil {
		return append(dst, byte(ResultInvalid))
	}
	switch c.Op {
	case OpGet:
		return m.appendSeen(c.Key, dst)
	case OpPut:
		m.set(m.slot(c.Key), c.Value)
	case OpDelete:
		m.remove(m.slot(c.Key), c.Tombstone)
	case OpCAS:
		if seen := m.Lookup(c.Key); !seen.Equal(c.Expect) {
			return AppendCell(append(dst, byte(ResultFailed)), seen)
		}
		m.set(m.slot(c.Key), c.Value)
	case OpAppend:
		m.extend(m.slot(c.Key), c.Value)
	}
	return append(dst, byte(ResultOK))
}

// Lookup returns what a key holds. The value aliases the state and is valid until the next Apply or Reset; it must not be
// written to.
func (m *KV) Lookup(key uint64) Cell {
	slot, written := m.slots[key]
	if !written {
		return Cell{}
	}
	c := &m.cells[slot]
	if !c.present {
		return Cell{Tombstone: c.tombstone}
	}
	return Cell{Present: true, Value: c.value}
}

// Len returns the number of keys ever written, deleted ones included.
func (m *KV) Len() int { return len(m.cells) }

// Hash is a fingerprint of all cells, tombstones included.
func (m *KV) Hash() uint64 { return avalanche(m.sum) }

// slot returns the cell of a key that is about to be written, making it if need be.
func (m *KV) slot(key uint64) *cell {
	slot, written := m.slots[key]
	if written {
		return &m.cells[slot]
	}
	slot = len(m.cells)
	if slot < cap(m.cells) {
		m.cells = m.cells[:slot+1]
		m.cells[slot] = cell{key: key, name: combine(key, markKey), value: m.cells[slot].value[:0]}
	} else {
		m.cells = append(m.cells, cell{key: key, name: combine(key, markKey)})
	}
	m.slots[key] = slot
	return &m.cells[slot]
}

func (m *KV) set(c *cell, value []byte) {
	c.value = append(c.value[:0], value...)
	c.present = true
	m.rehash(c)
}

func (m *KV) extend(c *cell, value []byte) {
	if !c.present {
		c.value = c.value[:0]
	}
	c.value = append(c.value, value...)
	c.present = true
	m.rehash(c)
}

func (m *KV) remove(c *cell, tombstone uint64) {
	c.value = c.value[:0]
	c.present = false
	c.tombstone = tombstone
	m.rehash(c)
}

// Marks that keep the two kinds of cell apart in the hash, and the keys' names from those of sessions.
const (
	markKey     = 0x2d358dccaa6c78a5
	markMissing = 0x8bb84b93962eacc9
)

// rehash brings the sum up to date after c changed. What c held before is known by its old hash alone.
func (m *KV) rehash(c *cell) {
	m.sum -= c.hash
	if c.present {
		c.hash = fold(c.name, hashBytes(c.value))
	} else {
		c.hash = fold(c.name^markMissing, c.tombstone)
	}
	m.sum += c.hash
}
