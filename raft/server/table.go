package server

// table holds what a server remembers about operations: at most one row for each (client, seq). Rows keep their number, and
// the memory in their value, until they are removed; a removed one is used again. A client has few operations under way, so
// finding a row is a lookup of its client and a walk over its rows. Nothing depends on the order of a map.
type table[T any] struct {
	heads map[uint64]int32 // by client: its first row
	rows  []row[T]
	free  []int32 // rows to be used again
}

type row[T any] struct {
	client, seq uint64 // client 0: a free row
	next        int32  // of the same client, noRow at the end
	value       T
}

const noRow int32 = -1

func newTable[T any]() table[T] { return table[T]{heads: make(map[uint64]int32)} }

// len returns the number of rows in use.
func (t *table[T]) len() int { return len(t.rows) - len(t.free) }

// find returns the row of an operation, or noRow. Cost: O(rows of the client).
func (t *table[T]) find(client, seq uint64) int32 {
	for i := t.first(client); i != noRow; i = t.rows[i].next {
		if t.rows[i].seq == seq {
			return i
		}
	}
	return noRow
}

// first returns a row of a client, noRow if there is none; row.next leads on.
func (t *table[T]) first(client uint64) int32 {
	if head, ok := t.heads[client]; ok {
		return head
	}
	return noRow
}

// add makes a row for an operation that has none. Its value is what the row's last user left: the caller sets it.
func (t *table[T]) add(client, seq uint64) int32 {
	i := int32(len(t.rows))
	if n := len(t.free); n > 0 {
		i, t.free = t.free[n-1], t.free[:n-1]
	} else {
		t.rows = append(t.rows, row[T]{})
	}
	r := &t.rows[i]
	r.client, r.seq, r.next = client, seq, t.first(client)
	t.heads[client] = i
	return i
}

// remove frees a row. Cost: O(rows of the client).
func (t *table[T]) remove(i int32) {
	r := &t.rows[i]
	if head := t.heads[r.client]; head != i {
		for t.rows[head].next != i {
			head = t.rows[head].next
		}
		t.rows[head].next = r.next
	} else if r.next != noRow {
		t.heads[r.client] = r.next
	} else {
		delete(t.heads, r.client)
	}
	r.client = 0
	t.free = append(t.free, i)
}

// clear frees all rows.
func (t *table[T]) clear() {
	for i := range t.rows {
		if t.rows[i].client != 0 {
			t.rows[i].client = 0
			t.free = append(t.free, int32(i))
		}
	}
	clear(t.heads)
}
