package abd

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// Kind is the kind of a message.
type Kind uint8

const (
	Query  Kind = iota // to a replica: which version of the key have you?
	Store              // to a replica: keep this version, unless you have a newer one
	Answer             // to a client: this version, and it is durable
	Stored             // to a client: that version or a newer one is durable
	kinds
)

// KindNames returns the names of the kinds, by number.
func KindNames() []string { return []string{"query", "store", "answer", "stored"} }

// String returns the name.
func (k Kind) String() string {
	if k < kinds {
		return KindNames()[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ToReplica reports whether messages of this kind go from clients to replicas; the others go back.
func (k Kind) ToReplica() bool { return k == Query || k == Store }

// Message is what clients and replicas send each other. Client, Operation and Kind say which phase of which operation it is about.
type Message struct {
	Kind      Kind
	Client    uint64
	Operation uint64 // number of the operation, unique for the client
	Key       uint64 // below MaxKeys
	Version   Version
}

// messageSize is the length of every message, in bytes.
const messageSize = 1 + 6*8

// AppendMessage appends the bytes of m to dst: its kind, and six words in big-endian order.
func AppendMessage(dst []byte, m *Message) []byte {
	dst = append(dst, byte(m.Kind))
	for _, word := range [...]uint64{m.Client, m.Operation, m.Key, m.Version.Counter, m.Version.Writer, m.Version.Value} {
		dst = binary.BigEndian.AppendUint64(dst, word)
	}
	return dst
}

// DecodeMessage is the inverse of AppendMessage. It refuses everything else.
func DecodeMessage(b []byte, m *Message) error {
	if len(b) != messageSize {
		return fmt.Errorf("abd: a message of %d bytes: want %d", len(b), messageSize)
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(b[1+8*i:]) }
	*m = Message{
		Kind: Kind(b[0]), Client: word(0), Operation: word(1), Key: word(2),
		Version: Version{Timestamp{word(3), word(4)}, word(5)},
	}
	if m.Kind >= kinds {
		return fmt.Errorf("abd: a message of an unknown %v", m.Kind)
	}
	if m.Key >= MaxKeys {
		return fmt.Errorf("abd: a message about key %d: want one below %d", m.Key, MaxKeys)
	}
	return nil
}

// AppendText appends m in one canonical line: "store c2#7 k0 5.2=1234".
func (m *Message) AppendText(dst []byte) []byte {
	dst = append(append(dst, m.Kind.String()...), " c"...)
	dst = append(strconv.AppendUint(dst, m.Client, 10), '#')
	dst = append(strconv.AppendUint(dst, m.Operation, 10), " k"...)
	dst = strconv.AppendUint(dst, m.Key, 10)
	if m.Kind == Query {
		return dst
	}
	return m.Version.AppendText(append(dst, ' '))
}

// AppendText appends v in one canonical word: "5.2=1234", or "none" for a key never written.
func (v Version) AppendText(dst []byte) []byte {
	if v == (Version{}) {
		return append(dst, "none"...)
	}
	dst = append(v.Timestamp.AppendText(dst), '=')
	return strconv.AppendUint(dst, v.Value, 10)
}

// AppendText appends t in one canonical word: "5.2", counter and writer.
func (t Timestamp) AppendText(dst []byte) []byte {
	dst = append(strconv.AppendUint(dst, t.Counter, 10), '.')
	return strconv.AppendUint(dst, t.Writer, 10)
}
