package server

// table holds what a server remembers about operations: at most one row for each (client, seq). Rows keep their number, and
// the memory in their value, until they are removed; a removed one is used again. A client has few operations under way, so
// finding a row is a lookup of its client and a walk over its rows. Nothing depends on the order of a map.
type table[T any] struct {
	heads map[uint64]int32 // by client: its first row
	near  [nearHeads]head  // what was looked up last in heads, or put there
	rows  []row[T]
	free  []int32 // rows to be used again
}

type row[T any] struct {
	client, seq uint64 // client 0: a free row
	next        int32  // of the same client, noRow at the end
	value       T
}

// head is the first row of a client, noRow if it has none.
type head struct {
	client uint64
	row    int32
	known  bool
}

const nearHeads = 16

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
	near := &t.near[client%nearHeads]
	if near.known && near.client == client {
		return near.row
	}
	row, ok := t.heads[client]
	if !ok {
		row = noRow
	}
	*near = head{client, row, true}
	return row
}

// begin makes row the first one of a client.
func (t *table[T]) begin(client uint64, row int32) {
	if row == noRow {
		delete(t.heads, client)
	} else {
		t.heads[client] = row
	}
	t.near[client%nearHeads] = head{client, row, true}
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
	t.begin(client, i)
	return i
}

// remove frees a row. Cost: O(rows of the client).
func (t *table[T]) remove(i int32) {
	r := &t.rows[i]
	if row := t.first(r.client); row != i {
		for t.rows[row].next != i {
			row = t.rows[row].next
		}
		t.rows[row].next = r.next
	} else {
		t.begin(r.client, r.next)
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
	t.near = [nearHeads]head{}
}
