package lock

import "encoding/binary"

// Op is what a command does.
type Op uint8

const (
	OpAcquire  Op = iota + 1 // make a child of a lock, or find the one the owner has; set a watch; answer the children
	OpChildren               // answer the children of a lock; with an owner: renew, and set a watch
	OpRelease                // remove the owner's child with this number
	OpRenew                  // renew; answer which watches have fired
	OpWrite                  // write the protected resource of a lock, with a token
	OpRead                   // answer the protected resource
)

// Command is one command, or a query: OpRead, and OpChildren without an owner.
type Command struct {
	Op    Op
	Lock  uint64 // all but OpRenew
	Owner uint64 // not 0, but for OpChildren: 0 for nobody; unused in OpWrite and OpRead
	TTL   int64  // OpAcquire: of log time, above 0
	Token uint64 // OpRelease: the number of the child; OpWrite
	Value uint64 // OpWrite
}

// codecError says why bytes do not decode.
type codecError string

func (e codecError) Error() string { return string(e) }

// Why bytes are no command, result or snapshot.
const (
	ErrCommand  = codecError("lock: not a command")
	ErrResult   = codecError("lock: not a result")
	ErrSnapshot = codecError("lock: not a snapshot of a state that commands lead to")
)

// AppendCommand appends a command: the operation in one byte, then its fields in eight each, little endian.
func AppendCommand(dst []byte, c *Command) []byte {
	dst = append(dst, byte(c.Op))
	switch c.Op {
	case OpAcquire:
		return appendWord(appendWord(appendWord(dst, c.Lock), c.Owner), uint64(c.TTL))
	case OpChildren:
		return appendWord(appendWord(dst, c.Lock), c.Owner)
	case OpRelease:
		return appendWord(appendWord(appendWord(dst, c.Lock), c.Owner), c.Token)
	case OpRenew:
		return appendWord(dst, c.Owner)
	case OpWrite:
		return appendWord(appendWord(appendWord(dst, c.Lock), c.Token), c.Value)
	}
	return appendWord(dst, c.Lock)
}

// decode reads what AppendCommand writes, and nothing else.
func (c *Command) decode(b []byte) error {
	if len(b) == 0 || (len(b)-1)%8 != 0 || len(b) > 25 {
		return ErrCommand
	}
	var word [3]uint64
	words := (len(b) - 1) / 8
	for i := range words {
		word[i] = binary.LittleEndian.Uint64(b[1+8*i:])
	}
	*c = Command{Op: Op(b[0]), Lock: word[0]}
	want := 3
	switch c.Op {
	case OpAcquire:
		c.Owner, c.TTL = word[1], int64(word[2])
	case OpChildren:
		c.Owner, want = word[1], 2
	case OpRelease:
		c.Owner, c.Token = word[1], word[2]
	case OpRenew:
		c.Lock, c.Owner, want = 0, word[0], 1
	case OpWrite:
		c.Token, c.Value = word[1], word[2]
	case OpRead:
		want = 1
	default:
		return ErrCommand
	}
	needsOwner := c.Op == OpAcquire || c.Op == OpRelease || c.Op == OpRenew
	if words != want || needsOwner && c.Owner == 0 || c.Op == OpAcquire && c.TTL <= 0 {
		return ErrCommand
	}
	return nil
}

func appendWord(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

func appendCount(dst []byte, n int) []byte { return binary.LittleEndian.AppendUint32(dst, uint32(n)) }

func appendWords(dst []byte, list []uint64) []byte {
	dst = appendCount(dst, len(list))
	for _, v := range list {
		dst = appendWord(dst, v)
	}
	return dst
}
