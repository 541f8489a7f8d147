package client

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// MaxHops is how often a request may be forwarded: once, by the server that received it from the client. Two servers that
// each believe the other leads therefore cannot send it round in circles.
const MaxHops = 1

// Kind is what a request asks for.
type Kind uint8

// The numbers are part of the format; 0 is no kind.
const (
	// KindCommand asks to have a command executed, in its turn in the session.
	KindCommand Kind = 1
	// KindOpen asks for a session.
	KindOpen Kind = 2
	// KindRead asks the state machine a query that changes nothing and is in no log.
	KindRead Kind = 3
	// KindWho asks whom a server believes to lead, and in which term. It is answered at once, by any server, and is no operation: Seq
	// and Attempt only tie the answer to the question.
	KindWho Kind = 4
)

func (k Kind) String() string {
	switch k {
	case KindCommand:
		return "command"
	case KindOpen:
		return "open"
	case KindRead:
		return "read"
	case KindWho:
		return "who"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// ReadKind is by which way an operation that changes nothing gets its answer. What each promises is the server's to keep.
type ReadKind uint8

// The numbers are part of the format.
const (
	// ReadLog is the way of every command: through the log, in a session. A request with this kind of read is a KindCommand.
	ReadLog ReadKind = 0
	// ReadLeader is answered by the leader after a round that confirms that it leads (paper §8). Linearizable.
	ReadLeader ReadKind = 1
	// ReadLease is answered by the leader, without a round while its lease lasts. Linearizable if clocks keep to their bound.
	ReadLease ReadKind = 2
	// ReadFollower is answered by the server asked, leader or not, after it has learnt from the leader how recent its state
	// must be. Linearizable.
	ReadFollower ReadKind = 3
	// ReadStale is answered by the server asked from whatever state it has, at Request.Index or later.
	ReadStale ReadKind = 4
	// ReadSequential is answered by the server asked once its state is as new as the newest the client has seen, by any answer:
	// Request.Index. The client never goes back in time and sees its own writes; what others wrote it may see late.
	ReadSequential ReadKind = 5
)

func (k ReadKind) String() string {
	switch k {
	case ReadLog:
		return "log"
	case ReadLeader:
		return "leader"
	case ReadLease:
		return "lease"
	case ReadFollower:
		return "follower"
	case ReadStale:
		return "stale"
	case ReadSequential:
		return "sequential"
	}
	return fmt.Sprintf("ReadKind(%d)", uint8(k))
}

// ReadKindNames returns the names of all kinds of read, by number. The slice is the caller's.
func ReadKindNames() []string {
	return []string{"log", "leader", "lease", "follower", "stale", "sequential"}
}

// local reports whether the server that is asked answers, whoever leads.
func (k ReadKind) local() bool { return k == ReadFollower || k.Own() }

// Own reports whether the server that is asked answers from what it has, and asks nobody: ReadStale and ReadSequential.
func (k ReadKind) Own() bool { return k == ReadStale || k == ReadSequential }

// Request is one attempt of an operation. All attempts of an operation have the same (Client, Seq), which is how the
// servers know them for one operation.
type Request struct {
	Kind    Kind
	Read    ReadKind // of a read: any but ReadLog; else ReadLog
	Client  uint64   // who asks, from 1
	Seq     uint64   // the client's number for the operation, from 1
	Attempt uint32   // from 1, rising within an operation
	Hops    uint8    // 0 as sent by the client, 1 as forwarded by a server
	Origin  uint64   // the server that must answer when Hops is 1; 0 as sent by the client

	// Via is the front the answer goes back through; 0: to the client itself.
	Via uint64

	// Of a command; else 0.
	Session uint64 // the one it belongs to
	Prev    uint64 // number of the command of the session before this one, or of the opening; 1 <= Prev < Seq
	Ack     uint64 // lowest number the client still wants an answer to: everything below is answered or given up; 1 <= Ack <= Seq

	// Index, of a ReadStale or ReadSequential, is the lowest applied index it may be answered at: the client has seen that much. Else 0.
	Index uint64

	Command []byte // for the state machine: a command, or a query; of an opening empty
}

// The header of every request is kind, client, seq, attempt, hops, origin, little endian, and via if there is one. A command goes on with session, prev and
// ack, a read with its kind and index.
const (
	requestHeader = 1 + 8 + 8 + 4 + 1 + 8
	commandHeader = 3 * 8
	readHeader    = 1 + 8
)

// viaBit, in the byte that says what a message is, says that its header ends with the front it goes back through.
const viaBit = 0x80

func withVia(what byte, via uint64) byte {
	if via != 0 {
		return what | viaBit
	}
	return what
}

// codecError says why bytes do not decode. A constant of this type is an error that costs no allocation and that no
// one can reassign.
type codecError string

func (e codecError) Error() string { return string(e) }

// Why a request or a reply does not decode.
const (
	ErrShort    = codecError("client: message shorter than its header")
	ErrKind     = codecError("client: request of an unknown kind")
	ErrRead     = codecError("client: read of an unknown kind")
	ErrClient   = codecError("client: message without a client")
	ErrSeq      = codecError("client: message without a sequence number")
	ErrAttempt  = codecError("client: message without an attempt")
	ErrHops     = codecError("client: request forwarded more than once")
	ErrOrigin   = codecError("client: request whose hops and origin disagree")
	ErrSession  = codecError("client: command without a session")
	ErrPrev     = codecError("client: command whose predecessor is not between 1 and its own number")
	ErrAck      = codecError("client: command that acknowledges nothing, or itself")
	ErrTrailing = codecError("client: bytes after the end of a message that has no more")
	ErrVia      = codecError("client: message through no front that says it goes through one")
	ErrStatus   = codecError("client: reply of an unknown status")
	ErrLeader   = codecError("client: redirect to nowhere")
	ErrIndex    = codecError("client: index in a message that has none")
	ErrOpened   = codecError("client: session in a reply that has none, or with a result")
	ErrResult   = codecError("client: result in a reply that has none")
)

// AppendRequest appends the one encoding of r. It does not judge r: one that breaks a rule of DecodeRequest is refused there, and
// fields that its kind does not have are left out.
func AppendRequest(dst []byte, r *Request) []byte {
	dst = append(dst, withVia(byte(r.Kind), r.Via))
	dst = binary.LittleEndian.AppendUint64(dst, r.Client)
	dst = binary.LittleEndian.AppendUint64(dst, r.Seq)
	dst = binary.LittleEndian.AppendUint32(dst, r.Attempt)
	dst = append(dst, r.Hops)
	dst = binary.LittleEndian.AppendUint64(dst, r.Origin)
	if r.Via != 0 {
		dst = binary.LittleEndian.AppendUint64(dst, r.Via)
	}
	switch r.Kind {
	case KindCommand:
		dst = binary.LittleEndian.AppendUint64(dst, r.Session)
		dst = binary.LittleEndian.AppendUint64(dst, r.Prev)
		dst = binary.LittleEndian.AppendUint64(dst, r.Ack)
	case KindRead:
		dst = append(dst, byte(r.Read))
		dst = binary.LittleEndian.AppendUint64(dst, r.Index)
	}
	return append(dst, r.Command...)
}

// DecodeRequest sets all of r from b. Command aliases b and may be empty. On an error r is unchanged.
func DecodeRequest(b []byte, r *Request) error {
	if len(b) < requestHeader {
		return ErrShort
	}
	d := Request{
		Kind:    Kind(b[0] &^ viaBit),
		Client:  binary.LittleEndian.Uint64(b[1:]),
		Seq:     binary.LittleEndian.Uint64(b[9:]),
		Attempt: binary.LittleEndian.Uint32(b[17:]),
		Hops:    b[21],
		Origin:  binary.LittleEndian.Uint64(b[22:]),
	}
	switch {
	case d.Client == 0:
		return ErrClient
	case d.Seq == 0:
		return ErrSeq
	case d.Attempt == 0:
		return ErrAttempt
	case d.Hops > MaxHops:
		return ErrHops
	case (d.Hops == 0) != (d.Origin == 0):
		return ErrOrigin
	}
	rest := b[requestHeader:]
	if b[0]&viaBit != 0 {
		if len(rest) < 8 {
			return ErrShort
		}
		if d.Via, rest = binary.LittleEndian.Uint64(rest), rest[8:]; d.Via == 0 {
			return ErrVia
		}
	}
	if err := d.decodeRest(rest); err != nil {
		return err
	}
	*r = d
	return nil
}

// decodeRest reads what only this kind of request has, and what is behind it: b begins after the header.
func (r *Request) decodeRest(b []byte) error {
	switch r.Kind {
	case KindCommand:
		if len(b) < commandHeader {
			return ErrShort
		}
		r.Session = binary.LittleEndian.Uint64(b)
		r.Prev = binary.LittleEndian.Uint64(b[8:])
		r.Ack = binary.LittleEndian.Uint64(b[16:])
		r.Command = b[commandHeader:]
		switch {
		case r.Session == 0:
			return ErrSession
		case r.Prev == 0 || r.Prev >= r.Seq:
			return ErrPrev
		case r.Ack == 0 || r.Ack > r.Seq:
			return ErrAck
		}
	case KindOpen, KindWho:
		if len(b) != 0 {
			return ErrTrailing
		}
	case KindRead:
		if len(b) < readHeader {
			return ErrShort
		}
		r.Read = ReadKind(b[0])
		r.Index = binary.LittleEndian.Uint64(b[1:])
		r.Command = b[readHeader:]
		if r.Read == ReadLog || r.Read > ReadSequential {
			return ErrRead
		}
		if r.Index != 0 && !r.Read.Own() {
			return ErrIndex
		}
	default:
		return ErrKind
	}
	return nil
}

// AppendText appends the request's canonical line:
//
//	open c5 #1 try 1
//	command c5 #12 try 2 from n3 session 17 after #11 ack #12: 9 bytes
//	read stale c5 #13 try 1 index 40: 9 bytes
func (r *Request) AppendText(dst []byte) []byte {
	dst = append(dst, r.Kind.String()...)
	if r.Kind == KindRead {
		dst = append(append(dst, ' '), r.Read.String()...)
	}
	dst = appendAttempt(dst, r.Client, r.Seq, r.Attempt)
	if r.Hops != 0 || r.Origin != 0 {
		dst = strconv.AppendUint(append(dst, " from n"...), r.Origin, 10)
	}
	if r.Via != 0 {
		dst = appendVia(dst, r.Via)
	}
	switch r.Kind {
	case KindOpen, KindWho:
		return dst
	case KindCommand:
		dst = strconv.AppendUint(append(dst, " session "...), r.Session, 10)
		dst = strconv.AppendUint(append(dst, " after #"...), r.Prev, 10)
		dst = strconv.AppendUint(append(dst, " ack #"...), r.Ack, 10)
	case KindRead:
		if r.Index != 0 {
			dst = strconv.AppendUint(append(dst, " index "...), r.Index, 10)
		}
	}
	return fmt.Appendf(dst, ": %d bytes", len(r.Command))
}

func (r *Request) String() string { return string(r.AppendText(nil)) }

func appendAttempt(dst []byte, client, seq uint64, attempt uint32) []byte {
	dst = strconv.AppendUint(append(dst, " c"...), client, 10)
	dst = strconv.AppendUint(append(dst, " #"...), seq, 10)
	return strconv.AppendUint(append(dst, " try "...), uint64(attempt), 10)
}

func appendVia(dst []byte, via uint64) []byte {
	return strconv.AppendUint(append(dst, " via "...), via, 10)
}
