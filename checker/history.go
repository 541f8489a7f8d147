package checker

import (
	"encoding/binary"
	"fmt"
)

// OpKind is what a client asked of one key.
type OpKind uint8

const (
	OpGet    OpKind = iota // answers the state seen
	OpPut                  // replaces the state by a value
	OpDelete               // replaces the state by a tombstone
	OpCAS                  // replaces the state by a value if it equals the expected one, else answers the state seen
	OpAppend               // adds one word to a value; to a missing key it is a put of that word
)

// String returns the name used in reports.
func (k OpKind) String() string {
	switch k {
	case OpGet:
		return "get"
	case OpPut:
		return "put"
	case OpDelete:
		return "delete"
	case OpCAS:
		return "cas"
	case OpAppend:
		return "append"
	}
	return fmt.Sprintf("op(%d)", uint8(k))
}

// ReadKind says how a get is answered, and what its client is promised.
type ReadKind uint8

const (
	ReadLogged     ReadKind = iota // by an entry in the log, like every other operation
	ReadCurrent                    // by a server's state, outside the log, and linearizable all the same
	ReadStale                      // by a server's state as it is: some state the key has had, namely that after the entry the answer names
	ReadSequential                 // as ReadStale, and of a state no older than any the client had an answer from before: Invocation.Session is implied
)

// String returns the name used in reports.
func (k ReadKind) String() string {
	switch k {
	case ReadLogged:
		return "logged"
	case ReadCurrent:
		return "current"
	case ReadStale:
		return "stale"
	case ReadSequential:
		return "sequential"
	}
	return fmt.Sprintf("read(%d)", uint8(k))
}

// own reports whether the server asked answers from what it has: no part of linearizability.
func (k ReadKind) own() bool { return k == ReadStale || k == ReadSequential }

// NoReturn is the return step of an operation of unknown outcome.
const NoReturn = ^uint64(0)

// Invocation is a client starting an operation. Every write must carry ids no other write carries: the soundness of what the
// checker leaves out rests on it (it notices a repeated id and then leaves out nothing).
type Invocation struct {
	Client    uint64
	Seq       uint64 // unique within the client
	Key       uint64
	Kind      OpKind
	Value     []byte   // put, cas: one or more words; append: one word. Not kept.
	Tombstone uint64   // delete: its id, not 0
	Expect    Seen     // cas. Not kept.
	Read      ReadKind // get
	Session   bool     // get outside the log: the client was promised a state no older than any it had an answer from before (see ReadAt)
	Step      uint64
}

// Completion is a client getting its answer.
type Completion struct {
	Client  uint64
	Seq     uint64
	Swapped bool // cas: the value was replaced
	Seen    Seen // get, and cas that did not swap. Not kept.
	// ReadAt is the last index the server had applied when it answered. A stale read is judged by it. A current read is placed by it
	// in the order that is tried as a witness, where 0 is no place; no verdict depends on it. Other answers count for Session only.
	ReadAt uint64
	// OutOfContract marks a current read whose promise was void: one from a lease while a clock was worse than the bound declared.
	OutOfContract bool
	Step          uint64
}

// Operation is one operation of a history. Steps are the kernel's; the order in which operations were invoked and returned
// is finer than steps, for a client may get an answer and ask again within one step.
type Operation struct {
	Client, Seq, Key uint64
	Kind             OpKind
	Read             ReadKind
	Swapped          bool
	Session          bool
	OutOfContract    bool
	Written          uint64 // cell a put, delete or cas writes; the word an append adds
	Expected         uint64 // cell a cas expects
	Observed         uint64 // cell a get or a failed cas answered
	Invoke, Return   uint64 // steps; Return is NoReturn when the outcome is unknown
	ReadAt           uint64 // what the answer said
	floor            uint64 // highest ReadAt the client had seen when it asked, if that matters

	call, ret uint64 // positions in the history, from 1; ret 0 when the outcome is unknown
	key       uint32 // dense key number
	wrote     span   // words written (one tombstone id for a delete)
	expected  span   // words of the expected state
	observed  span   // words of the answered state
}

// span is a run of words in the history's store; for a missing state it is the tombstone id, or nothing.
type span struct{ from, count uint32 }

// completed tells whether the outcome was known at a position of the history.
func (o *Operation) completed(by uint64) bool { return o.ret != 0 && o.ret <= by }

// reads tells whether the operation answered a state and changed none.
func (o *Operation) reads(by uint64) bool {
	return o.completed(by) && (o.Kind == OpGet || o.Kind == OpCAS && !o.Swapped)
}

// DefaultLimit bounds the operations of a history whose Limit is 0; the words of their values are bounded by 64 times as many.
const DefaultLimit = 1 << 20

const wordsPerOperation = 64

// BoundError tells that a bound was reached.
type BoundError struct {
	What  string
	Bound uint64
}

func (e *BoundError) Error() string {
	return fmt.Sprintf("checker: %s: bound of %d reached", e.What, e.Bound)
}

// History collects the operations of all clients in the order the harness sees them. A client may have any number of them under way
// at once: an operation is known by client and sequence number, and what came before what is told by the order of the calls alone. The
// zero value is empty and ready.
type History struct {
	Limit uint64 // operations; 0 is DefaultLimit

	ops    []Operation
	words  []uint64
	byID   pairTable // (client, sequence) -> position in ops
	keyOf  pairTable // (key, 0) -> dense number
	keys   []uint64  // by dense number
	events uint64

	unlogged uint64    // reads outside the log
	clientOf pairTable // (client, 0) -> position in seen
	seen     []uint64  // highest ReadAt answered to a client
}

// Reset empties h and keeps its memory and its limit.
func (h *History) Reset() {
	h.ops = h.ops[:0]
	h.words = h.words[:0]
	h.byID.reset()
	h.keyOf.reset()
	h.keys = h.keys[:0]
	h.events, h.unlogged = 0, 0
	h.clientOf.reset()
	h.seen = h.seen[:0]
}

// Invoke records the start of an operation. It fails with a *BoundError when the history is full, and when the invocation
// is one the model cannot tell apart from others: a repeated (client, sequence), a value that is not whole words, a delete without id.
func (h *History) Invoke(in Invocation) error {
	limit := h.limit()
	if uint64(len(h.ops)) >= limit {
		return &BoundError{What: "operations in a history (History.Limit)", Bound: limit}
	}
	if _, ok := h.byID.find(in.Client, in.Seq); ok {
		return fmt.Errorf("checker: c%d#%d was invoked before", in.Client, in.Seq)
	}
	if err := in.validate(); err != nil {
		return err
	}
	op := Operation{Client: in.Client, Seq: in.Seq, Key: in.Key, Kind: in.Kind, Read: in.Read, Session: in.Session, Invoke: in.Step, Return: NoReturn}
	var err error
	switch in.Kind {
	case OpPut, OpCAS:
		op.Written = CellHash(in.Value)
		op.wrote, err = h.store(SeenValue(in.Value))
	case OpAppend:
		op.Written = binary.LittleEndian.Uint64(in.Value)
		op.wrote, err = h.store(SeenValue(in.Value))
	case OpDelete:
		op.Written = MissingHash(in.Tombstone)
		op.wrote, err = h.store(SeenMissing(in.Tombstone))
	}
	if err == nil && in.Kind == OpCAS {
		op.Expected = in.Expect.Cell()
		op.expected, err = h.store(in.Expect)
	}
	if err != nil {
		return err
	}
	key, ok := h.keyOf.find(in.Key, 0)
	if !ok {
		key = uint32(len(h.keys))
		h.keyOf.put(in.Key, 0, key)
		h.keys = append(h.keys, in.Key)
	}
	op.key = key
	if in.Read != ReadLogged {
		h.unlogged++
	}
	if in.Session {
		if client, ok := h.clientOf.find(in.Client, 0); ok {
			op.floor = h.seen[client]
		}
	}
	h.events++
	op.call = h.events
	h.byID.put(in.Client, in.Seq, uint32(len(h.ops)))
	h.ops = append(h.ops, op)
	return nil
}

func (in *Invocation) validate() error {
	if in.Read > ReadSequential || in.Kind != OpGet && in.Read != ReadLogged {
		return fmt.Errorf("checker: c%d#%d: a %s is no %s read", in.Client, in.Seq, in.Kind, in.Read)
	}
	switch in.Kind {
	case OpGet:
		return nil
	case OpPut, OpCAS:
		if len(in.Value) == 0 || len(in.Value)%WordSize != 0 {
			return fmt.Errorf("checker: c%d#%d: %s of %d bytes: a value is one or more ids of %d bytes", in.Client, in.Seq, in.Kind, len(in.Value), WordSize)
		}
	case OpAppend:
		if len(in.Value) != WordSize {
			return fmt.Errorf("checker: c%d#%d: append of %d bytes: an append adds one id of %d bytes", in.Client, in.Seq, len(in.Value), WordSize)
		}
	case OpDelete:
		if in.Tombstone == 0 {
			return fmt.Errorf("checker: c%d#%d: delete without a tombstone id", in.Client, in.Seq)
		}
	default:
		return fmt.Errorf("checker: c%d#%d: no such operation: %s", in.Client, in.Seq, in.Kind)
	}
	return nil
}

// Return records the answer to an operation. An operation never answered has an unknown outcome. It fails for an operation that
// was not invoked or has been answered, and with a *BoundError when the store of words is full.
func (h *History) Return(out Completion) error {
	at, ok := h.byID.find(out.Client, out.Seq)
	if !ok {
		return fmt.Errorf("checker: c%d#%d returned but was not invoked", out.Client, out.Seq)
	}
	op := &h.ops[at]
	if op.ret != 0 {
		return fmt.Errorf("checker: c%d#%d returned twice", out.Client, out.Seq)
	}
	if out.OutOfContract && op.Read != ReadCurrent {
		return fmt.Errorf("checker: c%d#%d is no current read, so it cannot be out of contract", out.Client, out.Seq)
	}
	op.Swapped = op.Kind == OpCAS && out.Swapped
	if op.Kind == OpGet || op.Kind == OpCAS && !out.Swapped {
		words, err := h.store(out.Seen)
		if err != nil {
			return err
		}
		op.observed, op.Observed = words, out.Seen.Cell()
	}
	op.ReadAt, op.OutOfContract = out.ReadAt, out.OutOfContract
	if out.ReadAt != 0 {
		h.learn(out.Client, out.ReadAt)
	}
	h.events++
	op.ret = h.events
	op.Return = out.Step
	return nil
}

// learn notes that a client has seen the state after an index.
func (h *History) learn(client, index uint64) {
	at, ok := h.clientOf.find(client, 0)
	if !ok {
		at = uint32(len(h.seen))
		h.clientOf.put(client, 0, at)
		h.seen = append(h.seen, 0)
	}
	h.seen[at] = max(h.seen[at], index)
}

// Len counts the operations; At returns one, in the order of invocation. It belongs to h.
func (h *History) Len() int            { return len(h.ops) }
func (h *History) At(i int) *Operation { return &h.ops[i] }

// Lookup returns the operation of a client by its sequence number, nil if there is none.
func (h *History) Lookup(client, seq uint64) *Operation {
	if at, ok := h.byID.find(client, seq); ok {
		return &h.ops[at]
	}
	return nil
}

func (h *History) limit() uint64 {
	if h.Limit == 0 {
		return DefaultLimit
	}
	return min(h.Limit, DefaultLimit)
}

// store keeps the words of a state.
func (h *History) store(s Seen) (span, error) {
	at := span{from: uint32(len(h.words))}
	if !s.Present {
		if s.Tombstone != 0 {
			h.words = append(h.words, s.Tombstone)
			at.count = 1
		}
		return at, nil
	}
	value := s.Value
	if bound := h.limit() * wordsPerOperation; uint64(len(h.words)+len(value)/WordSize+1) > bound {
		return span{}, &BoundError{What: "words of values in a history (64 per operation of History.Limit)", Bound: bound}
	}
	for len(value) >= WordSize {
		h.words = append(h.words, binary.LittleEndian.Uint64(value))
		value = value[WordSize:]
	}
	if len(value) > 0 {
		h.words = append(h.words, tailWord(value))
	}
	at.count = uint32(len(h.words)) - at.from
	return at, nil
}

func (h *History) at(s span) []uint64 { return h.words[s.from : s.from+s.count] }

// marks returns what identifies the writes a state stems from: the words of a value, or a deleted cell itself. one is room
// for the latter.
func (h *History) marks(cell uint64, s span, one *[1]uint64) []uint64 {
	switch {
	case present(cell):
		return h.at(s)
	case cell == 0:
		return nil
	}
	one[0] = cell
	return one[:]
}
